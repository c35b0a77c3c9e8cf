#include "common/domain/retention.h"

#include "common/base/check.h"

#define PREFIX "ledger_"
#define DATE_DIGITS 8

static const char *const ACT_NAMES[RETENTION_ACT_COUNT] = {
    [RETENTION_MAKE] = "make", [RETENTION_MOVE] = "move",   [RETENTION_DEFER] = "defer",
    [RETENTION_DROP] = "drop", [RETENTION_PURGE] = "purge",
};

const char *retention_act_name(enum retention_act act)
{
    ASSERT((size_t)act < RETENTION_ACT_COUNT);
    return ACT_NAMES[act];
}

int32_t retention_day_of(int64_t us)
{
    ASSERT(us >= 0 && us / RETENTION_DAY_US < INT32_MAX);
    return (int32_t)(us / RETENTION_DAY_US);
}

/* ---- the plan ------------------------------------------------------------------------------- */

/* Over, or far enough ahead. */
static bool is_quiet(int32_t day, int64_t now_us)
{
    int32_t today = retention_day_of(now_us);
    return day < today || day * RETENTION_DAY_US - now_us > RETENTION_QUIET_US;
}

static void add(struct retention_plan *plan, enum retention_act act,
                const struct retention_day *day, int64_t now_us)
{
    ASSERT(plan->count < RETENTION_STEPS_MAX);
    plan->steps[plan->count++] =
        (struct retention_step){.act = act,
                                .day = day->day,
                                .rows = day->rows,
                                .is_quiet = is_quiet(day->day, now_us)};
}

static bool has_partition(const struct retention_found *found, int32_t day)
{
    for (size_t at = 0; at < found->partition_count; at++)
        if (found->partitions[at] == day)
            return true;
    return false;
}

/* Rows of the default partition. A day that has a partition of its own can have none. */
static void plan_strays(const struct retention_found *found, struct retention_plan *plan)
{
    for (size_t at = 0; at < found->stray_count; at++) {
        const struct retention_day *stray = &found->strays[at];
        if (stray->day < plan->first_day)
            continue;
        bool fits =
            is_quiet(stray->day, found->now_us) || stray->rows <= RETENTION_MOVE_MAX;
        add(plan, fits ? RETENTION_MOVE : RETENTION_DEFER, stray, found->now_us);
    }
}

static bool has_strays(const struct retention_found *found, int32_t day)
{
    for (size_t at = 0; at < found->stray_count; at++)
        if (found->strays[at].day == day)
            return true;
    return false;
}

static void plan_ahead(const struct retention_found *found, struct retention_plan *plan)
{
    int32_t today = retention_day_of(found->now_us);
    for (int32_t day = today; day <= today + RETENTION_AHEAD_DAYS; day++) {
        const struct retention_day empty = {.day = day};
        if (!has_partition(found, day) && !has_strays(found, day))
            add(plan, RETENTION_MAKE, &empty, found->now_us);
    }
}

static void plan_old(const struct retention_found *found, struct retention_plan *plan)
{
    for (size_t at = 0; at < found->partition_count; at++) {
        const struct retention_day old = {.day = found->partitions[at]};
        if (old.day < plan->first_day)
            add(plan, RETENTION_DROP, &old, found->now_us);
    }
    for (size_t at = 0; at < found->stray_count; at++)
        if (found->strays[at].day < plan->first_day)
            add(plan, RETENTION_PURGE, &found->strays[at], found->now_us);
}

void retention_plan(const struct retention_found *found, struct retention_plan *plan_out)
{
    int32_t today = retention_day_of(found->now_us);
    ASSERT(found->keep_days > 0 && found->keep_days < INT32_MAX / 2);
    ASSERT(found->partition_count <= RETENTION_DAYS_MAX);
    ASSERT(found->stray_count <= RETENTION_DAYS_MAX);
    plan_out->count = 0;
    plan_out->first_day = today - (int32_t)found->keep_days - RETENTION_MARGIN_DAYS;
    plan_out->is_held_back =
        found->has_unsent && retention_day_of(found->unsent_us) < plan_out->first_day;
    if (plan_out->is_held_back)
        plan_out->first_day = retention_day_of(found->unsent_us);
    plan_strays(found, plan_out);
    plan_ahead(found, plan_out);
    plan_old(found, plan_out);
}

/* ---- names ------------------------------------------------------------------------------------ */

static bool is_leap(int32_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int32_t days_of_year(int32_t year)
{
    return is_leap(year) ? 366 : 365;
}

static int32_t days_of_month(int32_t year, int32_t month)
{
    static const int32_t DAYS[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return DAYS[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

static void write_digits(char *room, size_t count, int32_t number)
{
    while (count > 0) {
        room[--count] = (char)('0' + number % 10);
        number /= 10;
    }
}

void retention_name(int32_t day, char name_out[RETENTION_NAME_MAX])
{
    int32_t year = 1970;
    int32_t month = 1;
    char *digits = name_out + sizeof(PREFIX) - 1;
    ASSERT(day >= 0 && day < 365 * 8000); /* four digits of a year */
    for (; day >= days_of_year(year); year++)
        day -= days_of_year(year);
    for (; day >= days_of_month(year, month); month++)
        day -= days_of_month(year, month);
    memcpy(name_out, PREFIX, sizeof(PREFIX) - 1);
    write_digits(digits, 4, year);
    write_digits(digits + 4, 2, month);
    write_digits(digits + 6, 2, day + 1);
    digits[DATE_DIGITS] = '\0';
}

/* Of a date that is one, else -1. */
static int32_t day_of_date(int32_t year, int32_t month, int32_t day)
{
    int32_t days = day - 1;
    if (year < 1970 || month < 1 || month > 12 || day < 1 ||
        day > days_of_month(year, month))
        return -1;
    for (int32_t before = 1970; before < year; before++)
        days += days_of_year(before);
    for (int32_t before = 1; before < month; before++)
        days += days_of_month(year, before);
    return days;
}

bool retention_name_parse(struct span name, int32_t *day_out)
{
    int32_t date = 0;
    if (name.length != sizeof(PREFIX) - 1 + DATE_DIGITS ||
        memcmp(name.bytes, PREFIX, sizeof(PREFIX) - 1) != 0)
        return false;
    for (size_t at = sizeof(PREFIX) - 1; at < name.length; at++) {
        if (name.bytes[at] < '0' || name.bytes[at] > '9')
            return false;
        date = date * 10 + (name.bytes[at] - '0');
    }
    *day_out = day_of_date(date / 10000, date / 100 % 100, date % 100);
    return *day_out >= 0;
}
