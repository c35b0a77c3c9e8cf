#include "common/domain/seal.h"

#include "common/base/check.h"

#define WEEK_DAYS 7
#define THURSDAY 3 /* was 1970-01-01; Monday is 0 */

static int32_t sunday_of(int32_t day)
{
    return day + WEEK_DAYS - 1 - (day + THURSDAY) % WEEK_DAYS;
}

static bool is_closed(int32_t day, int64_t now_us)
{
    return now_us >= (day + 1) * RETENTION_DAY_US + SEAL_QUIET_US;
}

bool seal_next(const struct seal_question *question, struct seal_span *span_out)
{
    if (!question->has_sealed && !question->has_oldest)
        return false;
    int32_t first =
        question->has_sealed ? question->sealed_day + 1 : question->oldest_day;
    ASSERT(first >= 0);
    *span_out = (struct seal_span){.first_day = first, .last_day = sunday_of(first)};
    if (is_closed(span_out->last_day, question->now_us))
        return true;
    span_out->last_day = question->leaving_day;
    return question->has_leaving && question->leaving_day >= first &&
           is_closed(question->leaving_day, question->now_us);
}

void seal_date(int32_t day, char date_out[SEAL_DATE_MAX])
{
    char name[RETENTION_NAME_MAX];
    retention_name(day, name);
    const char *digits = name + strlen("ledger_");
    memcpy(date_out, digits, 4);
    date_out[4] = '-';
    memcpy(date_out + 5, digits + 4, 2);
    date_out[7] = '-';
    memcpy(date_out + 8, digits + 6, 2);
    date_out[10] = '\0';
}
