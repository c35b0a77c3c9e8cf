/*
 * Times as other systems write them, by a format, to RFC 3339. Digits only, no names of
 * months: those depend on a language.
 *
 *     %Y four digits   %y two, 20yy    %m %d month, day    %H %I hour, of 24 or 12
 *     %M %S minute, second             %f digits of a fraction of a second
 *     %p AM or PM      %z +01:00, +0100, +01 or Z          %s seconds since 1970
 *     %% a percent sign; anything else stands for itself
 *
 * Month, day and hour may have one digit. What the format does not say is zero.
 */
#ifndef PARSTOCK_CODEC_TIME_FORMAT_H
#define PARSTOCK_CODEC_TIME_FORMAT_H

#include "common/base/span.h"

#define TIME_FORMAT_TEXT_MAX 48

/* Is it a format that names a day: %s alone, or year, month and day, none twice? */
bool time_format_valid(struct span format);

/* "+01:00", "-05:30", "Z". */
bool time_offset_valid(struct span offset);

/*
 * The text as RFC 3339, NUL-terminated; false where it does not fit the format. `offset`
 * (valid) counts where the format has no %z. Whether there is such a day is for
 * rfc3339_parse to say.
 */
bool time_format_read(struct span format, struct span offset, struct span text,
                      char text_out[TIME_FORMAT_TEXT_MAX]);

#endif
