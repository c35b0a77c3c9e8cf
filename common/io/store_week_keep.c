/*
 * The keeping half of store_week.h: baselines and rulings, with the bytes that they rest on.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/event_key.h"
#include "common/codec/rfc3339.h"
#include "common/codec/week_json.h"
#include "common/io/store_clock.h"
#include "common/io/store_week.h"

static const struct statement BASELINE_ID = {
    "baseline_id", "SELECT nextval(pg_get_serial_sequence('baselines', 'id'))"};

static const struct statement BASELINE_PUT = {
    "baseline_put",
    "INSERT INTO baselines (id, captured_at, captured_by, note, first_day, day_count,"
    " digest, body) OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4,"
    " date '1970-01-01' + $5::bigint::integer, $6::bigint::integer, $7, $8)"};

static const struct statement BASELINE = {
    "baseline", "SELECT digest, body FROM baselines WHERE CASE WHEN $1::bigint <> 0"
                " THEN id = $1 ELSE first_day < date '1970-01-01' + $2::bigint::integer"
                " END ORDER BY captured_at DESC, id DESC LIMIT 1"};

/* One at a time, so that no two are the first. */
static const struct statement LOCK = {
    "decision_lock",
    "SELECT pg_advisory_xact_lock(hashtextextended('week ' || current_schema(), 0))"};

#define DECISION_COLUMNS                                                                 \
    "week, number, verdict, rule, handoff, decided_by, decided_at, why, inputs_digest,"  \
    " contract_digest"

static const struct statement NEWEST = {
    "decision_newest", "SELECT " DECISION_COLUMNS " FROM decisions WHERE week = $1"
                       " ORDER BY number DESC LIMIT 1"};

static const struct statement PUT = {
    "decision_put", "INSERT INTO decisions (" DECISION_COLUMNS ", inputs) VALUES ($1,"
                    " $2::bigint::integer, $3, $4, $5, $6, $7, $8, $9, $10, $11)"};

static const struct statement INPUTS = {
    "decision_inputs", "SELECT inputs_digest, inputs FROM decisions WHERE week = $1"
                       " AND number = $2::bigint::integer"};

static const struct statement LIST = {"decisions",
                                      "SELECT " DECISION_COLUMNS " FROM decisions"
                                      " ORDER BY week DESC, number DESC LIMIT $1"};

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "week: out of memory");
}

/* Rows that nobody may change are looked at all the same. */
static enum status check_digest(struct span digest, struct span body, const char *what,
                                struct error *error)
{
    char hex[DIGEST_HEX_MAX];
    digest_sha256_hex(body, hex);
    if (span_is(digest, hex))
        return STATUS_OK;
    (void)error_set_code(error, STATUS_FATAL, "digest",
                         "the stored %s is not what was written: its digest is %.12s.., "
                         "and %.12s.. was noted; somebody changed the row",
                         what, hex, digest.length >= 12 ? digest.bytes : "none........");
    return error_exit(error, EXIT_DATA);
}

/* ---- baselines ---------------------------------------------------------------------------- */

static enum status insert_baseline(struct postgres *postgres,
                                   const struct week_baseline *baseline,
                                   struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(buf_free) struct buf body = {0};
    char digest[WEEK_DIGEST_MAX];
    buf_init(&body, WEEK_JSON_MAX);
    week_json_baseline(baseline, &body);
    if (body.failed)
        return out_of_memory(error);
    digest_sha256_hex(buf_view(&body), digest);
    pg_params_init(&params);
    pg_params_int8(&params, baseline->id);
    pg_params_time(&params, true, baseline->captured_at_us);
    pg_params_text(&params, baseline->by);
    pg_params_text(&params, baseline->note);
    pg_params_int8(&params, baseline->period.first_day);
    pg_params_int8(&params, baseline->period.day_count);
    pg_params_text(&params, span_from(digest));
    pg_params_text(&params, buf_view(&body));
    return postgres_query(postgres, &BASELINE_PUT, &params, NULL, error);
}

enum status store_baseline_put(struct postgres *postgres, struct week_baseline *baseline,
                               struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = postgres_query(postgres, &BASELINE_ID, NULL, &rows, error);
    if (status == STATUS_OK)
        status = store_clock_us(postgres, &baseline->captured_at_us, error);
    if (status != STATUS_OK)
        return status;
    baseline->id = rows_int(&rows, 0, 0);
    return insert_baseline(postgres, baseline, error);
}

enum status store_baseline(struct postgres *postgres, const struct baseline_wish *wish,
                           struct pool *pool, struct week_baseline *out,
                           struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    *out = (struct week_baseline){0};
    pg_params_init(&params);
    pg_params_int8(&params, wish->id);
    pg_params_int8(&params, wish->before_day);
    enum status status = postgres_query(postgres, &BASELINE, &params, &rows, error);
    if (status != STATUS_OK || rows.count == 0)
        return status;
    struct span body = rows_span(&rows, 0, 1);
    status = check_digest(rows_span(&rows, 0, 0), body, "baseline", error);
    if (status == STATUS_OK)
        status = week_json_baseline_decode(body, pool, out, error);
    return status;
}

/* ---- rulings -------------------------------------------------------------------------------- */

static void take_decision(const struct rows *rows, int row, struct week_decision *out)
{
    *out = (struct week_decision){.number = rows_int(rows, row, 1),
                                  .rule = rows_span(rows, row, 3),
                                  .handoff = rows_span(rows, row, 4),
                                  .by = rows_span(rows, row, 5),
                                  .at_us = rows_time(rows, row, 6),
                                  .why = rows_span(rows, row, 7),
                                  .inputs = rows_span(rows, row, 8),
                                  .contract = rows_span(rows, row, 9)};
    bool is_known = week_parse(rows_span(rows, row, 0), &out->monday) &&
                    week_verdict_parse(rows_span(rows, row, 2), &out->verdict);
    ASSERT(is_known); /* the table's own checks */
}

static enum status newest(struct postgres *postgres, int32_t monday, struct rows *rows,
                          struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    char week[WEEK_NAME_MAX];
    week_name(monday, week);
    pg_params_init(&params);
    pg_params_text(&params, span_from(week));
    return postgres_query(postgres, &NEWEST, &params, rows, error);
}

static bool keep(struct pool *pool, struct span *text)
{
    *text = pool_span(pool, *text);
    return text->bytes != NULL;
}

enum status store_week_decision(struct postgres *postgres, int32_t monday,
                                struct pool *pool, struct week_decision *out,
                                struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    *out = (struct week_decision){.monday = monday};
    enum status status = newest(postgres, monday, &rows, error);
    if (status != STATUS_OK || rows.count == 0)
        return status;
    take_decision(&rows, 0, out);
    struct span *texts[] = {&out->rule, &out->handoff, &out->by,
                            &out->why,  &out->inputs,  &out->contract};
    for (size_t at = 0; at < COUNT_OF(texts); at++)
        if (!keep(pool, texts[at]))
            return out_of_memory(error);
    return STATUS_OK;
}

static enum status insert_decision(struct postgres *postgres,
                                   const struct week_decision *decision,
                                   struct span inputs, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    char week[WEEK_NAME_MAX];
    week_name(decision->monday, week);
    pg_params_init(&params);
    pg_params_text(&params, span_from(week));
    pg_params_int8(&params, decision->number);
    pg_params_text(&params, span_from(week_verdict_name(decision->verdict)));
    pg_params_text(&params, decision->rule);
    pg_params_text(&params, decision->handoff);
    pg_params_text(&params, decision->by);
    pg_params_time(&params, true, decision->at_us);
    pg_params_text(&params, decision->why);
    pg_params_text(&params, decision->inputs);
    pg_params_text(&params, decision->contract);
    pg_params_text(&params, inputs);
    return postgres_query(postgres, &PUT, &params, NULL, error);
}

static enum status refuse(const struct week_decision *before, struct error *error)
{
    char at[RFC3339_TEXT_MAX];
    size_t length = before->by.length < 60 ? before->by.length : 60;
    rfc3339_format(before->at_us, at);
    return error_set_code(error, STATUS_REJECT, "decided",
                          "the week is decided already: %s, by %.*s at %s; --again rules "
                          "anew, and both are kept",
                          week_verdict_name(before->verdict), (int)length,
                          before->by.bytes, at);
}

/* Within a transaction. */
static enum status decide(struct postgres *postgres, bool again, struct span inputs,
                          struct week_decision *decision, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    struct week_decision before = {0};
    enum status status = postgres_query(postgres, &LOCK, NULL, NULL, error);
    if (status == STATUS_OK)
        status = newest(postgres, decision->monday, &rows, error);
    if (status == STATUS_OK && rows.count > 0)
        take_decision(&rows, 0, &before);
    if (status == STATUS_OK && before.number > 0 && !again)
        return refuse(&before, error);
    if (status == STATUS_OK)
        status = store_clock_us(postgres, &decision->at_us, error);
    decision->number = before.number + 1;
    return status == STATUS_OK ? insert_decision(postgres, decision, inputs, error)
                               : status;
}

enum status store_week_decide(struct postgres *postgres, const struct week_ruling *ruling,
                              struct week_decision *decision, struct error *error)
{
    SCOPED(buf_free) struct buf body = {0};
    struct error ignored;
    char digest[WEEK_DIGEST_MAX];
    buf_init(&body, WEEK_JSON_MAX);
    week_json_inputs(ruling->inputs, &body);
    if (body.failed)
        return out_of_memory(error);
    digest_sha256_hex(buf_view(&body), digest);
    decision->monday = ruling->inputs->period.first_day;
    decision->contract = ruling->inputs->contract;
    decision->inputs = pool_span(ruling->pool, span_from(digest));
    if (decision->inputs.bytes == NULL)
        return out_of_memory(error);
    enum status status = postgres_script(postgres, "BEGIN", error);
    if (status == STATUS_OK)
        status = decide(postgres, ruling->again, buf_view(&body), decision, error);
    if (status == STATUS_OK)
        return postgres_script(postgres, "COMMIT", error);
    if (postgres_alive(postgres))
        (void)postgres_script(postgres, "ROLLBACK", &ignored);
    return status;
}

enum status store_week_decided_inputs(struct postgres *postgres,
                                      const struct week_decision *decision,
                                      struct pool *pool, struct span *json_out,
                                      struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    char week[WEEK_NAME_MAX];
    week_name(decision->monday, week);
    pg_params_init(&params);
    pg_params_text(&params, span_from(week));
    pg_params_int8(&params, decision->number);
    enum status status = postgres_query(postgres, &INPUTS, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    if (rows.count == 0)
        return error_set(error, STATUS_REJECT, "week %s has no ruling of that number",
                         week);
    struct span inputs = rows_span(&rows, 0, 1);
    status = check_digest(rows_span(&rows, 0, 0), inputs, "inputs of the week", error);
    if (status == STATUS_OK) {
        *json_out = pool_span(pool, inputs);
        status = json_out->bytes != NULL ? STATUS_OK : out_of_memory(error);
    }
    return status;
}

enum status store_week_decisions(struct postgres *postgres, int64_t limit,
                                 const struct decision_visitor *visitor,
                                 struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_int8(&params, limit);
    enum status status = postgres_query(postgres, &LIST, &params, &rows, error);
    for (int row = 0; status == STATUS_OK && row < rows.count; row++) {
        struct week_decision decision;
        take_decision(&rows, row, &decision);
        status = visitor->each(visitor->self, &decision, error);
    }
    return status;
}
