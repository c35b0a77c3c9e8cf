#include "common/codec/letter.h"

#include "common/base/check.h"
#include "common/codec/cloud_headers.h"
#include "common/codec/headers.h"

#include <inttypes.h>
#include <stdio.h>

#define FIRST_OF_OURS "__connect.errors.topic"

/* What one of our headers tells. */
static void take(struct letter *letter, struct span name, struct span value)
{
    if (span_is(name, FIRST_OF_OURS))
        letter->topic = value;
    else if (span_is(name, "__connect.errors.partition"))
        letter->has_origin = span_to_int64(value, &letter->origin_partition);
    else if (span_is(name, "__connect.errors.offset"))
        letter->has_origin =
            letter->has_origin && span_to_int64(value, &letter->origin_offset);
    else if (span_is(name, "__connect.errors.exception.message"))
        letter->message = value;
    else if (span_is(name, "parstock.reason"))
        letter->reason = value;
}

static void begin_ours(struct letter *letter, const char *at)
{
    letter->received =
        (struct span){letter->headers.bytes, (size_t)(at - letter->headers.bytes)};
    letter->topic = (struct span){0};
    letter->message = (struct span){0};
    letter->reason = (struct span){0};
    letter->has_origin = false;
}

bool letter_read(struct letter *letter)
{
    struct span left = letter->headers;
    struct span name;
    struct span value;
    bool is_ours = false;
    letter->received = letter->headers;
    letter->retry_of = (struct span){0};
    for (;;) {
        const char *at = left.bytes;
        if (!headers_next(&left, &name, &value))
            break;
        if (span_is(name, FIRST_OF_OURS)) {
            begin_ours(letter, at);
            is_ours = true;
        }
        if (span_is(name, LETTER_RETRY_HEADER))
            letter->retry_of = value;
        if (is_ours)
            take(letter, name, value);
    }
    return is_ours && letter->has_origin && letter->topic.bytes != NULL &&
           letter->reason.bytes != NULL;
}

void letter_cloud(const struct letter *letter, struct cloud_attributes *cloud_out)
{
    struct span left = letter->received;
    struct span name;
    struct span value;
    *cloud_out = (struct cloud_attributes){0};
    while (headers_next(&left, &name, &value))
        cloud_header_take(cloud_out, name, value);
}

void letter_place(const char *topic, const struct letter *letter,
                  char room[LETTER_PLACE_MAX])
{
    (void)snprintf(room, LETTER_PLACE_MAX, "%s/%" PRId32 "/%" PRId64, topic,
                   letter->partition, letter->offset);
}

void letter_retry_headers(const struct letter *letter, struct span place, struct buf *out)
{
    struct span left = letter->received;
    struct span name;
    struct span value;
    while (headers_next(&left, &name, &value))
        if (!span_is(name, LETTER_RETRY_HEADER))
            headers_add(out, name, value);
    headers_add(out, SPAN_OF(LETTER_RETRY_HEADER), place);
}
