#include "common/codec/rfc3339.h"

#include "common/base/check.h"

#include <stdio.h>

#define US_PER_SECOND 1000000LL
#define SECONDS_PER_DAY 86400LL
#define DAYS_PER_ERA 146097LL /* 400 years */
#define DAYS_TO_1970 719468LL /* from 1 March of year 0 */

struct cursor {
    const char *at;
    const char *end;
    bool broken;
};

/* A number of exactly `digits` digits. */
static int64_t take_number(struct cursor *cursor, int digits)
{
    if (cursor->end - cursor->at < digits) {
        cursor->broken = true;
        return 0;
    }
    int64_t number = 0;
    for (; digits > 0; digits--) {
        unsigned digit = (unsigned)(unsigned char)*cursor->at++ - '0';
        if (digit > 9)
            cursor->broken = true;
        number = number * 10 + digit;
    }
    return number;
}

/* One of two characters; which one, or 0. */
static char take_one_of(struct cursor *cursor, char first, char second)
{
    if (cursor->at < cursor->end && (*cursor->at == first || *cursor->at == second))
        return *cursor->at++;
    cursor->broken = true;
    return 0;
}

/* Digits behind the point, as microseconds; further ones are cut off. */
static int64_t take_fraction(struct cursor *cursor)
{
    if (cursor->at == cursor->end || *cursor->at != '.')
        return 0;
    const char *start = ++cursor->at;
    int64_t us = 0;
    int64_t weight = US_PER_SECOND / 10;
    for (; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9';
         cursor->at++) {
        us += (*cursor->at - '0') * weight;
        weight /= 10;
    }
    if (cursor->at == start)
        cursor->broken = true;
    return us;
}

static int64_t take_offset_seconds(struct cursor *cursor)
{
    if (cursor->at < cursor->end && (*cursor->at == 'Z' || *cursor->at == 'z')) {
        cursor->at++;
        return 0;
    }
    int64_t sign = take_one_of(cursor, '+', '-') == '-' ? -1 : 1;
    int64_t hours = take_number(cursor, 2);
    (void)take_one_of(cursor, ':', ':');
    int64_t minutes = take_number(cursor, 2);
    if (hours > 23 || minutes > 59)
        cursor->broken = true;
    return sign * (hours * 3600 + minutes * 60);
}

static int64_t month_days(int64_t year, int64_t month)
{
    static const signed char DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    ASSERT(month >= 1 && month <= 12);
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return DAYS[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Days since 1970. The year is counted from March, so that the leap day is its last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t shifted = month <= 2 ? year - 1 : year;
    int64_t era = shifted / 400;
    int64_t year_of_era = shifted - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_TO_1970;
}

static int64_t take_date_days(struct cursor *cursor)
{
    int64_t year = take_number(cursor, 4);
    (void)take_one_of(cursor, '-', '-');
    int64_t month = take_number(cursor, 2);
    (void)take_one_of(cursor, '-', '-');
    int64_t day = take_number(cursor, 2);
    if (cursor->broken || year < 2000 || month < 1 || month > 12 || day < 1 ||
        day > month_days(year, month)) {
        cursor->broken = true;
        return 0;
    }
    return days_of(year, month, day);
}

static int64_t take_time_seconds(struct cursor *cursor)
{
    int64_t hour = take_number(cursor, 2);
    (void)take_one_of(cursor, ':', ':');
    int64_t minute = take_number(cursor, 2);
    (void)take_one_of(cursor, ':', ':');
    int64_t second = take_number(cursor, 2);
    if (hour > 23 || minute > 59 || second > 59)
        cursor->broken = true;
    return hour * 3600 + minute * 60 + second;
}

bool rfc3339_parse(struct span text, int64_t *us_out)
{
    if (text.length == 0)
        return false;
    struct cursor cursor = {.at = text.bytes, .end = text.bytes + text.length};
    int64_t seconds = take_date_days(&cursor) * SECONDS_PER_DAY;
    (void)take_one_of(&cursor, 'T', 't');
    seconds += take_time_seconds(&cursor);
    int64_t us = take_fraction(&cursor);
    seconds -= take_offset_seconds(&cursor);
    if (cursor.broken || cursor.at != cursor.end)
        return false;
    *us_out = seconds * US_PER_SECOND + us;
    return true;
}

static int64_t floor_divide(int64_t value, int64_t by)
{
    return value / by - (value % by < 0 ? 1 : 0);
}

/* Exactly `count` decimal digits and what follows them; the end is returned. */
static char *digits(char *to, int64_t value, size_t count, char follower)
{
    for (size_t at = count; at > 0; at--, value /= 10)
        to[at - 1] = (char)('0' + value % 10);
    to[count] = follower;
    return to + count + 1;
}

void rfc3339_format(int64_t us, char text_out[RFC3339_TEXT_MAX])
{
    int64_t seconds = floor_divide(us, US_PER_SECOND);
    int64_t fraction = us - seconds * US_PER_SECOND;
    int64_t days = floor_divide(seconds, SECONDS_PER_DAY);
    int64_t rest = seconds - days * SECONDS_PER_DAY;

    int64_t shifted = days + DAYS_TO_1970;
    int64_t era = floor_divide(shifted, DAYS_PER_ERA);
    int64_t day_of_era = shifted - era * DAYS_PER_ERA;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
                           day_of_era / (DAYS_PER_ERA - 1)) /
                          365;
    int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    int64_t month = month_from_march + (month_from_march < 10 ? 3 : -9);
    int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);

    ASSERT(year >= 0 && year <= 9999);
    char *to = digits(text_out, year, 4, '-');
    to = digits(to, month, 2, '-');
    to = digits(to, day, 2, 'T');
    to = digits(to, rest / 3600, 2, ':');
    to = digits(to, rest / 60 % 60, 2, ':');
    to = digits(to, rest % 60, 2, fraction != 0 ? '.' : 'Z');
    if (fraction != 0)
        to = digits(to, fraction, 6, 'Z');
    *to = '\0';
}
