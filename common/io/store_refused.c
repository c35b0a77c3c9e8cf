#include "common/io/store_refused.h"

#include "common/base/check.h"
#include "common/base/scope.h"

static const struct statement REFUSED = {
    "refused",
    "SELECT l.sku, l.location, l.fault, l.desired, coalesce(l.shown, p.change_from),"
    " p.quantity, now(), l.traceparent"
    " FROM shop_levels l LEFT JOIN shop_write_pairs p"
    " ON p.write_id = $2 AND p.sku = l.sku AND p.location = l.location"
    " WHERE l.shop = $1 AND l.fault LIKE 'quarantined:%' AND NOT EXISTS"
    " (SELECT 1 FROM incidents i WHERE i.state <> 'resolved' AND i.shop = l.shop"
    " AND i.sku = l.sku AND i.location = l.location AND i.class = $3"
    " AND i.evidence->>'fault' = l.fault)"
    " ORDER BY l.sku COLLATE \"C\", l.location COLLATE \"C\" LIMIT $4"};

static const struct statement OVER = {
    "refused_over",
    "SELECT i.id, i.sku, CASE WHEN l.sku IS NULL THEN 'the pair is gone'"
    " WHEN l.fault <> '' THEN 'the catalogue says: ' || l.fault"
    " WHEN l.desired IS NULL THEN 'nothing is to be written any more'"
    " ELSE 'the shop shows ' || l.shown END"
    " FROM incidents i LEFT JOIN shop_levels l"
    " ON l.shop = i.shop AND l.sku = i.sku AND l.location = i.location"
    " WHERE i.state <> 'resolved' AND i.shop = $1 AND i.class = $2"
    " AND (l.sku IS NULL OR (l.fault NOT LIKE 'quarantined:%' AND (l.fault <> ''"
    " OR l.desired IS NULL OR (l.shown = l.desired AND l.write_id IS NULL))))"
    " ORDER BY i.problem COLLATE \"C\", i.sku COLLATE \"C\" LIMIT $3"};

/* Others than push write here too. Ids are handed out under this lock, so that they are in
 * the order of commits, and no row is dropped that the broker does not have. */
static const struct statement LOCK = {
    "shop_outbox_lock",
    "SELECT pg_advisory_xact_lock(hashtextextended('shop outbox ' || current_schema()"
    " || ' ' || $1, 0))"};

static const struct statement ADD = {
    "shop_outbox_add",
    "INSERT INTO shop_outbox (shop, kind, key, value, headers)"
    " SELECT $1, kind, key, value, headers FROM unnest($2::int2[], $3::bytea[],"
    " $4::bytea[], $5::bytea[]) WITH ORDINALITY AS r (kind, key, value, headers, place)"
    " ORDER BY place"};

static const struct statement READ = {
    "shop_outbox_read", "SELECT id, kind, key, value, headers FROM shop_outbox"
                        " WHERE shop = $1 ORDER BY id LIMIT $2"};

static const struct statement DROP = {
    "shop_outbox_drop", "DELETE FROM shop_outbox WHERE shop = $1 AND id <= $2"};

static struct span class_of_pairs(void)
{
    return span_from(incident_kind(INCIDENT_PUSH_REFUSED)->id);
}

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "incidents: out of memory");
}

static struct span kept(struct pool *pool, const struct rows *rows, int row, int column)
{
    return pool_span(pool, rows_span(rows, row, column));
}

/* False: out of memory. */
static bool read_pair(const struct rows *rows, int row, struct pool *pool,
                      struct refused_pair *pair)
{
    *pair = (struct refused_pair){.sku = kept(pool, rows, row, 0),
                                  .location = kept(pool, rows, row, 1),
                                  .fault = kept(pool, rows, row, 2),
                                  .has_desired = !rows_is_null(rows, row, 3),
                                  .desired = rows_int(rows, row, 3),
                                  .has_shown = !rows_is_null(rows, row, 4),
                                  .shown = rows_int(rows, row, 4),
                                  .has_write = !rows_is_null(rows, row, 5),
                                  .quantity = rows_int(rows, row, 5),
                                  .found_at_us = rows_time(rows, row, 6)};
    if (!rows_is_null(rows, row, 7))
        pair->traceparent = kept(pool, rows, row, 7);
    return pair->sku.bytes != NULL && pair->location.bytes != NULL &&
           pair->fault.bytes != NULL;
}

enum status store_refused(struct postgres *postgres, struct refused *refused,
                          struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    refused->count = 0;
    pg_params_init(&params);
    pg_params_text(&params, refused->shop);
    pg_params_int8(&params, refused->write_id);
    pg_params_text(&params, class_of_pairs());
    pg_params_int8(&params, INCIDENT_SET_MAX);
    enum status status = postgres_query(postgres, &REFUSED, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    ASSERT(rows.count <= INCIDENT_SET_MAX);
    for (int row = 0; row < rows.count; row++)
        if (!read_pair(&rows, row, refused->pool, &refused->pairs[refused->count++]))
            return out_of_memory(error);
    return STATUS_OK;
}

enum status store_refused_over(struct postgres *postgres, struct span shop,
                               struct pool *pool, struct incident_ends *ends,
                               struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    ends->count = 0;
    pg_params_init(&params);
    pg_params_text(&params, shop);
    pg_params_text(&params, class_of_pairs());
    pg_params_int8(&params, INCIDENT_SET_MAX);
    enum status status = postgres_query(postgres, &OVER, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    return store_incidents_take_ends(&rows, pool, ends, error);
}

/* ---- records for Kafka ------------------------------------------------------------ */

enum status store_shop_outbox_add(struct postgres *postgres, struct span shop,
                                  const struct outbox_row *rows, size_t count,
                                  struct error *error)
{
    int16_t kinds[INCIDENT_SET_MAX];
    struct span columns[3][INCIDENT_SET_MAX];
    ASSERT(count <= INCIDENT_SET_MAX);
    if (count == 0)
        return STATUS_OK;
    for (size_t at = 0; at < count; at++) {
        kinds[at] = (int16_t)rows[at].kind;
        columns[0][at] = rows[at].key;
        columns[1][at] = rows[at].value;
        columns[2][at] = rows[at].headers;
    }
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, shop);
    enum status status = postgres_query(postgres, &LOCK, &params, NULL, error);
    if (status != STATUS_OK)
        return status;
    pg_params_int2_array(&params, kinds, count);
    for (size_t column = 0; column < COUNT_OF(columns); column++)
        pg_params_bytea_array(&params, columns[column], count);
    return postgres_query(postgres, &ADD, &params, NULL, error);
}

enum status store_shop_outbox_read(struct postgres *postgres, struct span shop,
                                   struct rows *rows, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, shop);
    pg_params_int8(&params, SHOP_OUTBOX_PAGE);
    return postgres_query(postgres, &READ, &params, rows, error);
}

int64_t store_shop_outbox_id(const struct rows *rows, int row)
{
    return rows_int(rows, row, 0);
}

struct outbox_row store_shop_outbox_row(const struct rows *rows, int row)
{
    return (struct outbox_row){.kind = (enum outbox_kind)rows_int(rows, row, 1),
                               .key = rows_span(rows, row, 2),
                               .value = rows_span(rows, row, 3),
                               .headers = rows_span(rows, row, 4)};
}

enum status store_shop_outbox_drop(struct postgres *postgres, struct span shop,
                                   int64_t id, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, shop);
    pg_params_int8(&params, id);
    return postgres_query(postgres, &DROP, &params, NULL, error);
}
