#include "common/codec/week_json.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/event_key.h"

#define DECISION_MAX ((size_t)64 << 10)

/* ---- places ---------------------------------------------------------------------------- */

static void member_counts(struct buf *out, const struct kpi_period *period,
                          const struct kpi_place *place, enum kpi_counter counter)
{
    json_name(out, kpi_name(counter));
    for (int32_t day = 0; day < period->day_count; day++) {
        buf_byte(out, day == 0 ? '[' : ',');
        json_number(out, place->days[day].counts[counter]);
    }
    buf_byte(out, ']');
}

static void member_time(struct buf *out, const char *name, const struct kpi_time *time)
{
    json_name(out, name);
    buf_byte(out, '{');
    json_member_number(out, "count", time->count);
    json_member_number(out, "p50_ms", time->p50_ms);
    json_member_number(out, "p95_ms", time->p95_ms);
    buf_byte(out, '}');
}

/* Causes of which there is none are left out. */
static void member_causes(struct buf *out, const struct kpi_place *place)
{
    json_name(out, "causes");
    buf_byte(out, '{');
    for (unsigned cause = 0; cause < CAUSE_COUNT; cause++)
        if (place->causes[cause] != 0)
            json_member_number(out, cause_kind((enum finding_cause)cause)->name,
                               place->causes[cause]);
    buf_byte(out, '}');
}

static void add_place(struct buf *out, const struct kpi_period *period,
                      const struct kpi_place *place)
{
    buf_byte(out, '{');
    json_member_text(out, "shop", place->shop);
    json_member_text(out, "location", place->location);
    json_member_number(out, "pairs", place->pairs);
    for (unsigned counter = 0; counter < KPI_COUNTER_COUNT; counter++)
        member_counts(out, period, place, (enum kpi_counter)counter);
    member_time(out, "detect", &place->detect);
    member_time(out, "repair", &place->repair);
    member_causes(out, place);
    buf_byte(out, '}');
}

static void member_period(struct buf *out, const struct kpi_period *period)
{
    char first[WEEK_DAY_MAX];
    ASSERT(period->day_count > 0 && period->day_count <= KPI_DAYS_MAX);
    week_day_text(period->first_day, first);
    json_name(out, "period");
    buf_byte(out, '{');
    json_member_text(out, "from", span_from(first));
    json_member_number(out, "days", period->day_count);
    json_name(out, "places");
    buf_byte(out, '[');
    for (size_t at = 0; at < period->place_count; at++) {
        if (at > 0)
            buf_byte(out, ',');
        add_place(out, period, &period->places[at]);
    }
    buf_text(out, "]}");
}

/* ---- the three ---------------------------------------------------------------------------- */

void week_json_baseline(const struct week_baseline *baseline, struct buf *out)
{
    buf_byte(out, '{');
    json_member_number(out, "version", 1);
    json_member_number(out, "id", baseline->id);
    json_member_time(out, "captured_at", baseline->captured_at_us);
    json_member_text(out, "by", baseline->by);
    json_member_text(out, "note", baseline->note);
    json_member_text(out, "contract", baseline->contract);
    json_member_number(out, "resyncs", baseline->resyncs);
    json_member_number(out, "writes", baseline->writes);
    member_period(out, &baseline->period);
    buf_byte(out, '}');
}

static void member_limits(struct buf *out, const struct kpi_limits *limits)
{
    size_t count;
    const struct kpi_limit *rows = kpi_limits_table(&count);
    json_name(out, "limits");
    buf_byte(out, '{');
    for (size_t at = 0; at < count; at++)
        json_member_number(out, rows[at].name, kpi_limit_value(limits, &rows[at]));
    buf_byte(out, '}');
}

void week_json_inputs(const struct week_inputs *inputs, struct buf *out)
{
    char name[WEEK_NAME_MAX];
    week_name(inputs->period.first_day, name);
    buf_byte(out, '{');
    json_member_number(out, "version", 1);
    json_member_text(out, "week", span_from(name));
    json_member_time(out, "captured_at", inputs->captured_at_us);
    json_member_text(out, "contract", inputs->contract);
    member_limits(out, &inputs->limits);
    json_name(out, "baseline");
    if (inputs->baseline.id == 0)
        buf_text(out, "null");
    else
        week_json_baseline(&inputs->baseline, out);
    member_period(out, &inputs->period);
    buf_byte(out, '}');
}

void week_json_decision(const struct week_decision *decision, struct buf *out)
{
    char name[WEEK_NAME_MAX];
    week_name(decision->monday, name);
    buf_byte(out, '{');
    json_member_number(out, "version", 1);
    json_member_text(out, "week", span_from(name));
    json_member_number(out, "number", decision->number);
    json_member_text(out, "verdict", span_from(week_verdict_name(decision->verdict)));
    json_member_text(out, "rule", decision->rule);
    json_member_text(out, "handoff", decision->handoff);
    json_member_text(out, "by", decision->by);
    json_member_text(out, "why", decision->why);
    json_member_time(out, "at", decision->at_us);
    json_member_text(out, "inputs", decision->inputs);
    json_member_text(out, "contract", decision->contract);
    buf_byte(out, '}');
}

/* ---- digests ------------------------------------------------------------------------------ */

static bool end_digest(const struct buf *bytes, char hex_out[WEEK_DIGEST_MAX])
{
    if (bytes->failed)
        return false;
    digest_sha256_hex(buf_view(bytes), hex_out);
    return true;
}

bool week_json_inputs_digest(const struct week_inputs *inputs,
                             char hex_out[WEEK_DIGEST_MAX])
{
    SCOPED(buf_free) struct buf bytes = {0};
    buf_init(&bytes, WEEK_JSON_MAX);
    week_json_inputs(inputs, &bytes);
    return end_digest(&bytes, hex_out);
}

bool week_json_baseline_digest(const struct week_baseline *baseline,
                               char hex_out[WEEK_DIGEST_MAX])
{
    SCOPED(buf_free) struct buf bytes = {0};
    buf_init(&bytes, WEEK_JSON_MAX);
    week_json_baseline(baseline, &bytes);
    return end_digest(&bytes, hex_out);
}

bool week_json_decision_digest(const struct week_decision *decision,
                               char hex_out[WEEK_DIGEST_MAX])
{
    SCOPED(buf_free) struct buf bytes = {0};
    buf_init(&bytes, DECISION_MAX);
    week_json_decision(decision, &bytes);
    return end_digest(&bytes, hex_out);
}
