#include "common/io/store_verify.h"

#include "common/base/check.h"
#include "common/base/scope.h"

/* ---- samples ---------------------------------------------------------------------------- */

static const struct statement TRIM = {
    "verify_trim",
    "WITH old AS (DELETE FROM verify_runs WHERE id IN (SELECT id FROM verify_runs"
    " ORDER BY id DESC OFFSET $1) RETURNING id),"
    " positions AS (DELETE FROM verify_positions q USING old WHERE q.run_id = old.id),"
    " pairs AS (DELETE FROM verify_pairs p USING old WHERE p.run_id = old.id),"
    " checks AS (DELETE FROM verify_checks c USING old WHERE c.run_id = old.id"
    " RETURNING c.id)"
    " DELETE FROM verify_findings f USING checks WHERE f.check_id = checks.id"};

static const struct statement BEGIN_RUN = {
    "verify_begin",
    "WITH run AS (INSERT INTO verify_runs (name, actor, build, schema_version, contract,"
    " confidence, share, sample, seed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    " RETURNING id, taken_at), reached AS (INSERT INTO verify_positions (run_id, topic,"
    " partition, next_offset) SELECT run.id, p.topic, p.partition, p.next_offset"
    " FROM progress p, run) SELECT id, taken_at FROM run"};

/*
 * High-risk as `catalog check` counts it: listed, tagged, or of a price that alone reaches
 * the threshold. The others are drawn by a hash of their names and the seed: the same seed
 * draws the same of the same pairs.
 */
#define DRAW_PAIRS                                                                       \
    " FROM shop_levels l JOIN unnest($3::text[]) g (code) ON g.code = l.location"        \
    " WHERE l.shop = $1 AND l.desired IS NOT NULL"
static const struct statement DRAW = {
    "verify_draw",
    "WITH risky AS (SELECT l.sku, l.location" DRAW_PAIRS " AND (l.sku = ANY ($4::text[])"
    " OR EXISTS (SELECT 1 FROM shop_items i WHERE i.shop = $1 AND i.sku = l.sku"
    " AND (i.price_micros >= $6 OR EXISTS (SELECT 1 FROM unnest(i.tags) t"
    " WHERE lower(t) IN (SELECT lower(x) FROM unnest($5::text[]) x)))))"
    " ORDER BY l.sku, l.location LIMIT $7),"
    " drawn AS (SELECT l.sku, l.location" DRAW_PAIRS
    " AND NOT EXISTS (SELECT 1 FROM risky r WHERE r.sku = l.sku"
    " AND r.location = l.location)"
    " ORDER BY hashtextextended(l.sku || E'\\x01' || l.location, $8), l.sku, l.location"
    " LIMIT $9),"
    " taken AS (INSERT INTO verify_pairs (run_id, shop, sku, location, is_high_risk)"
    " SELECT $2, $1, sku, location, true FROM risky"
    " UNION ALL SELECT $2, $1, sku, location, false FROM drawn RETURNING is_high_risk)"
    " SELECT count(*), count(*) FILTER (WHERE is_high_risk) FROM taken"};

static const struct statement END_RUN = {
    "verify_end", "UPDATE verify_runs SET state = $2, detail = $3, pairs = $4,"
                  " high_risk = $5, finished_at = clock_timestamp() WHERE id = $1"};

#define RUN_COLUMNS                                                                      \
    "r.id, r.name, r.state, r.actor, r.taken_at, r.build, r.schema_version, r.contract," \
    " r.confidence, r.share, r.sample, r.seed, r.pairs, r.high_risk"
#define RUN_COLUMN_COUNT 14

static const struct statement FIND = {
    "verify_find", "SELECT " RUN_COLUMNS " FROM verify_runs r WHERE r.state = 'taken'"
                   " AND ($1::text IS NULL OR r.name = $1 OR r.id::text = $1)"
                   " ORDER BY r.name = $1 DESC NULLS LAST, r.id DESC LIMIT 1"};

enum status store_verify_begin(struct postgres *postgres, struct verify_run *run,
                               struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(pg_params_free) struct pg_params trim;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&trim);
    pg_params_init(&params);
    pg_params_int8(&trim, VERIFY_RUNS_KEPT - 1);
    pg_params_text(&params, run->name);
    pg_params_text(&params, run->actor);
    pg_params_text(&params, run->build);
    pg_params_int8(&params, run->schema_version);
    pg_params_text(&params, run->contract);
    pg_params_int8(&params, run->confidence);
    pg_params_int8(&params, run->share);
    pg_params_int8(&params, run->sample);
    pg_params_int8(&params, run->seed);
    enum status status = postgres_query(postgres, &TRIM, &trim, NULL, error);
    if (status == STATUS_OK)
        status = postgres_query(postgres, &BEGIN_RUN, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    run->id = rows_int(&rows, 0, 0);
    run->taken_at_us = rows_time(&rows, 0, 1);
    return STATUS_OK;
}

enum status store_verify_draw(struct postgres *postgres, struct verify_run *run,
                              const struct verify_draw *draw, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, draw->shop);
    pg_params_int8(&params, run->id);
    pg_params_text_array(&params, draw->places->codes, draw->places->count);
    pg_params_text_array(&params, draw->risk->skus, draw->risk->sku_count);
    pg_params_text_array(&params, draw->risk->tags, draw->risk->tag_count);
    pg_params_int8_or_null(&params, draw->risk->has_threshold,
                           draw->risk->threshold_micros);
    pg_params_int8(&params, draw->limit + 1);
    pg_params_int8(&params, run->seed);
    pg_params_int8(&params, run->sample);
    enum status status = postgres_query(postgres, &DRAW, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    run->pairs += rows_int(&rows, 0, 0);
    run->high_risk += rows_int(&rows, 0, 1);
    return STATUS_OK;
}

enum status store_verify_end(struct postgres *postgres, const struct verify_run *run,
                             const char *state, const char *detail, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_int8(&params, run->id);
    pg_params_text(&params, span_from(state));
    pg_params_text(&params, span_from(detail));
    pg_params_int8(&params, run->pairs);
    pg_params_int8(&params, run->high_risk);
    return postgres_query(postgres, &END_RUN, &params, NULL, error);
}

/* Texts point into the row. */
static struct verify_run take_run(const struct rows *rows, int row)
{
    return (struct verify_run){.id = rows_int(rows, row, 0),
                               .name = rows_span(rows, row, 1),
                               .state = rows_span(rows, row, 2),
                               .actor = rows_span(rows, row, 3),
                               .taken_at_us = rows_time(rows, row, 4),
                               .build = rows_span(rows, row, 5),
                               .schema_version = rows_int(rows, row, 6),
                               .contract = rows_span(rows, row, 7),
                               .confidence = rows_int(rows, row, 8),
                               .share = rows_int(rows, row, 9),
                               .sample = rows_int(rows, row, 10),
                               .seed = rows_int(rows, row, 11),
                               .pairs = rows_int(rows, row, 12),
                               .high_risk = rows_int(rows, row, 13)};
}

static bool keep(struct pool *pool, struct span *const *texts, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        *texts[at] = pool_span(pool, *texts[at]);
        if (texts[at]->bytes == NULL)
            return false;
    }
    return true;
}

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "verify: out of memory");
}

enum status store_verify_find(struct postgres *postgres, struct span name,
                              struct pool *pool, struct verify_run *run_out,
                              struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, name);
    *run_out = (struct verify_run){0};
    enum status status = postgres_query(postgres, &FIND, &params, &rows, error);
    if (status != STATUS_OK || rows.count == 0)
        return status;
    struct verify_run run = take_run(&rows, 0);
    struct span *const texts[] = {&run.name, &run.state, &run.actor, &run.build,
                                  &run.contract};
    if (!keep(pool, texts, COUNT_OF(texts)))
        return out_of_memory(error);
    *run_out = run;
    return STATUS_OK;
}

/* ---- pairs of a sample ------------------------------------------------------------------ */

static const struct statement PAIRS = {
    "verify_pairs",
    "SELECT v.sku, v.location, coalesce(i.item, ''), coalesce(g.gid, ''),"
    " coalesce(i.raw_sku, ''), coalesce(i.n, 0), v.is_high_risk, v.item, v.contract,"
    " v.is_read, v.item_there, v.raw_sku, v.tracked, v.sells_on, v.stocked, v.shown,"
    " v.truth, v.revision, v.desired, v.residual, v.is_off FROM verify_pairs v"
    " LEFT JOIN unnest($2::text[], $3::text[]) g (code, gid) ON g.code = v.location"
    " LEFT JOIN LATERAL (SELECT count(*) AS n, min(s.item) AS item,"
    " min(s.raw_sku) AS raw_sku FROM shop_items s WHERE s.shop = $1 AND s.sku = v.sku) i"
    " ON true WHERE v.shop = $1 AND v.run_id = $4 AND ($5::text IS NULL"
    " OR (v.location, v.sku) > ($5 COLLATE \"C\", $6 COLLATE \"C\"))"
    " ORDER BY v.location, v.sku LIMIT $7"};

static bool take_pair(const struct rows *rows, int row, struct pool *pool,
                      struct verify_pair *out)
{
    *out = (struct verify_pair){.pair = {.sku = rows_span(rows, row, 0),
                                         .location = rows_span(rows, row, 1),
                                         .item = rows_span(rows, row, 2),
                                         .gid = rows_span(rows, row, 3),
                                         .raw_sku = rows_span(rows, row, 4),
                                         .items = rows_int(rows, row, 5),
                                         .was_mapped = rows_int(rows, row, 5) > 0},
                                .is_high_risk = rows_bool(rows, row, 6),
                                .item = rows_span(rows, row, 7),
                                .contract = rows_span(rows, row, 8),
                                .before = {.is_read = rows_bool(rows, row, 9),
                                           .item_there = rows_bool(rows, row, 10),
                                           .raw_sku = rows_span(rows, row, 11),
                                           .tracked = rows_bool(rows, row, 12),
                                           .sells_on = rows_bool(rows, row, 13),
                                           .stocked = rows_bool(rows, row, 14),
                                           .shown = store_drift_quantity(rows, row, 15),
                                           .truth = store_drift_quantity(rows, row, 16),
                                           .revision = rows_int(rows, row, 17),
                                           .desired = store_drift_quantity(rows, row, 18),
                                           .residual = rows_int(rows, row, 19),
                                           .is_off = rows_bool(rows, row, 20)}};
    struct span *const texts[] = {&out->pair.sku, &out->pair.location, &out->pair.item,
                                  &out->pair.gid, &out->pair.raw_sku,  &out->item,
                                  &out->contract, &out->before.raw_sku};
    return keep(pool, texts, COUNT_OF(texts));
}

enum status store_verify_pairs(struct postgres *postgres, const struct verify_page *page,
                               struct verify_pair *pairs, size_t *count_out,
                               struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, page->shop);
    pg_params_text_array(&params, page->places->codes, page->places->count);
    pg_params_text_array(&params, page->places->gids, page->places->count);
    pg_params_int8(&params, page->run_id);
    pg_params_text(&params, page->after_location);
    pg_params_text(&params, page->after_sku);
    pg_params_int8(&params, DRIFT_BATCH_MAX);
    *count_out = 0;
    enum status status = postgres_query(postgres, &PAIRS, &params, &rows, error);
    for (int row = 0; status == STATUS_OK && row < rows.count; row++)
        if (!take_pair(&rows, row, page->pool, &pairs[(*count_out)++]))
            return out_of_memory(error);
    return status;
}

static const struct statement NOTE = {
    "verify_note",
    "UPDATE verify_pairs v SET item = u.item, is_read = u.is_read,"
    " item_there = u.item_there, raw_sku = u.raw_sku, tracked = u.tracked,"
    " sells_on = u.sells_on, stocked = u.stocked, shown = u.shown, truth = u.truth,"
    " revision = u.revision, desired = u.desired, residual = u.residual,"
    " is_off = u.is_off, contract = u.contract"
    " FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[],"
    " $8::boolean[], $9::boolean[], $10::boolean[], $11::boolean[], $12::boolean[],"
    " $13::boolean[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[],"
    " $18::bigint[]) u (sku, location, item, raw_sku, contract, is_read, item_there,"
    " tracked, sells_on, stocked, is_off, shown, truth, desired, revision, residual)"
    " WHERE v.run_id = $1 AND v.shop = $2 AND v.sku = u.sku AND v.location = u.location"};

/* The states of some pairs, side by side. */
struct note_columns {
    struct span texts[5][DRIFT_BATCH_MAX];
    bool flags[6][DRIFT_BATCH_MAX];
    int64_t levels[3][DRIFT_BATCH_MAX];
    bool known[3][DRIFT_BATCH_MAX];
    int64_t numbers[2][DRIFT_BATCH_MAX];
};

static void set_level(struct note_columns *columns, size_t column, size_t at,
                      struct quantity level)
{
    columns->levels[column][at] = level.units;
    columns->known[column][at] = level.known;
}

static void add_note(struct note_columns *columns, const struct verify_notes *notes,
                     size_t at)
{
    const struct drift_pair *pair = &notes->pairs[at].pair;
    const struct verify_state *state = &notes->states[at];
    const struct span texts[] = {pair->sku, pair->location, pair->item, state->raw_sku,
                                 notes->contracts[at]};
    const bool flags[] = {state->is_read,  state->item_there, state->tracked,
                          state->sells_on, state->stocked,    state->is_off};
    for (size_t column = 0; column < COUNT_OF(texts); column++)
        columns->texts[column][at] =
            texts[column].bytes != NULL ? texts[column] : SPAN_OF("");
    for (size_t column = 0; column < COUNT_OF(flags); column++)
        columns->flags[column][at] = flags[column];
    set_level(columns, 0, at, state->shown);
    set_level(columns, 1, at, state->truth);
    set_level(columns, 2, at, state->desired);
    columns->numbers[0][at] = state->revision;
    columns->numbers[1][at] = state->residual;
}

enum status store_verify_note(struct postgres *postgres, const struct verify_notes *notes,
                              struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct note_columns columns = {0};
    ASSERT(notes->count <= DRIFT_BATCH_MAX);
    for (size_t at = 0; at < notes->count; at++)
        add_note(&columns, notes, at);
    pg_params_init(&params);
    pg_params_int8(&params, notes->run_id);
    pg_params_text(&params, notes->shop);
    for (size_t column = 0; column < COUNT_OF(columns.texts); column++)
        pg_params_text_array(&params, columns.texts[column], notes->count);
    for (size_t column = 0; column < COUNT_OF(columns.flags); column++)
        pg_params_bool_array(&params, columns.flags[column], notes->count);
    for (size_t column = 0; column < COUNT_OF(columns.levels); column++)
        pg_params_int8_array(&params, columns.levels[column], columns.known[column],
                             notes->count);
    for (size_t column = 0; column < COUNT_OF(columns.numbers); column++)
        pg_params_int8_array(&params, columns.numbers[column], NULL, notes->count);
    return postgres_query(postgres, &NOTE, &params, NULL, error);
}

/* ---- lists -------------------------------------------------------------------------------- */

#define CHECK_COLUMNS                                                                    \
    "c.id, c.run_id, c.actor, c.began_at, c.ended_at, c.outcome, c.build,"               \
    " c.schema_version, c.contract, c.pairs, c.wrong, c.undecided, c.known, c.moved,"    \
    " c.explained::text"

static const struct statement LIST = {
    "verify_list", "SELECT " RUN_COLUMNS ", " CHECK_COLUMNS " FROM verify_runs r"
                   " LEFT JOIN LATERAL (SELECT * FROM verify_checks k"
                   " WHERE k.run_id = r.id ORDER BY k.id DESC LIMIT 1) c ON true"
                   " ORDER BY r.id DESC LIMIT $1"};

static const struct statement CHECK_OF = {
    "verify_check_of", "SELECT " CHECK_COLUMNS " FROM verify_checks c WHERE c.run_id = $1"
                       " ORDER BY c.id DESC LIMIT 1"};

static struct verify_check take_check(const struct rows *rows, int row, int first)
{
    return (struct verify_check){.id = rows_int(rows, row, first),
                                 .run_id = rows_int(rows, row, first + 1),
                                 .actor = rows_span(rows, row, first + 2),
                                 .began_at_us = rows_time(rows, row, first + 3),
                                 .ended_at_us = rows_time(rows, row, first + 4),
                                 .outcome = rows_span(rows, row, first + 5),
                                 .build = rows_span(rows, row, first + 6),
                                 .schema_version = rows_int(rows, row, first + 7),
                                 .contract = rows_span(rows, row, first + 8),
                                 .counts = {.pairs = rows_int(rows, row, first + 9),
                                            .wrong = rows_int(rows, row, first + 10),
                                            .undecided = rows_int(rows, row, first + 11),
                                            .known = rows_int(rows, row, first + 12),
                                            .moved = rows_int(rows, row, first + 13)},
                                 .explained = rows_span(rows, row, first + 14)};
}

enum status store_verify_list(struct postgres *postgres, int64_t limit,
                              const struct verify_list_visitor *visitor,
                              struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_int8(&params, limit);
    enum status status = postgres_query(postgres, &LIST, &params, &rows, error);
    for (int row = 0; status == STATUS_OK && row < rows.count; row++) {
        const struct verify_run run = take_run(&rows, row);
        const struct verify_check check = take_check(&rows, row, RUN_COLUMN_COUNT);
        status = visitor->each(visitor->self, &run, &check, error);
    }
    return status;
}

enum status store_verify_check_of(struct postgres *postgres, int64_t run_id,
                                  struct pool *pool, struct verify_check *check_out,
                                  struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_int8(&params, run_id);
    *check_out = (struct verify_check){0};
    enum status status = postgres_query(postgres, &CHECK_OF, &params, &rows, error);
    if (status != STATUS_OK || rows.count == 0)
        return status;
    struct verify_check check = take_check(&rows, 0, 0);
    struct span *const texts[] = {&check.actor, &check.outcome, &check.build,
                                  &check.contract, &check.explained};
    if (!keep(pool, texts, COUNT_OF(texts)))
        return out_of_memory(error);
    *check_out = check;
    return STATUS_OK;
}
