#include "common/io/store_resolve.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_pairs_sql.h"

static const struct statement NEXT = {
    "resolve_next", "SELECT next_offset FROM resolve_progress WHERE topic = $1"
                    " AND partition = $2"};

static const struct statement REACHED = {
    "resolve_reached",
    "INSERT INTO resolve_progress AS p (topic, partition, next_offset)"
    " VALUES ($1, $2, $3) ON CONFLICT (topic, partition) DO UPDATE"
    " SET next_offset = greatest(p.next_offset, excluded.next_offset)"};

/* Repairs by rules in a day, since a person asked for one of the pair. */
#define REWRITES                                                                         \
    "(SELECT count(*) FROM drift_actions a WHERE a.shop = u.shop AND a.sku = u.sku"      \
    " AND a.location = u.location AND a.action = 'resync' AND a.is_rule"                 \
    " AND a.state IN ('pending', 'reading', 'done', 'failed')"                           \
    " AND a.acted_at >= now() - interval '1 day' AND a.acted_at >"                       \
    " coalesce((SELECT max(b.acted_at) FROM drift_actions b WHERE b.shop = u.shop"       \
    " AND b.sku = u.sku AND b.location = u.location AND NOT b.is_rule), '-infinity'))"

static const struct statement BESIDE = {
    "resolve_beside",
    "SELECT i.tags, i.price, (SELECT count(*) FROM drift_findings p WHERE p.shop = u.shop"
    " AND p.sku = u.sku AND p.location = u.location AND p.observed_at < u.observed_at"
    " AND p.observed_at >= u.observed_at - interval '1 day')," REWRITES
    ", EXISTS (SELECT 1 FROM drift_actions d WHERE d.finding_id = u.id"
    " AND d.sku = u.sku) FROM unnest($1::text[], $2::text[], $3::text[], $4::text[],"
    " $5::timestamptz[]) WITH ORDINALITY u (id, shop, sku, location, observed_at, place)"
    " LEFT JOIN LATERAL (SELECT string_agg(t, E'\\n') AS tags,"
    " max(s.price_micros) AS price FROM shop_items s LEFT JOIN LATERAL unnest(s.tags) t"
    " ON true WHERE s.shop = u.shop AND s.sku = u.sku) i ON true ORDER BY u.place"};

static const struct statement RUN = {
    "resolve_run",
    "SELECT state, is_planned, compared, findings, changes, zeroes FROM resolve_runs"
    " WHERE run_id = $1 FOR UPDATE"};

static const struct statement STOPPED = {
    "resolve_stopped", "SELECT EXISTS (SELECT 1 FROM guard_stops WHERE shop = $1"
                       " AND scope = 'drift')"};

static const struct statement COMPARED = {
    "resolve_compared",
    "SELECT coalesce((SELECT nullif(compared, 0) FROM drift_runs WHERE id::text = $1),"
    " (SELECT count(*) FROM shop_levels WHERE shop = $2 AND desired IS NOT NULL))"};

static const struct statement WRITE_RUN = {
    "resolve_run_write",
    "INSERT INTO resolve_runs (run_id, shop, state, is_planned, compared, findings,"
    " changes, zeroes) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
    " ON CONFLICT (run_id) DO UPDATE SET state = excluded.state,"
    " findings = excluded.findings, changes = excluded.changes,"
    " zeroes = excluded.zeroes"};

static const struct statement STOP = {
    "resolve_stop", "INSERT INTO guard_stops (shop, scope, guard, run_id)"
                    " VALUES ($1, 'drift', $2, $3) ON CONFLICT DO NOTHING"};

static const struct statement ACT = {
    "resolve_act",
    "INSERT INTO drift_actions (finding_id, sku, shop, location, run_id, batch, action,"
    " rule, bar, actor, incident, state, is_rule) SELECT id, sku, shop, location, run_id,"
    " batch, action, rule, bar, actor, incident, state, is_rule"
    " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],"
    " $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[],"
    " $13::bool[]) u (id, sku, shop, location, run_id, batch, action, rule, bar, actor,"
    " incident, state, is_rule) ORDER BY id COLLATE \"C\", sku COLLATE \"C\""
    " ON CONFLICT (finding_id, sku) DO NOTHING RETURNING finding_id, sku"};

/* What is known of the shop's level is forgotten: push reads it before it writes. A write
 * under way ends as it would have. */
static const struct statement MARK = {
    "resolve_mark",
    "WITH u AS (SELECT DISTINCT * FROM unnest($1::text[], $2::text[], $3::text[])"
    " u (shop, sku, location)), held AS MATERIALIZED (SELECT l.shop, l.sku, l.location"
    " FROM shop_levels l WHERE (l.shop, l.sku, l.location) IN"
    " (SELECT u.shop, u.sku, u.location FROM u)" PAIR_ORDER " FOR UPDATE OF l)"
    " UPDATE shop_levels l SET shown = NULL, dirty = true, held_until = NULL FROM held"
    " WHERE l.shop = held.shop AND l.sku = held.sku AND l.location = held.location"};

/* ---- where reading goes on -------------------------------------------------------------- */

enum status store_resolve_next(struct postgres *postgres, struct span topic,
                               int32_t partition, int64_t *offset_out,
                               struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, topic);
    pg_params_int4(&params, partition);
    enum status status = postgres_query(postgres, &NEXT, &params, &rows, error);
    *offset_out = status == STATUS_OK && rows.count == 1 ? rows_int(&rows, 0, 0) : -1;
    return status;
}

enum status store_resolve_reached(struct postgres *postgres, struct span topic,
                                  int32_t partition, int64_t offset, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, topic);
    pg_params_int4(&params, partition);
    pg_params_int8(&params, offset);
    return postgres_query(postgres, &REACHED, &params, NULL, error);
}

/* ---- deciding --------------------------------------------------------------------------- */

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "resolve: out of memory");
}

static enum status read_beside(const struct rows *rows, struct pool *pool,
                               struct resolve_beside *out, struct error *error)
{
    for (int row = 0; row < rows->count; row++) {
        struct finding_beside *beside = &out->beside[row];
        *beside = (struct finding_beside){.has_price = !rows_is_null(rows, row, 1),
                                          .price_micros = rows_int(rows, row, 1),
                                          .drifted_lately = rows_int(rows, row, 2),
                                          .rewrites = rows_int(rows, row, 3)};
        out->is_done[row] = rows_bool(rows, row, 4);
        if (rows_is_null(rows, row, 0))
            continue;
        beside->tags = pool_span(pool, rows_span(rows, row, 0));
        if (beside->tags.bytes == NULL)
            return out_of_memory(error);
    }
    return STATUS_OK;
}

enum status store_resolve_beside(struct postgres *postgres, struct resolve_beside *beside,
                                 struct pool *pool, struct error *error)
{
    const struct finding *findings = beside->findings;
    size_t count = beside->count;
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    struct span texts[4][RESOLVE_BATCH_MAX];
    int64_t times[RESOLVE_BATCH_MAX];
    ASSERT(count <= RESOLVE_BATCH_MAX);
    for (size_t at = 0; at < count; at++) {
        texts[0][at] = findings[at].id;
        texts[1][at] = findings[at].shop;
        texts[2][at] = findings[at].sku;
        texts[3][at] = findings[at].location;
        times[at] = findings[at].observed_at_us;
    }
    pg_params_init(&params);
    for (size_t column = 0; column < COUNT_OF(texts); column++)
        pg_params_text_array(&params, texts[column], count);
    pg_params_time_array(&params, times, NULL, count);
    enum status status = postgres_query(postgres, &BESIDE, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    ASSERT((size_t)rows.count == count);
    return read_beside(&rows, pool, beside, error);
}

static enum status read_stopped(struct postgres *postgres, struct span shop,
                                bool *stopped_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, shop);
    enum status status = postgres_query(postgres, &STOPPED, &params, &rows, error);
    *stopped_out = status == STATUS_OK && rows_bool(&rows, 0, 0);
    return status;
}

enum status store_resolve_run(struct postgres *postgres, struct span run_id,
                              struct span shop, struct resolve_run_row *out,
                              struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    *out = (struct resolve_run_row){0};
    pg_params_init(&params);
    pg_params_text(&params, run_id);
    enum status status = postgres_query(postgres, &RUN, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    out->is_there = rows.count == 1;
    if (out->is_there) {
        if (!resolve_run_parse(rows_span(&rows, 0, 0), &out->state))
            return error_set(error, STATUS_FATAL,
                             "resolve: the state of a run is not known; use a newer "
                             "parstock");
        out->is_planned = rows_bool(&rows, 0, 1);
        out->numbers = (struct guard_run){.compared = rows_int(&rows, 0, 2),
                                          .findings = rows_int(&rows, 0, 3),
                                          .changes = rows_int(&rows, 0, 4),
                                          .zeroes = rows_int(&rows, 0, 5)};
    }
    return read_stopped(postgres, shop, &out->shop_is_stopped, error);
}

enum status store_resolve_compared(struct postgres *postgres, struct span run_id,
                                   struct span shop, int64_t *compared_out,
                                   struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, run_id);
    pg_params_text(&params, shop);
    enum status status = postgres_query(postgres, &COMPARED, &params, &rows, error);
    *compared_out = status == STATUS_OK ? rows_int(&rows, 0, 0) : 0;
    return status;
}

static enum status stop(struct postgres *postgres, const struct resolve_run_write *write,
                        struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, write->shop);
    pg_params_text(&params, span_from(write->guard));
    pg_params_text(&params, write->run_id);
    return postgres_query(postgres, &STOP, &params, NULL, error);
}

enum status store_resolve_run_write(struct postgres *postgres,
                                    const struct resolve_run_write *write,
                                    struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    const struct guard_run *numbers = &write->row.numbers;
    pg_params_init(&params);
    pg_params_text(&params, write->run_id);
    pg_params_text(&params, write->shop);
    pg_params_text(&params, span_from(resolve_run_name(write->row.state)));
    pg_params_bool(&params, write->row.is_planned);
    pg_params_int8(&params, numbers->compared);
    pg_params_int8(&params, numbers->findings);
    pg_params_int8(&params, numbers->changes);
    pg_params_int8(&params, numbers->zeroes);
    enum status status = postgres_query(postgres, &WRITE_RUN, &params, NULL, error);
    if (status == STATUS_OK && write->guard != NULL)
        status = stop(postgres, write, error);
    return status;
}

/* ---- acting ----------------------------------------------------------------------------- */

enum act_column {
    ACT_ID,
    ACT_SKU,
    ACT_SHOP,
    ACT_LOCATION,
    ACT_RUN,
    ACT_BATCH,
    ACT_ACTION,
    ACT_RULE,
    ACT_BAR,
    ACT_ACTOR,
    ACT_INCIDENT,
    ACT_STATE,
    ACT_COLUMN_COUNT
};

/* Room for a page of rows, column by column. */
struct act_page {
    const struct resolve_act *acts;
    size_t count;
    bool *is_new;
    struct span texts[ACT_COLUMN_COUNT][RESOLVE_BATCH_MAX];
    bool is_rule[RESOLVE_BATCH_MAX];
};

static void fill(struct act_page *page)
{
    for (size_t at = 0; at < page->count; at++) {
        const struct resolve_act *act = &page->acts[at];
        const struct span columns[ACT_COLUMN_COUNT] = {
            [ACT_ID] = act->id,
            [ACT_SKU] = act->sku,
            [ACT_SHOP] = act->shop,
            [ACT_LOCATION] = act->location,
            [ACT_RUN] = act->run_id,
            [ACT_BATCH] = act->batch,
            [ACT_ACTION] = span_from(policy_action_name(act->action)),
            [ACT_RULE] = act->rule,
            [ACT_BAR] = act->bar,
            [ACT_ACTOR] = act->actor,
            [ACT_INCIDENT] = act->incident,
            [ACT_STATE] = span_from(resolve_state_name(act->state))};
        for (int column = 0; column < ACT_COLUMN_COUNT; column++)
            page->texts[column][at] = columns[column];
        page->is_rule[at] = act->is_rule;
        page->is_new[at] = false;
    }
}

static void note_new(struct act_page *page, const struct rows *rows)
{
    for (int row = 0; row < rows->count; row++) {
        size_t at = 0;
        while (at < page->count &&
               !(span_equal(page->acts[at].id, rows_span(rows, row, 0)) &&
                 span_equal(page->acts[at].sku, rows_span(rows, row, 1))))
            at++;
        ASSERT(at < page->count);
        page->is_new[at] = true;
    }
}

static enum status insert(struct postgres *postgres, struct act_page *page,
                          struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    for (int column = 0; column < ACT_COLUMN_COUNT; column++)
        pg_params_text_array(&params, page->texts[column], page->count);
    pg_params_bool_array(&params, page->is_rule, page->count);
    enum status status = postgres_query(postgres, &ACT, &params, &rows, error);
    if (status == STATUS_OK)
        note_new(page, &rows);
    return status;
}

static enum status mark(struct postgres *postgres, const struct act_page *page,
                        struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct span texts[3][RESOLVE_BATCH_MAX];
    size_t count = 0;
    for (size_t at = 0; at < page->count; at++) {
        const struct resolve_act *act = &page->acts[at];
        if (!page->is_new[at] || act->state != RESOLVE_PENDING)
            continue;
        texts[0][count] = act->shop;
        texts[1][count] = act->sku;
        texts[2][count++] = act->location;
    }
    if (count == 0)
        return STATUS_OK;
    pg_params_init(&params);
    for (size_t column = 0; column < COUNT_OF(texts); column++)
        pg_params_text_array(&params, texts[column], count);
    return postgres_query(postgres, &MARK, &params, NULL, error);
}

enum status store_resolve_act(struct postgres *postgres, const struct resolve_act *acts,
                              size_t count, bool *is_new_out, struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t from = 0; from < count && status == STATUS_OK;
         from += RESOLVE_BATCH_MAX) {
        size_t left = count - from;
        struct act_page page = {.acts = acts + from,
                                .count =
                                    left < RESOLVE_BATCH_MAX ? left : RESOLVE_BATCH_MAX,
                                .is_new = is_new_out + from};
        fill(&page);
        status = insert(postgres, &page, error);
        if (status == STATUS_OK)
            status = mark(postgres, &page, error);
    }
    return status;
}
