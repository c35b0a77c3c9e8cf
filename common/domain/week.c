#include "common/domain/week.h"

#include "common/base/check.h"

#define US_OF_DAY INT64_C(86400000000)
#define THURSDAY 3 /* 1970-01-01 was one; counted from Monday */

static const char *const VERDICTS[WEEK_VERDICT_COUNT] = {
    [WEEK_PASS] = "pass",
    [WEEK_FAIL] = "fail",
    [WEEK_NOT_DECIDABLE] = "not_decidable",
};

const char *week_verdict_name(enum week_verdict verdict)
{
    ASSERT((unsigned)verdict < WEEK_VERDICT_COUNT);
    return VERDICTS[verdict];
}

bool week_verdict_parse(struct span name, enum week_verdict *verdict_out)
{
    for (unsigned at = 0; at < WEEK_VERDICT_COUNT; at++) {
        if (!span_is(name, VERDICTS[at]))
            continue;
        *verdict_out = (enum week_verdict)at;
        return true;
    }
    return false;
}

/* ---- days ------------------------------------------------------------------------------ */

int32_t week_day(int64_t us)
{
    int64_t day = us / US_OF_DAY;
    return (int32_t)(us % US_OF_DAY < 0 ? day - 1 : day);
}

int64_t week_day_us(int32_t day)
{
    return day * US_OF_DAY;
}

int32_t week_monday(int32_t day)
{
    int32_t since_monday = (day + THURSDAY) % WEEK_DAYS;
    return day - (since_monday < 0 ? since_monday + WEEK_DAYS : since_monday);
}

struct civil {
    int32_t year;
    int32_t month; /* 1 to 12 */
    int32_t day;   /* 1 to 31 */
};

/* The Gregorian calendar in years that begin in March, eras of 400 years (Howard Hinnant,
 * "chrono-compatible low-level date algorithms"). */
static struct civil civil_of(int32_t days)
{
    int32_t shifted = days + 719468;
    int32_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int32_t of_era = shifted - era * 146097;
    int32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int32_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int32_t month = (5 * of_year + 2) / 153;
    return (struct civil){.year = year + era * 400 + (month >= 10 ? 1 : 0),
                          .month = month < 10 ? month + 3 : month - 9,
                          .day = of_year - (153 * month + 2) / 5 + 1};
}

static int32_t day_of(const struct civil *civil)
{
    int32_t year = civil->month <= 2 ? civil->year - 1 : civil->year;
    int32_t era = (year >= 0 ? year : year - 399) / 400;
    int32_t of_era = year - era * 400;
    int32_t month = civil->month > 2 ? civil->month - 3 : civil->month + 9;
    int32_t of_year = (153 * month + 2) / 5 + civil->day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void write_digits(char *at, size_t count, int32_t number)
{
    for (size_t digit = count; digit-- > 0; number /= 10)
        at[digit] = (char)('0' + number % 10);
}

void week_day_text(int32_t day, char room[WEEK_DAY_MAX])
{
    struct civil civil = civil_of(day);
    ASSERT(civil.year >= 1 && civil.year <= 9999);
    memcpy(room, "0000-00-00", WEEK_DAY_MAX);
    write_digits(room, 4, civil.year);
    write_digits(room + 5, 2, civil.month);
    write_digits(room + 8, 2, civil.day);
}

/* The week belongs to the year of its Thursday. */
void week_name(int32_t day, char room[WEEK_NAME_MAX])
{
    int32_t thursday = week_monday(day) + THURSDAY;
    struct civil civil = civil_of(thursday);
    const struct civil first = {civil.year, 1, 1};
    ASSERT(civil.year >= 1 && civil.year <= 9999);
    memcpy(room, "0000-W00", WEEK_NAME_MAX);
    write_digits(room, 4, civil.year);
    write_digits(room + 6, 2, (thursday - day_of(&first)) / WEEK_DAYS + 1);
}

/* ---- reading ----------------------------------------------------------------------------- */

static bool digits_at(struct span text, size_t from, size_t count, int32_t *out)
{
    int32_t number = 0;
    for (size_t at = from; at < from + count; at++) {
        if (text.bytes[at] < '0' || text.bytes[at] > '9')
            return false;
        number = number * 10 + (text.bytes[at] - '0');
    }
    *out = number;
    return true;
}

/* Digits and dashes where they belong; whether there is such a day is not asked. */
static bool civil_parse(struct span text, struct civil *out)
{
    return text.length == WEEK_DAY_MAX - 1 && text.bytes[4] == '-' &&
           text.bytes[7] == '-' && digits_at(text, 0, 4, &out->year) &&
           digits_at(text, 5, 2, &out->month) && digits_at(text, 8, 2, &out->day);
}

bool week_day_parse(struct span text, int32_t *day_out)
{
    struct civil civil;
    if (!civil_parse(text, &civil))
        return false;
    if (civil.year < 2000 || civil.month < 1 || civil.month > 12 || civil.day < 1)
        return false;
    int32_t day = day_of(&civil);
    struct civil same = civil_of(day);
    if (same.day != civil.day || same.month != civil.month)
        return false;
    *day_out = day;
    return true;
}

static bool week_number_parse(struct span text, int32_t *monday_out)
{
    int32_t year;
    int32_t week;
    char name[WEEK_NAME_MAX];
    if (text.length != WEEK_NAME_MAX - 1 || text.bytes[4] != '-' || text.bytes[5] != 'W')
        return false;
    if (!digits_at(text, 0, 4, &year) || !digits_at(text, 6, 2, &week))
        return false;
    if (year < 2000 || year > 9998 || week < 1 || week > 53)
        return false;
    const struct civil fourth = {year, 1, 4}; /* always in the first week */
    int32_t monday = week_monday(day_of(&fourth)) + (week - 1) * WEEK_DAYS;
    week_name(monday, name);
    if (!span_is(text, name)) /* a year without a week 53 */
        return false;
    *monday_out = monday;
    return true;
}

bool week_parse(struct span text, int32_t *monday_out)
{
    int32_t day;
    if (text.bytes == NULL)
        return false;
    if (week_number_parse(text, monday_out))
        return true;
    if (!week_day_parse(text, &day))
        return false;
    *monday_out = week_monday(day);
    return true;
}
