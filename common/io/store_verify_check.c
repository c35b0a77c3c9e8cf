#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_verify.h"

/* ---- what happened since ------------------------------------------------------------------ */

/*
 * $4 the ruling level of then, $5 and $6 the SKUs that share a pair's stock, $7 since when
 * and $8 the run that knows how far apply was: what lies behind that came since. (A batch
 * bears the time at which it began: the ten minutes only spare reading older pages.) The
 * ledger is read once for all pairs. Events lead from then to now if some of them begins
 * at the level of then, each goes on where the one before ended, and the last ends at the
 * level of now.
 */
static const struct statement BETWEEN = {
    "verify_between",
    "WITH u AS (SELECT * FROM unnest($2::text[], $3::text[], $4::bigint[])"
    " WITH ORDINALITY u (sku, location, truth, place)),"
    " related AS (SELECT * FROM unnest($5::bigint[], $6::text[]) r (place, sku)),"
    " seen AS MATERIALIZED (SELECT i.sku, i.location, i.before, i.after, i.judged_at,"
    " i.record_offset FROM idempotency i LEFT JOIN verify_positions q ON q.run_id = $8"
    " AND q.topic = i.topic AND q.partition = i.partition"
    " WHERE i.judged_at > $7 - interval '10 min' AND i.sku = ANY ($6::text[])"
    " AND i.record_offset >= coalesce(q.next_offset, 0)),"
    " steps AS (SELECT s.sku, s.location, s.before, s.after,"
    " lag(s.after) OVER w AS earlier, row_number() OVER w AS n,"
    " lead(1) OVER w IS NULL AS is_last FROM seen s"
    " WHERE s.before IS DISTINCT FROM s.after"
    " WINDOW w AS (PARTITION BY s.sku, s.location ORDER BY s.judged_at,"
    " s.record_offset))"
    " SELECT u.place - 1, v.quantity::bigint, coalesce(v.revision, 0),"
    " (SELECT count(*) FROM related r JOIN seen s ON s.sku = r.sku"
    " AND s.location IN (u.location, '') WHERE r.place = u.place - 1),"
    " coalesce((SELECT bool_and(t.n = 1 OR t.before IS NOT DISTINCT FROM t.earlier)"
    " AND bool_or(t.before IS NOT DISTINCT FROM u.truth)"
    " AND bool_or(t.is_last AND t.after IS NOT DISTINCT FROM v.quantity) FROM steps t"
    " WHERE t.sku = u.sku AND t.location = u.location), false),"
    " (SELECT count(*) FROM related r JOIN shop_units s ON s.sku = r.sku"
    " AND s.location IN (u.location, '') AND s.at > $7"
    " WHERE r.place = u.place - 1),"
    " (SELECT count(*) FROM shop_write_pairs p JOIN shop_writes w ON w.id = p.write_id"
    " WHERE p.sku = u.sku AND p.location = u.location AND w.shop = $1"
    " AND w.settled_at > $7)"
    " FROM u LEFT JOIN levels v ON v.sku = u.sku AND v.location = u.location"};

static void add_pairs(struct pg_params *params, const struct verify_question *question)
{
    struct span skus[DRIFT_BATCH_MAX];
    struct span locations[DRIFT_BATCH_MAX];
    int64_t truths[DRIFT_BATCH_MAX];
    bool known[DRIFT_BATCH_MAX];
    for (size_t at = 0; at < question->count; at++) {
        skus[at] = question->pairs[at].pair.sku;
        locations[at] = question->pairs[at].pair.location;
        truths[at] = question->pairs[at].before.truth.units;
        known[at] = question->pairs[at].before.truth.known;
    }
    pg_params_text_array(params, skus, question->count);
    pg_params_text_array(params, locations, question->count);
    pg_params_int8_array(params, truths, known, question->count);
}

enum status store_verify_between(struct postgres *postgres,
                                 const struct verify_question *question,
                                 struct verify_state *states,
                                 struct verify_between *betweens, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    ASSERT(question->count <= DRIFT_BATCH_MAX);
    pg_params_init(&params);
    pg_params_text(&params, question->shop);
    add_pairs(&params, question);
    pg_params_int8_array(&params, question->places, NULL, question->related_count);
    pg_params_text_array(&params, question->related, question->related_count);
    pg_params_time(&params, true, question->since_us);
    pg_params_int8(&params, question->run_id);
    enum status status = postgres_query(postgres, &BETWEEN, &params, &rows, error);
    for (int row = 0; status == STATUS_OK && row < rows.count; row++) {
        size_t at = (size_t)rows_int(&rows, row, 0);
        ASSERT(at < question->count);
        states[at].truth = store_drift_quantity(&rows, row, 1);
        states[at].revision = rows_int(&rows, row, 2);
        betweens[at].events = rows_int(&rows, row, 3);
        betweens[at].events_lead = rows_bool(&rows, row, 4);
        betweens[at].units = rows_int(&rows, row, 5);
        betweens[at].writes = rows_int(&rows, row, 6);
    }
    return status;
}

/* ---- checks -------------------------------------------------------------------------------- */

static const struct statement CHECK = {
    "verify_check",
    "INSERT INTO verify_checks (run_id, actor, began_at, outcome, build, schema_version,"
    " contract, pairs, wrong, undecided, known, moved, explained)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::text::jsonb)"
    " RETURNING id"};

static const struct statement FINDINGS = {
    "verify_findings_add",
    "INSERT INTO verify_findings (check_id, shop, sku, location, aspect, verdict, rule,"
    " is_high_risk, before, after, expected, cause, reason, runbook)"
    " SELECT $1, shop, sku, location, aspect, verdict, rule, is_high_risk, before, after,"
    " expected, cause, reason, runbook FROM unnest($2::text[], $3::text[], $4::text[],"
    " $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],"
    " $11::text[], $12::text[], $13::text[], $14::boolean[]) u (shop, sku, location,"
    " aspect, verdict, rule, before, after, expected, cause, reason, runbook,"
    " is_high_risk)"};

#define FINDING_COLUMNS                                                                   \
    "shop, sku, location, aspect, verdict, rule, before, after, expected, cause, reason," \
    " runbook, is_high_risk"

static const struct statement FINDINGS_OF = {
    "verify_findings",
    "SELECT " FINDING_COLUMNS " FROM verify_findings WHERE check_id = $1"
    " ORDER BY verdict = 'wrong' DESC, is_high_risk DESC, shop, sku, location, aspect"};

#define TEXT_COLUMNS 12

static void texts_of(const struct verify_finding *finding, struct span *out)
{
    const struct span texts[TEXT_COLUMNS] = {
        finding->shop,     finding->sku,   finding->location, finding->aspect,
        finding->verdict,  finding->rule,  finding->before,   finding->after,
        finding->expected, finding->cause, finding->reason,   finding->runbook};
    for (size_t at = 0; at < TEXT_COLUMNS; at++)
        out[at] = texts[at].bytes != NULL ? texts[at] : SPAN_OF("");
}

/* Up to DRIFT_BATCH_MAX of them. */
static enum status add_findings(struct postgres *postgres, int64_t check_id,
                                const struct verify_finding *findings, size_t count,
                                struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct span columns[TEXT_COLUMNS][DRIFT_BATCH_MAX];
    bool high[DRIFT_BATCH_MAX];
    for (size_t at = 0; at < count; at++) {
        struct span texts[TEXT_COLUMNS];
        texts_of(&findings[at], texts);
        for (size_t column = 0; column < TEXT_COLUMNS; column++)
            columns[column][at] = texts[column];
        high[at] = findings[at].is_high_risk;
    }
    pg_params_init(&params);
    pg_params_int8(&params, check_id);
    for (size_t column = 0; column < TEXT_COLUMNS; column++)
        pg_params_text_array(&params, columns[column], count);
    pg_params_bool_array(&params, high, count);
    return postgres_query(postgres, &FINDINGS, &params, NULL, error);
}

static enum status add_check(struct postgres *postgres, struct verify_check *check,
                             struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_int8(&params, check->run_id);
    pg_params_text(&params, check->actor);
    pg_params_time(&params, true, check->began_at_us);
    pg_params_text(&params, check->outcome);
    pg_params_text(&params, check->build);
    pg_params_int8(&params, check->schema_version);
    pg_params_text(&params, check->contract);
    pg_params_int8(&params, check->counts.pairs);
    pg_params_int8(&params, check->counts.wrong);
    pg_params_int8(&params, check->counts.undecided);
    pg_params_int8(&params, check->counts.known);
    pg_params_int8(&params, check->counts.moved);
    pg_params_text(&params, check->explained);
    enum status status = postgres_query(postgres, &CHECK, &params, &rows, error);
    if (status == STATUS_OK)
        check->id = rows_int(&rows, 0, 0);
    return status;
}

enum status store_verify_save(struct postgres *postgres, struct verify_check *check,
                              const struct verify_finding *findings, size_t count,
                              struct error *error)
{
    enum status status = postgres_script(postgres, "BEGIN", error);
    if (status == STATUS_OK)
        status = add_check(postgres, check, error);
    for (size_t at = 0; status == STATUS_OK && at < count; at += DRIFT_BATCH_MAX)
        status = add_findings(postgres, check->id, &findings[at],
                              count - at < DRIFT_BATCH_MAX ? count - at : DRIFT_BATCH_MAX,
                              error);
    return status == STATUS_OK ? postgres_script(postgres, "COMMIT", error) : status;
}

static enum status read_finding(void *self, const struct rows *row, struct error *error)
{
    const struct verify_finding_visitor *visitor = self;
    const struct verify_finding finding = {.shop = rows_span(row, 0, 0),
                                           .sku = rows_span(row, 0, 1),
                                           .location = rows_span(row, 0, 2),
                                           .aspect = rows_span(row, 0, 3),
                                           .verdict = rows_span(row, 0, 4),
                                           .rule = rows_span(row, 0, 5),
                                           .before = rows_span(row, 0, 6),
                                           .after = rows_span(row, 0, 7),
                                           .expected = rows_span(row, 0, 8),
                                           .cause = rows_span(row, 0, 9),
                                           .reason = rows_span(row, 0, 10),
                                           .runbook = rows_span(row, 0, 11),
                                           .is_high_risk = rows_bool(row, 0, 12)};
    return visitor->each(visitor->self, &finding, error);
}

enum status store_verify_findings(struct postgres *postgres, int64_t check_id,
                                  const struct verify_finding_visitor *visitor,
                                  struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct verify_finding_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_finding, .self = &copy};
    pg_params_init(&params);
    pg_params_int8(&params, check_id);
    return postgres_stream(postgres, &FINDINGS_OF, &params, &reader, error);
}
