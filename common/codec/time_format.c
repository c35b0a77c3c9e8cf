#include "common/codec/time_format.h"

#include "common/base/check.h"
#include "common/codec/rfc3339.h"

#include <stdio.h>

#define FRACTION_DIGITS 6
#define US_PER_SECOND 1000000LL
#define SECONDS_MAX 253402300799LL /* the end of 9999 */
#define NOON 12

struct parts {
    int year;
    int month;
    int day;
    int hour;
    int minute;
    int second;
    int us;
    bool has_half; /* AM or PM was given */
    bool is_pm;
    bool has_offset;
    bool is_epoch;
    int64_t epoch_seconds;
    char offset[16];
};

struct cursor {
    const char *at;
    const char *end;
};

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* A number of `least` to `most` digits. */
static bool take_number(struct cursor *text, int least, int most, int *number_out)
{
    int digits = 0;
    int number = 0;
    while (digits < most && text->at < text->end && is_digit(*text->at)) {
        number = number * 10 + (*text->at++ - '0');
        digits++;
    }
    *number_out = number;
    return digits >= least;
}

/* ---- a directive each ------------------------------------------------------------------ */

static bool take_year(struct cursor *text, struct parts *parts)
{
    return take_number(text, 4, 4, &parts->year);
}

static bool take_short_year(struct cursor *text, struct parts *parts)
{
    bool good = take_number(text, 2, 2, &parts->year);
    parts->year += 2000;
    return good;
}

static bool take_month(struct cursor *text, struct parts *parts)
{
    return take_number(text, 1, 2, &parts->month);
}

static bool take_day(struct cursor *text, struct parts *parts)
{
    return take_number(text, 1, 2, &parts->day);
}

static bool take_hour(struct cursor *text, struct parts *parts)
{
    return take_number(text, 1, 2, &parts->hour);
}

static bool take_short_hour(struct cursor *text, struct parts *parts)
{
    return take_hour(text, parts) && parts->hour >= 1 && parts->hour <= NOON;
}

static bool take_minute(struct cursor *text, struct parts *parts)
{
    return take_number(text, 2, 2, &parts->minute);
}

static bool take_second(struct cursor *text, struct parts *parts)
{
    return take_number(text, 2, 2, &parts->second);
}

/* Digits past the microsecond are cut off, as in RFC 3339. */
static bool take_fraction(struct cursor *text, struct parts *parts)
{
    const char *start = text->at;
    bool good = take_number(text, 1, FRACTION_DIGITS, &parts->us);
    for (long digits = text->at - start; digits < FRACTION_DIGITS; digits++)
        parts->us *= 10;
    while (text->at < text->end && is_digit(*text->at))
        text->at++;
    return good;
}

static bool take_half(struct cursor *text, struct parts *parts)
{
    if (text->end - text->at < 2 || (text->at[1] | 0x20) != 'm')
        return false;
    char half = (char)(text->at[0] | 0x20);
    parts->has_half = true;
    parts->is_pm = half == 'p';
    text->at += 2;
    return half == 'a' || half == 'p';
}

/* Behind the hours of an offset: two digits, a colon before them or not; or nothing. */
static bool take_offset_minutes(struct cursor *text, int *minutes_out)
{
    bool has_colon = text->at < text->end && *text->at == ':';
    *minutes_out = 0;
    if (has_colon)
        text->at++;
    if (!has_colon && (text->at == text->end || !is_digit(*text->at)))
        return true;
    return take_number(text, 2, 2, minutes_out);
}

static bool take_offset(struct cursor *text, struct parts *parts)
{
    int hours = 0;
    int minutes = 0;
    parts->has_offset = true;
    if (text->at == text->end)
        return false;
    char sign = *text->at++;
    if (sign == 'Z' || sign == 'z') {
        memcpy(parts->offset, "Z", sizeof("Z"));
        return true;
    }
    if ((sign != '+' && sign != '-') || !take_number(text, 2, 2, &hours) ||
        !take_offset_minutes(text, &minutes))
        return false;
    (void)snprintf(parts->offset, sizeof(parts->offset), "%c%02d:%02d", sign, hours,
                   minutes);
    return true;
}

static bool take_epoch(struct cursor *text, struct parts *parts)
{
    int64_t seconds = 0;
    const char *start = text->at;
    while (text->at < text->end && is_digit(*text->at) && seconds <= SECONDS_MAX)
        seconds = seconds * 10 + (*text->at++ - '0');
    parts->is_epoch = true;
    parts->epoch_seconds = seconds;
    return text->at > start && seconds <= SECONDS_MAX;
}

struct directive {
    char letter;
    char means; /* directives that say the same thing have the same letter here */
    bool (*take)(struct cursor *text, struct parts *parts);
};

static const struct directive DIRECTIVES[] = {
    {'Y', 'Y', take_year},   {'y', 'Y', take_short_year}, {'m', 'm', take_month},
    {'d', 'd', take_day},    {'H', 'H', take_hour},       {'I', 'H', take_short_hour},
    {'M', 'M', take_minute}, {'S', 'S', take_second},     {'f', 'f', take_fraction},
    {'p', 'p', take_half},   {'z', 'z', take_offset},     {'s', 's', take_epoch},
};

static const struct directive *directive_of(char letter)
{
    for (size_t at = 0; at < COUNT_OF(DIRECTIVES); at++)
        if (DIRECTIVES[at].letter == letter)
            return &DIRECTIVES[at];
    return NULL;
}

/* ---- formats ------------------------------------------------------------------------------ */

static uint64_t bit_of(char letter)
{
    return (uint64_t)1 << (letter - 'A');
}

/* The directives of a format as bits; false: one is unknown or says what another said. */
static bool collect(struct span format, uint64_t *seen_out)
{
    uint64_t seen = 0;
    for (size_t at = 0; at < format.length; at++) {
        if (format.bytes[at] != '%')
            continue;
        if (++at == format.length)
            return false;
        if (format.bytes[at] == '%')
            continue;
        const struct directive *directive = directive_of(format.bytes[at]);
        if (directive == NULL || (seen & bit_of(directive->means)) != 0)
            return false;
        seen |= bit_of(directive->means) | bit_of(directive->letter);
    }
    *seen_out = seen;
    return true;
}

bool time_format_valid(struct span format)
{
    const uint64_t day = bit_of('Y') | bit_of('m') | bit_of('d');
    uint64_t seen = 0;
    if (format.bytes == NULL || !collect(format, &seen))
        return false;
    if ((seen & bit_of('s')) != 0)
        return (seen & ~(bit_of('s') | bit_of('f'))) == 0;
    bool of_twelve = (seen & bit_of('I')) != 0;
    return (seen & day) == day && of_twelve == ((seen & bit_of('p')) != 0);
}

bool time_offset_valid(struct span offset)
{
    char text[RFC3339_TEXT_MAX];
    int64_t us = 0;
    if (offset.length == 0 || offset.length > 6)
        return false;
    int length =
        snprintf(text, sizeof(text), "2026-01-01T00:00:00%.*s", SPAN_ARGS(offset));
    return rfc3339_parse((struct span){text, (size_t)length}, &us);
}

static bool read_parts(struct span format, struct span text, struct parts *parts)
{
    struct cursor cursor = {text.bytes, text.bytes + text.length};
    for (size_t at = 0; at < format.length; at++) {
        char byte = format.bytes[at];
        const struct directive *directive = NULL;
        if (byte == '%') {
            byte = format.bytes[++at];
            directive = byte == '%' ? NULL : directive_of(byte);
        }
        if (directive != NULL && !directive->take(&cursor, parts))
            return false;
        if (directive == NULL && (cursor.at == cursor.end || *cursor.at++ != byte))
            return false;
    }
    return cursor.at == cursor.end;
}

static void write_epoch(const struct parts *parts, char text_out[TIME_FORMAT_TEXT_MAX])
{
    _Static_assert(TIME_FORMAT_TEXT_MAX >= RFC3339_TEXT_MAX, "it holds a time");
    rfc3339_format(parts->epoch_seconds * US_PER_SECOND + parts->us, text_out);
}

bool time_format_read(struct span format, struct span offset, struct span text,
                      char text_out[TIME_FORMAT_TEXT_MAX])
{
    struct parts parts = {0};
    if (text.bytes == NULL || !read_parts(format, text, &parts))
        return false;
    if (parts.is_epoch) {
        write_epoch(&parts, text_out);
        return true;
    }
    if (parts.has_half)
        parts.hour = parts.hour % NOON + (parts.is_pm ? NOON : 0);
    struct span zone = parts.has_offset ? span_from(parts.offset) : offset;
    (void)snprintf(
        text_out, TIME_FORMAT_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%06d%.*s",
        parts.year % 10000, parts.month % 100, parts.day % 100, parts.hour % 100,
        parts.minute % 100, parts.second % 100, parts.us % 1000000, SPAN_ARGS(zone));
    return true;
}
