/*
 * What headers of a record say of its event: CloudEvents 1.0 in binary mode, or that the
 * value is one in structured mode.
 */
#ifndef PARSTOCK_CODEC_CLOUD_HEADERS_H
#define PARSTOCK_CODEC_CLOUD_HEADERS_H

#include "common/codec/event_json.h"

/* Headers' names are compared without regard to case. */
bool header_name_is(struct span name, const char *wanted);

/* Takes one header in; those of no interest change nothing. */
void cloud_header_take(struct cloud_attributes *cloud, struct span name,
                       struct span value);

#endif
