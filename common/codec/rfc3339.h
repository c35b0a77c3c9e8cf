/*
 * RFC 3339 with a mandatory offset to microseconds since 1970 UTC, and back. Years 2000
 * to 9999 as written, T and Z in either case, no space for the T, -00:00 is UTC, digits
 * past the microsecond are cut off, a leap second is refused. Source: outside
 * interface, 1.
 */
#ifndef PARSTOCK_CODEC_RFC3339_H
#define PARSTOCK_CODEC_RFC3339_H

#include "common/base/span.h"

bool rfc3339_parse(struct span text, int64_t *us_out);

#define RFC3339_TEXT_MAX 40

/* "2026-11-25T12:00:00.000000Z"; fraction only when there is one. NUL-terminated. */
void rfc3339_format(int64_t us, char text_out[RFC3339_TEXT_MAX]);

#endif
