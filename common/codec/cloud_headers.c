#include "common/codec/cloud_headers.h"

#include <strings.h>

bool header_name_is(struct span name, const char *wanted)
{
    return name.length == strlen(wanted) &&
           strncasecmp(name.bytes, wanted, name.length) == 0;
}

static bool is_structured(struct span value)
{
    static const char TYPE[] = "application/cloudevents+json";
    size_t length = sizeof(TYPE) - 1;
    if (value.bytes == NULL || value.length < length ||
        strncasecmp(value.bytes, TYPE, length) != 0)
        return false;
    return value.length == length || value.bytes[length] == ';' ||
           value.bytes[length] == ' ';
}

void cloud_header_take(struct cloud_attributes *cloud, struct span name,
                       struct span value)
{
    if (header_name_is(name, "content-type"))
        cloud->structured = is_structured(value);
    else if (header_name_is(name, "ce_id"))
        cloud->id = value;
    else if (header_name_is(name, "ce_source"))
        cloud->source = value;
    else if (header_name_is(name, "ce_type"))
        cloud->type = value;
    else if (header_name_is(name, "ce_time"))
        cloud->time = value;
}
