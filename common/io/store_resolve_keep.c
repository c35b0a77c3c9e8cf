#include "common/io/store_resolve_keep.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_pairs_sql.h"

#define SINCE "coalesce(a.read_at, a.acted_at)"

static const struct statement LOOK = {
    "resyncs_look",
    "SELECT a.finding_id, a.sku, a.shop, a.location, a.rule, a.incident, a.is_rule,"
    " a.state = 'reading', l.sku IS NOT NULL, coalesce(l.fault, ''),"
    " coalesce(l.dirty, false), coalesce(l.undecided, false), l.write_id IS NOT NULL,"
    " l.desired, l.shown, coalesce(l.short > 0 AND l.desired = 0 AND l.shown < 0, false),"
    " coalesce(l.shown_at > " SINCE ", false),"
    " (extract(epoch FROM clock_timestamp() - a.acted_at) * 1000)::bigint, a.desired"
    " FROM drift_actions a LEFT JOIN shop_levels l ON l.shop = a.shop AND l.sku = a.sku"
    " AND l.location = a.location WHERE a.state IN ('pending', 'reading')"
    " AND (l.sku IS NULL OR l.fault <> '' OR l.desired IS NULL"
    " OR (l.shown IS NOT NULL AND l.write_id IS NULL AND l.shown_at > " SINCE ")"
    " OR a.acted_at <= now() - $1 * interval '1 ms')"
    " ORDER BY a.acted_at LIMIT $2 FOR UPDATE OF a SKIP LOCKED"};

static const struct statement SETTLE = {
    "resyncs_settle",
    "UPDATE drift_actions a SET state = u.state, detail = u.detail,"
    " desired = coalesce(u.desired, a.desired), shown = u.shown,"
    " read_at = CASE WHEN u.state = 'reading' THEN clock_timestamp() ELSE a.read_at END,"
    " settled_at = CASE WHEN u.state = 'reading' THEN NULL ELSE clock_timestamp() END"
    " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[],"
    " $6::bigint[]) u (id, sku, state, detail, desired, shown)"
    " WHERE a.finding_id = u.id AND a.sku = u.sku"};

/* As resolve_mark: what is known is forgotten, so that push reads. */
static const struct statement AGAIN = {
    "resyncs_again",
    "WITH u AS (SELECT DISTINCT * FROM unnest($1::text[], $2::text[], $3::text[])"
    " u (shop, sku, location)), held AS MATERIALIZED (SELECT l.shop, l.sku, l.location"
    " FROM shop_levels l WHERE (l.shop, l.sku, l.location) IN"
    " (SELECT u.shop, u.sku, u.location FROM u)" PAIR_ORDER " FOR UPDATE OF l)"
    " UPDATE shop_levels l SET shown = NULL, dirty = true FROM held"
    " WHERE l.shop = held.shop AND l.sku = held.sku AND l.location = held.location"};

static const struct statement TOTALS = {
    "resync_totals",
    "SELECT (SELECT count(*) FROM drift_actions WHERE state IN ('pending', 'reading')),"
    " (SELECT count(*) FROM drift_actions WHERE state = 'held'),"
    " (SELECT count(*) FROM guard_stops WHERE scope = 'drift')"};

static const struct statement ENDS = {
    "resolve_ends", "SELECT id, sku, $3 FROM incidents WHERE class = $1"
                    " AND state <> 'resolved' AND shop = ANY ($2::text[])"
                    " ORDER BY problem COLLATE \"C\", sku COLLATE \"C\" LIMIT $4"
                    " FOR UPDATE"};

static const struct statement OVER = {
    "stops_over",
    "SELECT s.shop FROM guard_stops s WHERE s.scope = 'drift' AND NOT EXISTS"
    " (SELECT 1 FROM incidents i WHERE i.class = 'guard_stopped' AND i.shop = s.shop"
    " AND i.state <> 'resolved' AND i.proposal_state IN ('waiting', 'approved', 'taken'))"
    " ORDER BY s.shop LIMIT $1 FOR UPDATE OF s SKIP LOCKED"};

static const struct statement GO_ON = {
    "stop_end", "DELETE FROM guard_stops WHERE shop = $1 AND scope = 'drift'"};

static const struct statement RUNS_GO_ON = {
    "stop_end_runs", "UPDATE resolve_runs SET state = $2 WHERE shop = $1"
                     " AND state = 'stopped'"};

/* $2: approved. The newest of each pair is done; what it has overtaken is not. */
static const struct statement HELD = {
    "stop_end_held",
    "WITH mine AS MATERIALIZED (SELECT finding_id, sku, location, acted_at"
    " FROM drift_actions WHERE shop = $1 AND state = 'held'"
    " ORDER BY finding_id, sku FOR UPDATE),"
    " ranked AS (SELECT *, $2 AND row_number() OVER (PARTITION BY sku, location"
    " ORDER BY acted_at DESC, finding_id) = 1 AS goes_on FROM mine),"
    " moved AS (UPDATE drift_actions a SET acted_at = clock_timestamp(),"
    " state = CASE WHEN r.goes_on THEN 'pending' ELSE 'dropped' END"
    " FROM ranked r WHERE a.finding_id = r.finding_id AND a.sku = r.sku"
    " RETURNING a.sku, a.location, r.goes_on),"
    " pairs AS MATERIALIZED (SELECT l.sku, l.location FROM shop_levels l"
    " WHERE l.shop = $1 AND (l.sku, l.location) IN (SELECT m.sku, m.location FROM moved m"
    " WHERE m.goes_on)" PAIR_ORDER " FOR UPDATE OF l),"
    " marked AS (UPDATE shop_levels l SET shown = NULL, dirty = true, held_until = NULL"
    " FROM pairs WHERE l.shop = $1 AND l.sku = pairs.sku"
    " AND l.location = pairs.location)"
    " SELECT count(*) FROM moved"};

static const struct statement ENDED = {
    "run_ended",
    "SELECT id, shop, state = 'finished', started_at FROM drift_runs WHERE NOT closed"
    " AND state <> 'running' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"};

/* A full run looks at all there is; of another one, drift_seen says what it looked at. */
static const struct statement WORDS = {
    "run_words",
    "SELECT DISTINCT i.sku COLLATE \"C\" AS sku, i.location COLLATE \"C\" AS location,"
    " EXISTS (SELECT 1 FROM drift_findings f WHERE f.run_id = $2 AND f.shop = $1"
    " AND f.sku = i.sku AND f.location = i.location),"
    " (r.kind = 'full' OR EXISTS (SELECT 1 FROM drift_seen n WHERE n.shop = $1"
    " AND n.sku = i.sku AND n.location = i.location AND n.seen_at >= r.started_at))"
    " AND NOT EXISTS (SELECT 1 FROM shop_levels l WHERE l.shop = $1 AND l.sku = i.sku"
    " AND l.location = i.location AND (l.dirty OR l.write_id IS NOT NULL))"
    " FROM incidents i, drift_runs r WHERE r.id = $2 AND i.state <> 'resolved'"
    " AND i.shop = $1 AND i.sku <> '' AND i.location IS NOT NULL"
    " ORDER BY 1, 2 LIMIT $3"};

static const struct statement CLOSED = {
    "run_closed", "UPDATE drift_runs SET closed = true WHERE id = $1"};

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "resolve: out of memory");
}

/* ---- reading back ----------------------------------------------------------------------- */

static bool keep_texts(const struct rows *rows, int row, struct pool *pool,
                       struct resync *resync)
{
    struct span *const texts[] = {&resync->id,       &resync->sku,  &resync->shop,
                                  &resync->location, &resync->rule, &resync->incident};
    for (size_t at = 0; at < COUNT_OF(texts); at++) {
        struct span text = rows_span(rows, row, (int)at);
        *texts[at] = text.bytes != NULL ? pool_span(pool, text) : text;
        if (text.bytes != NULL && texts[at]->bytes == NULL)
            return false;
    }
    resync->look.fault = pool_span(pool, rows_span(rows, row, 9));
    return resync->look.fault.bytes != NULL;
}

static void read_look(const struct rows *rows, int row, struct resync *resync)
{
    struct readback_look *look = &resync->look;
    resync->is_rule = rows_bool(rows, row, 6);
    look->is_reading = rows_bool(rows, row, 7);
    look->is_there = rows_bool(rows, row, 8);
    look->is_dirty = rows_bool(rows, row, 10);
    look->is_undecided = rows_bool(rows, row, 11);
    look->is_in_flight = rows_bool(rows, row, 12);
    look->has_desired = !rows_is_null(rows, row, 13);
    look->desired = rows_int(rows, row, 13);
    look->has_shown = !rows_is_null(rows, row, 14);
    look->shown = rows_int(rows, row, 14);
    look->is_in_debt = rows_bool(rows, row, 15);
    look->is_seen_since = rows_bool(rows, row, 16);
    look->age_ms = rows_int(rows, row, 17);
    look->written = rows_int(rows, row, 18);
}

enum status store_resyncs_look(struct postgres *postgres, int64_t patience_ms,
                               struct pool *pool, struct resync_page *page,
                               struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    page->count = 0;
    pg_params_init(&params);
    pg_params_int8(&params, patience_ms);
    pg_params_int8(&params, RESOLVE_BATCH_MAX);
    enum status status = postgres_query(postgres, &LOOK, &params, &rows, error);
    for (int row = 0; status == STATUS_OK && row < rows.count; row++) {
        struct resync *resync = &page->items[page->count++];
        *resync = (struct resync){.look = {.patience_ms = patience_ms}};
        if (!keep_texts(&rows, row, pool, resync))
            return out_of_memory(error);
        read_look(&rows, row, resync);
    }
    return status;
}

static const char *const STATE_OF[] = {[READBACK_WAIT] = NULL,
                                       [READBACK_READ] = "reading",
                                       [READBACK_DONE] = "done",
                                       [READBACK_FAILED] = "failed"};

static enum status write_settled(struct postgres *postgres,
                                 const struct resync_page *page, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct span texts[4][RESOLVE_BATCH_MAX];
    int64_t numbers[2][RESOLVE_BATCH_MAX];
    bool known[2][RESOLVE_BATCH_MAX];
    size_t count = 0;
    for (size_t at = 0; at < page->count; at++) {
        const struct resync *resync = &page->items[at];
        if (resync->verdict->next == READBACK_WAIT)
            continue;
        texts[0][count] = resync->id;
        texts[1][count] = resync->sku;
        texts[2][count] = span_from(STATE_OF[resync->verdict->next]);
        texts[3][count] = span_from(resync->verdict->id);
        numbers[0][count] = resync->look.desired;
        known[0][count] = resync->look.has_desired;
        numbers[1][count] = resync->look.shown;
        known[1][count++] = resync->look.has_shown;
    }
    if (count == 0)
        return STATUS_OK;
    pg_params_init(&params);
    for (size_t column = 0; column < COUNT_OF(texts); column++)
        pg_params_text_array(&params, texts[column], count);
    for (size_t column = 0; column < COUNT_OF(numbers); column++)
        pg_params_int8_array(&params, numbers[column], known[column], count);
    return postgres_query(postgres, &SETTLE, &params, NULL, error);
}

enum status store_resyncs_settle(struct postgres *postgres,
                                 const struct resync_page *page, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct span texts[3][RESOLVE_BATCH_MAX];
    size_t count = 0;
    for (size_t at = 0; at < page->count; at++) {
        const struct resync *resync = &page->items[at];
        if (resync->verdict->next != READBACK_READ)
            continue;
        texts[0][count] = resync->shop;
        texts[1][count] = resync->sku;
        texts[2][count++] = resync->location;
    }
    enum status status = write_settled(postgres, page, error);
    if (status != STATUS_OK || count == 0)
        return status;
    pg_params_init(&params);
    for (size_t column = 0; column < COUNT_OF(texts); column++)
        pg_params_text_array(&params, texts[column], count);
    return postgres_query(postgres, &AGAIN, &params, NULL, error);
}

enum status store_resync_totals(struct postgres *postgres, struct resync_totals *out,
                                struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = postgres_query(postgres, &TOTALS, NULL, &rows, error);
    if (status == STATUS_OK)
        *out = (struct resync_totals){.pending = rows_int(&rows, 0, 0),
                                      .held = rows_int(&rows, 0, 1),
                                      .stopped = rows_int(&rows, 0, 2)};
    return status;
}

enum status store_resolve_ends(struct postgres *postgres, const struct resolve_over *over,
                               struct rows *rows, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, span_from(over->class));
    pg_params_text_array(&params, over->shops, over->count);
    pg_params_text(&params, span_from(over->reason));
    pg_params_int8(&params, RESOLVE_BATCH_MAX);
    return postgres_query(postgres, &ENDS, &params, rows, error);
}

/* ---- guards ----------------------------------------------------------------------------- */

enum status store_stops_over(struct postgres *postgres, struct pool *pool,
                             struct span shops[RESOLVE_SHOPS_MAX], size_t *count_out,
                             struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    *count_out = 0;
    pg_params_init(&params);
    pg_params_int8(&params, RESOLVE_SHOPS_MAX);
    enum status status = postgres_query(postgres, &OVER, &params, &rows, error);
    for (int row = 0; status == STATUS_OK && row < rows.count; row++) {
        struct span shop = pool_span(pool, rows_span(&rows, row, 0));
        if (shop.bytes == NULL)
            return out_of_memory(error);
        shops[(*count_out)++] = shop;
    }
    return status;
}

static enum status end_runs(struct postgres *postgres, struct span shop, bool approved,
                            struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    enum resolve_run state = approved ? RESOLVE_RUN_RELEASED : RESOLVE_RUN_REJECTED;
    pg_params_init(&params);
    pg_params_text(&params, shop);
    enum status status = postgres_query(postgres, &GO_ON, &params, NULL, error);
    if (status != STATUS_OK)
        return status;
    pg_params_text(&params, span_from(resolve_run_name(state)));
    return postgres_query(postgres, &RUNS_GO_ON, &params, NULL, error);
}

enum status store_stop_end(struct postgres *postgres, struct span shop, bool approved,
                           int64_t *held_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = end_runs(postgres, shop, approved, error);
    if (status != STATUS_OK)
        return status;
    pg_params_init(&params);
    pg_params_text(&params, shop);
    pg_params_bool(&params, approved);
    status = postgres_query(postgres, &HELD, &params, &rows, error);
    *held_out = status == STATUS_OK ? rows_int(&rows, 0, 0) : 0;
    return status;
}

/* ---- runs ------------------------------------------------------------------------------- */

enum status store_run_ended(struct postgres *postgres, struct pool *pool,
                            struct ended_run *out, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = postgres_query(postgres, &ENDED, NULL, &rows, error);
    *out = (struct ended_run){.is_there = status == STATUS_OK && rows.count == 1};
    if (!out->is_there)
        return status;
    out->id = rows_int(&rows, 0, 0);
    out->shop = pool_span(pool, rows_span(&rows, 0, 1));
    out->is_finished = rows_bool(&rows, 0, 2);
    out->began_at_us = rows_time(&rows, 0, 3);
    return out->shop.bytes != NULL ? STATUS_OK : out_of_memory(error);
}

enum status store_run_words(struct postgres *postgres, const struct ended_run *run,
                            struct pool *pool, struct run_words *words_out,
                            struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    *words_out = (struct run_words){0};
    pg_params_init(&params);
    pg_params_text(&params, run->shop);
    pg_params_int8(&params, run->id);
    pg_params_int8(&params, RUN_WORDS_MAX);
    enum status status = postgres_query(postgres, &WORDS, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    struct run_word *words = pool_take(pool, ((size_t)rows.count + 1) * sizeof(*words));
    if (words == NULL)
        return out_of_memory(error);
    for (int row = 0; row < rows.count; row++) {
        words[row] =
            (struct run_word){.sku = pool_span(pool, rows_span(&rows, row, 0)),
                              .location = pool_span(pool, rows_span(&rows, row, 1)),
                              .is_found = rows_bool(&rows, row, 2),
                              .is_clean = rows_bool(&rows, row, 3)};
        if (words[row].sku.bytes == NULL || words[row].location.bytes == NULL)
            return out_of_memory(error);
    }
    *words_out = (struct run_words){words, (size_t)rows.count};
    return STATUS_OK;
}

enum status store_run_closed(struct postgres *postgres, int64_t run_id,
                             struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_int8(&params, run_id);
    return postgres_query(postgres, &CLOSED, &params, NULL, error);
}
