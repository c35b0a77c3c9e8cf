#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_apply.h"
#include "common/io/store_drift.h"

/*
 * Everything that the tables hold of a pair, in one statement, so that it is of one moment.
 * $4, $5: residual and move of each pair, once the shop was read: a rival source is one
 * whose number lies as far from the ruling one as the shop from what it should show; an
 * event is repeated where an adjustment of these days changed as much as the shop moved.
 */
static const struct statement FACTS = {
    "drift_facts",
    "SELECT u.place - 1, l.desired, l.short, l.shown, l.shown_at,"
    " l.fault LIKE 'quarantined:%', l.dirty OR l.write_id IS NOT NULL,"
    " l.desired_at, coalesce(y.created_at > now() - $7 * interval '1 ms', false),"
    " coalesce(i.continues, false), coalesce(i.tags, ''), i.price_micros,"
    " coalesce(e.contract, ''),"
    " coalesce(e.throttled_at > now() - interval '30 s', false),"
    " w.id, w.applied, w.change_from, w.quantity, w.settled_at,"
    " coalesce(d.committed, 0), coalesce(o.units, 0), coalesce(o.fresh, 0), v.source, v.occurred_at,"
    " coalesce(c.source, ''), coalesce(t.twin, false)"
    " FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[],"
    " $8::timestamptz[]) WITH ORDINALITY u (sku, location, residual, moved, seen_until, place)"
    " JOIN shop_levels l ON l.shop = $1 AND l.sku = u.sku AND l.location = u.location"
    " LEFT JOIN LATERAL (SELECT bool_or(s.continues) AS continues,"
    " max(s.price_micros) AS price_micros,"
    " string_agg(array_to_string(s.tags, E'\\n'), E'\\n') AS tags"
    " FROM shop_items s WHERE s.shop = $1 AND s.sku = l.sku) i ON true"
    " LEFT JOIN shop_leases e ON e.shop = $1"
    " LEFT JOIN shop_writes y ON y.id = l.write_id"
    " LEFT JOIN LATERAL (SELECT s.id, s.state = 'applied' AS applied, p.change_from,"
    " p.quantity, s.settled_at FROM shop_write_pairs p JOIN shop_writes s"
    " ON s.id = p.write_id WHERE p.sku = u.sku AND p.location = u.location"
    " AND s.shop = $1 AND s.settled_at IS NOT NULL ORDER BY p.write_id DESC LIMIT 1) w"
    " ON true"
    " LEFT JOIN drift_seen d ON d.shop = $1 AND d.sku = u.sku AND d.location = u.location"
    " LEFT JOIN levels v ON v.sku = u.sku AND v.location = u.location"
    " LEFT JOIN LATERAL (SELECT sum(s.units)::bigint AS units,"
    " (sum(s.units) FILTER (WHERE s.at > u.seen_until))::bigint AS fresh FROM shop_units s"
    " WHERE s.sku = u.sku AND s.location IN (u.location, '') AND s.shop = $1"
    " AND s.kind = 1 AND s.at > l.shown_at) o ON true"
    " LEFT JOIN LATERAL (SELECT min(r.source) AS source FROM readings r"
    " WHERE r.sku = u.sku AND r.location = u.location AND r.source = ANY ($6::text[])"
    " AND r.source <> v.source AND u.residual <> 0"
    " AND coalesce(r.count, 0) + r.adjusted - v.quantity = u.residual) c ON true"
    " LEFT JOIN LATERAL (SELECT true AS twin FROM adjustments a WHERE a.sku = u.sku"
    " AND a.location = u.location AND u.moved <> 0 AND a.quantity = u.moved"
    " AND a.occurred_at > now() - interval '2 days' LIMIT 1) t ON true"};

enum column {
    PLACE,
    DESIRED,
    SHORT,
    SHOWN,
    SHOWN_AT,
    REFUSED,
    DIRTY,
    DESIRED_AT,
    IN_FLIGHT,
    CONTINUES,
    TAGS,
    PRICE,
    CONTRACT,
    THROTTLED,
    WRITE_ID,
    WRITE_APPLIED,
    WRITE_FROM,
    WRITE_QUANTITY,
    WRITE_SETTLED,
    COMMITTED,
    ORDERED,
    ORDERED_FRESH,
    SOURCE,
    OCCURRED_AT,
    RIVAL,
    TWIN,
};

struct quantity store_drift_quantity(const struct rows *rows, int row, int column)
{
    return (struct quantity){.known = !rows_is_null(rows, row, column),
                             .units = rows_int(rows, row, column)};
}

static void take_facts(const struct rows *rows, int row, struct drift_facts *facts)
{
    facts->noted = store_drift_quantity(rows, row, DESIRED);
    facts->short_units = rows_int(rows, row, SHORT);
    facts->known = store_drift_quantity(rows, row, SHOWN);
    facts->known_at_us = rows_time(rows, row, SHOWN_AT);
    facts->is_refused = rows_bool(rows, row, REFUSED);
    facts->is_waiting = rows_bool(rows, row, DIRTY);
    facts->waiting_since_us = rows_time(rows, row, DESIRED_AT);
    facts->is_in_flight = rows_bool(rows, row, IN_FLIGHT);
    facts->sells_below_zero = rows_bool(rows, row, CONTINUES);
    facts->is_throttled = rows_bool(rows, row, THROTTLED);
    facts->write = (struct drift_write){
        .is_there = !rows_is_null(rows, row, WRITE_ID),
        .was_applied = rows_bool(rows, row, WRITE_APPLIED),
        .change_from = store_drift_quantity(rows, row, WRITE_FROM),
        .quantity = rows_int(rows, row, WRITE_QUANTITY),
        .settled_at_us = rows_time(rows, row, WRITE_SETTLED),
    };
    facts->committed_before = store_drift_quantity(rows, row, COMMITTED);
    facts->ordered_since = rows_int(rows, row, ORDERED);
    facts->ordered_fresh = rows_int(rows, row, ORDERED_FRESH);
    facts->repeats_event = rows_bool(rows, row, TWIN);
}

static struct span kept(struct pool *pool, const struct rows *rows, int row, int column)
{
    struct span text = rows_span(rows, row, column);
    return text.bytes == NULL ? SPAN_OF("") : pool_span(pool, text);
}

static bool take_context(const struct rows *rows, int row, struct pool *pool,
                         struct drift_context *context)
{
    *context = (struct drift_context){
        .is_there = true,
        .source = kept(pool, rows, row, SOURCE),
        .occurred_at_us = rows_time(rows, row, OCCURRED_AT),
        .rival = kept(pool, rows, row, RIVAL),
        .contract = kept(pool, rows, row, CONTRACT),
        .write_id = rows_int(rows, row, WRITE_ID),
        .tags = kept(pool, rows, row, TAGS),
        .has_price = !rows_is_null(rows, row, PRICE),
        .price_micros = rows_int(rows, row, PRICE),
    };
    return context->source.bytes != NULL && context->rival.bytes != NULL &&
           context->contract.bytes != NULL && context->tags.bytes != NULL;
}

static void add_pairs(struct pg_params *params, const struct drift_question *question)
{
    struct span skus[DRIFT_BATCH_MAX];
    struct span locations[DRIFT_BATCH_MAX];
    static const int64_t NONE[DRIFT_BATCH_MAX];
    size_t count = question->pairs->count;
    for (size_t at = 0; at < count; at++) {
        skus[at] = question->pairs->all[at].sku;
        locations[at] = question->pairs->all[at].location;
    }
    pg_params_text_array(params, skus, count);
    pg_params_text_array(params, locations, count);
    pg_params_int8_array(params, question->residuals != NULL ? question->residuals : NONE,
                         NULL, count);
    pg_params_int8_array(params, question->moves != NULL ? question->moves : NONE, NULL,
                         count);
}

static void add_sources(struct pg_params *params, const struct contract *contract)
{
    struct span names[CONTRACT_SOURCES_MAX];
    for (size_t at = 0; at < contract->source_count; at++)
        names[at] = contract->sources[at].name;
    pg_params_text_array(params, names, contract->source_count);
}

enum status store_drift_unapplied(struct postgres *postgres,
                                  const struct drift_marks *marks, int64_t *unapplied_out,
                                  struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = store_progress(postgres, marks->topic, &rows, error);
    for (int32_t partition = 0; partition < marks->partitions; partition++)
        unapplied_out[partition] = 0;
    for (int row = 0; status == STATUS_OK && row < rows.count; row++) {
        int64_t partition = rows_int(&rows, row, 0);
        int64_t next = rows_int(&rows, row, 2);
        if (next >= 0 && partition >= 0 && partition < marks->partitions &&
            marks->ends[partition] > next)
            unapplied_out[partition] = marks->ends[partition] - next;
    }
    return status;
}

enum status store_drift_facts(struct postgres *postgres,
                              const struct drift_question *question,
                              const struct drift_answer *answer, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    ASSERT(question->pairs->count <= DRIFT_BATCH_MAX);
    pg_params_init(&params);
    pg_params_text(&params, question->shop);
    add_pairs(&params, question);
    add_sources(&params, question->contract);
    pg_params_int8(&params, question->settle_ms);
    pg_params_time_array(&params, question->seen_until_us, NULL, question->pairs->count);
    for (size_t at = 0; at < question->pairs->count; at++)
        answer->contexts[at] = (struct drift_context){0};
    enum status status = postgres_query(postgres, &FACTS, &params, &rows, error);
    for (int row = 0; status == STATUS_OK && row < rows.count; row++) {
        size_t at = (size_t)rows_int(&rows, row, PLACE);
        ASSERT(at < question->pairs->count);
        take_facts(&rows, row, &answer->facts[at]);
        if (!take_context(&rows, row, answer->pool, &answer->contexts[at]))
            return error_set(error, STATUS_RETRY, "drift: out of memory");
    }
    return status;
}
