#include "common/runtime/week_view.h"

#include "common/codec/rfc3339.h"
#include "common/codec/week_json.h"
#include "common/io/store_clock.h"
#include "common/runtime/kpi_table.h"

/* ---- reading ------------------------------------------------------------------------------ */

enum status week_view_find(struct postgres *postgres, struct span name,
                           int32_t *monday_out, struct error *error)
{
    int64_t now_us = 0;
    enum status status = store_clock_us(postgres, &now_us, error);
    if (status != STATUS_OK)
        return status;
    int32_t running = week_monday(week_day(now_us));
    *monday_out = running;
    if (name.bytes != NULL && !week_parse(name, monday_out))
        return error_usage(error, "WEEK is an ISO week such as 2026-W48, or a day such "
                                  "as 2026-11-25");
    if (*monday_out > running)
        return error_usage(error, "that week has not begun");
    return STATUS_OK;
}

enum status week_view_read(struct postgres *postgres,
                           const struct week_question *question, struct pool *pool,
                           struct week_view *out, struct error *error)
{
    enum status status = store_week_inputs(postgres, question, pool, &out->inputs, error);
    if (status == STATUS_OK)
        status =
            store_week_decision(postgres, question->monday, pool, &out->decision, error);
    if (status == STATUS_OK)
        out->verdict = verdict_judge(&out->inputs);
    return status;
}

enum status week_view_check(struct postgres *postgres,
                            const struct week_decision *decision, struct pool *pool,
                            struct error *error)
{
    struct span text;
    struct week_inputs inputs;
    if (decision->number == 0)
        return STATUS_OK;
    enum status status =
        store_week_decided_inputs(postgres, decision, pool, &text, error);
    if (status == STATUS_OK)
        status = week_json_inputs_decode(text, pool, &inputs, error);
    if (status == STATUS_RETRY)
        return status;
    if (status != STATUS_OK)
        return error_exit(error, EXIT_FOUND);
    const struct verdict verdict = verdict_judge(&inputs);
    if (verdict.verdict == decision->verdict &&
        span_is(decision->rule, verdict.look.rule->id))
        return STATUS_OK;
    (void)error_set(error, STATUS_REJECT,
                    "the ruling of the week is %s by %.*s, and its inputs come to %s by "
                    "%s: the row was changed, or another version judged it",
                    week_verdict_name(decision->verdict), SPAN_ARGS(decision->rule),
                    week_verdict_name(verdict.verdict), verdict.look.rule->id);
    return error_exit(error, EXIT_FOUND);
}

/* ---- in words ----------------------------------------------------------------------------- */

void week_view_head(const struct week_inputs *inputs, struct buf *out)
{
    char name[WEEK_NAME_MAX];
    char first[WEEK_DAY_MAX];
    char last[WEEK_DAY_MAX];
    week_name(inputs->period.first_day, name);
    week_day_text(inputs->period.first_day, first);
    week_day_text(inputs->period.first_day + WEEK_DAYS - 1, last);
    buf_format(out, "week %s, %s to %s (UTC)", name, first, last);
    if (week_day(inputs->captured_at_us) < inputs->period.first_day + WEEK_DAYS)
        buf_text(out, "; it is not over");
    if (inputs->baseline.id != 0)
        buf_format(out, "; baseline %lld", (long long)inputs->baseline.id);
}

void week_view_verdict(const struct verdict *verdict, struct buf *out)
{
    buf_format(out, "%s, by the rule %s: %s", week_verdict_name(verdict->verdict),
               verdict->look.rule->id, verdict->look.rule->why);
}

void week_view_look(const struct verdict_look *look, struct buf *out)
{
    char value[KPI_TEXT_MAX];
    char limit[KPI_TEXT_MAX];
    kpi_value_text(look->rule->unit, look->value, value);
    kpi_value_text(look->rule->unit, look->limit, limit);
    buf_format(out, "%s, against %s", value, limit);
    if (look->place != NULL)
        buf_format(out, ", at %.*s %.*s", SPAN_ARGS(look->place->shop),
                   SPAN_ARGS(look->place->location));
}

void week_view_handoff(const struct verdict_handoff *handoff, struct buf *out)
{
    char share[KPI_TEXT_MAX];
    kpi_share_text(kpi_share(handoff->part, handoff->whole), share);
    buf_format(out, "%s; %s leads", handoff->to, handoff->leads);
    if (handoff->whole > 0)
        buf_format(out, " with %lld of %lld (%s)", (long long)handoff->part,
                   (long long)handoff->whole, share);
    buf_format(out, ": %s", handoff->why);
}

void week_view_decision(const struct week_decision *decision, struct buf *out)
{
    char at[RFC3339_TEXT_MAX];
    if (decision->number == 0) {
        buf_text(out, "none is kept");
        return;
    }
    rfc3339_format(decision->at_us, at);
    buf_format(out, "%s, ruling %lld, by %.*s at %s: %.*s",
               week_verdict_name(decision->verdict), (long long)decision->number,
               SPAN_ARGS(decision->by), at, SPAN_ARGS(decision->why));
}
