#include "common/io/store_webhooks.h"

#include "common/base/check.h"
#include "common/base/scope.h"

#include <stdlib.h>

/* ---- deliveries --------------------------------------------------------------------- */

#define IDS_OF_DELIVERY                                                                  \
    "(VALUES ($2::text, 1::int2), ($3::text, 2::int2)) AS d (id, kind)"

static const struct statement SEEN = {
    "webhook_seen", "SELECT EXISTS (SELECT 1 FROM webhook_seen s JOIN " IDS_OF_DELIVERY
                    " ON s.id = d.id AND s.kind = d.kind"
                    " WHERE s.shop = $1 AND s.topic = $4::bigint AND s.body = $5)"};

static const struct statement NOTE = {
    "webhook_note", "INSERT INTO webhook_seen (shop, id, kind, topic, body)"
                    " SELECT $1, d.id, d.kind, $4::bigint, $5 FROM " IDS_OF_DELIVERY
                    " WHERE d.id IS NOT NULL ON CONFLICT DO NOTHING"};

static const struct statement PRUNE = {
    "webhook_prune",
    "WITH old AS (DELETE FROM webhook_seen WHERE ctid = ANY (ARRAY("
    " SELECT ctid FROM webhook_seen WHERE seen_at < now() - $1 * interval '1 second'"
    " LIMIT 50000)) RETURNING 1),"
    " wakes AS (DELETE FROM shop_wakes WHERE at < now() - $1 * interval '1 second')"
    " SELECT count(*) FROM old"};

static void add_delivery(struct pg_params *params,
                         const struct webhook_delivery *delivery)
{
    pg_params_text(params, delivery->shop);
    pg_params_text(params, delivery->webhook_id);
    pg_params_text(params, delivery->event_id);
    pg_params_int8(params, delivery->topic);
    pg_params_int8(params, delivery->body);
}

enum status store_webhook_seen(struct postgres *postgres,
                               const struct webhook_delivery *delivery, bool *seen_out,
                               struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    add_delivery(&params, delivery);
    enum status status = postgres_query(postgres, &SEEN, &params, &rows, error);
    *seen_out = status == STATUS_OK && rows_bool(&rows, 0, 0);
    return status;
}

enum status store_webhook_note(struct postgres *postgres,
                               const struct webhook_delivery *delivery,
                               struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    add_delivery(&params, delivery);
    return postgres_query(postgres, &NOTE, &params, NULL, error);
}

enum status store_webhook_prune(struct postgres *postgres, int64_t age_seconds,
                                int64_t *pruned_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_int8(&params, age_seconds);
    enum status status = postgres_query(postgres, &PRUNE, &params, &rows, error);
    *pruned_out = status == STATUS_OK ? rows_int(&rows, 0, 0) : 0;
    return status;
}

/* ---- items -------------------------------------------------------------------------- */

static const struct statement ITEM = {
    "webhook_item",
    "SELECT sku, duplicate FROM shop_items WHERE shop = $1 AND item = $2"};

enum status store_webhook_item(struct postgres *postgres, struct span shop,
                               struct webhook_item *item, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    item->is_known = false;
    pg_params_init(&params);
    pg_params_text(&params, shop);
    pg_params_text(&params, item->gid);
    enum status status = postgres_query(postgres, &ITEM, &params, &rows, error);
    if (status != STATUS_OK || rows.count == 0)
        return status;
    item->is_known = true;
    item->is_duplicate = rows_bool(&rows, 0, 1);
    item->sku = pool_span(item->pool, rows_span(&rows, 0, 0));
    return item->sku.bytes != NULL ? STATUS_OK
                                   : error_set(error, STATUS_RETRY, "out of memory");
}

/* ---- look-ups ----------------------------------------------------------------------- */

static const struct statement LOOKS_ADD = {
    "webhook_looks_add",
    "INSERT INTO webhook_looks (shop, kind, subject, event, location, quantity,"
    " occurred_at, reference) SELECT DISTINCT ON (subject COLLATE \"C\", kind, event COLLATE \"C\") $1, kind, subject,"
    " event, location, quantity, occurred_at, reference FROM unnest($2::int2[],"
    " $3::text[], $4::text[], $5::text[], $6::bigint[], $7::timestamptz[], $8::text[])"
    " AS u (kind, subject, event, location, quantity, occurred_at, reference)"
    " ORDER BY subject COLLATE \"C\", kind, event COLLATE \"C\""
    " ON CONFLICT (shop, subject, kind, event) DO UPDATE SET"
    " asked_at = clock_timestamp(), due_at = least(webhook_looks.due_at,"
    " clock_timestamp())"};

static const struct statement LOOKS_TAKE = {
    "webhook_looks_take",
    "WITH due AS MATERIALIZED (SELECT ctid FROM webhook_looks WHERE shop = $1"
    " AND (kind = 3) = $2 AND due_at <= clock_timestamp() ORDER BY due_at LIMIT $4"
    " FOR UPDATE SKIP LOCKED)"
    " UPDATE webhook_looks l SET due_at = clock_timestamp() + $3 * interval '1 ms',"
    " tries = tries + 1 FROM due WHERE l.ctid = due.ctid"
    " RETURNING l.kind, l.subject, l.event, l.location, l.quantity, l.occurred_at,"
    " l.reference, l.asked_at"};

#define LOOKS_NAMED                                                                      \
    " FROM unnest($2::int2[], $3::text[], $4::text[], $5::timestamptz[])"                \
    " AS u (kind, subject, event, asked_at)"

static const struct statement LOOKS_DONE = {
    "webhook_looks_done",
    "DELETE FROM webhook_looks l USING (SELECT *" LOOKS_NAMED
    ") u WHERE l.shop = $1 AND l.subject = u.subject AND l.kind = u.kind"
    " AND l.event = u.event AND l.asked_at = u.asked_at"};

static const struct statement LOOKS_LATER = {
    "webhook_looks_later",
    "UPDATE webhook_looks l SET due_at = clock_timestamp() + $6 * interval '1 ms'" LOOKS_NAMED
    " WHERE l.shop = $1 AND l.subject = u.subject AND l.kind = u.kind"
    " AND l.event = u.event"};

static const struct statement LOOKS_COUNT = {
    "webhook_looks_count", "SELECT count(*) FROM webhook_looks WHERE shop = $1"};

/* Columns of looks; released by columns_free. */
struct columns {
    int16_t *kinds;
    struct span *texts[4];
    int64_t *numbers[2];
};

static void columns_free(struct columns *columns)
{
    free(columns->kinds);
    for (size_t at = 0; at < COUNT_OF(columns->texts); at++)
        free(columns->texts[at]);
    for (size_t at = 0; at < COUNT_OF(columns->numbers); at++)
        free(columns->numbers[at]);
}

static bool columns_take(struct columns *columns, size_t count)
{
    columns->kinds = calloc(count, sizeof *columns->kinds);
    bool taken = columns->kinds != NULL;
    for (size_t at = 0; at < COUNT_OF(columns->texts); at++) {
        columns->texts[at] = calloc(count, sizeof *columns->texts[at]);
        taken = taken && columns->texts[at] != NULL;
    }
    for (size_t at = 0; at < COUNT_OF(columns->numbers); at++) {
        columns->numbers[at] = calloc(count, sizeof *columns->numbers[at]);
        taken = taken && columns->numbers[at] != NULL;
    }
    return taken;
}

static void columns_fill(struct columns *columns, const struct webhook_look *looks,
                         size_t count)
{
    for (size_t at = 0; at < count; at++) {
        columns->kinds[at] = (int16_t)looks[at].kind;
        columns->texts[0][at] = looks[at].subject;
        columns->texts[1][at] = looks[at].event;
        columns->texts[2][at] = looks[at].location;
        columns->texts[3][at] = looks[at].reference;
        columns->numbers[0][at] = looks[at].quantity;
        columns->numbers[1][at] = looks[at].occurred_at_us;
    }
}

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "postgres: out of memory");
}

enum status store_looks_add(struct postgres *postgres, struct span shop,
                            const struct webhook_look *looks, size_t count,
                            struct error *error)
{
    SCOPED(columns_free) struct columns columns = {0};
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    ASSERT(count <= WEBHOOK_LOOKS_MAX);
    if (count == 0)
        return STATUS_OK;
    if (!columns_take(&columns, count))
        return out_of_memory(error);
    columns_fill(&columns, looks, count);
    pg_params_text(&params, shop);
    pg_params_int2_array(&params, columns.kinds, count);
    for (size_t at = 0; at < 3; at++)
        pg_params_text_array(&params, columns.texts[at], count);
    pg_params_int8_array(&params, columns.numbers[0], NULL, count);
    pg_params_time_array(&params, columns.numbers[1], NULL, count);
    pg_params_text_array(&params, columns.texts[3], count);
    return postgres_query(postgres, &LOOKS_ADD, &params, NULL, error);
}

static bool read_look(const struct rows *rows, int row, struct pool *pool,
                      struct webhook_look *look)
{
    *look = (struct webhook_look){.kind = (enum webhook_look_kind)rows_int(rows, row, 0),
                                  .subject = pool_span(pool, rows_span(rows, row, 1)),
                                  .event = pool_span(pool, rows_span(rows, row, 2)),
                                  .location = pool_span(pool, rows_span(rows, row, 3)),
                                  .quantity = rows_int(rows, row, 4),
                                  .occurred_at_us = rows_time(rows, row, 5),
                                  .reference = pool_span(pool, rows_span(rows, row, 6)),
                                  .asked_at_us = rows_time(rows, row, 7)};
    return look->subject.bytes != NULL && look->event.bytes != NULL &&
           look->location.bytes != NULL && look->reference.bytes != NULL;
}

enum status store_looks_take(struct postgres *postgres, struct span shop,
                             struct looks_page *page, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    page->count = 0;
    pg_params_init(&params);
    pg_params_text(&params, shop);
    pg_params_bool(&params, page->of_lines);
    pg_params_int8(&params, page->hold_ms);
    pg_params_int8(&params, WEBHOOK_LOOKS_PAGE);
    enum status status = postgres_query(postgres, &LOOKS_TAKE, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    ASSERT(rows.count <= WEBHOOK_LOOKS_PAGE);
    for (int row = 0; row < rows.count; row++)
        if (!read_look(&rows, row, page->pool, &page->looks[page->count++]))
            return out_of_memory(error);
    return STATUS_OK;
}

/* Which looks: $2 to $5. */
static void add_named(struct pg_params *params, const struct looks_page *page)
{
    int16_t kinds[WEBHOOK_LOOKS_PAGE];
    struct span texts[2][WEBHOOK_LOOKS_PAGE];
    int64_t times[WEBHOOK_LOOKS_PAGE];
    const struct webhook_look *looks = page->looks;
    size_t count = page->count;
    for (size_t at = 0; at < count; at++) {
        kinds[at] = (int16_t)looks[at].kind;
        texts[0][at] = looks[at].subject;
        texts[1][at] = looks[at].event;
        times[at] = looks[at].asked_at_us;
    }
    pg_params_int2_array(params, kinds, count);
    pg_params_text_array(params, texts[0], count);
    pg_params_text_array(params, texts[1], count);
    pg_params_time_array(params, times, NULL, count);
}

enum status store_looks_done(struct postgres *postgres, struct span shop,
                             const struct looks_page *page, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, shop);
    add_named(&params, page);
    return postgres_query(postgres, &LOOKS_DONE, &params, NULL, error);
}

enum status store_looks_later(struct postgres *postgres, struct span shop,
                              const struct looks_page *page, int64_t wait_ms,
                              struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, shop);
    add_named(&params, page);
    pg_params_int8(&params, wait_ms);
    return postgres_query(postgres, &LOOKS_LATER, &params, NULL, error);
}

enum status store_looks_count(struct postgres *postgres, struct span shop,
                              int64_t *count_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, shop);
    enum status status = postgres_query(postgres, &LOOKS_COUNT, &params, &rows, error);
    *count_out = status == STATUS_OK ? rows_int(&rows, 0, 0) : 0;
    return status;
}

/* ---- waking ------------------------------------------------------------------------- */

static const struct statement WAKE = {
    "shop_wake", "INSERT INTO shop_wakes (shop, subject) VALUES ($1, $2)"
                 " ON CONFLICT (shop, subject) DO UPDATE SET at = now()"};

static const struct statement WOKEN = {
    "shop_woken",
    "SELECT EXISTS (SELECT 1 FROM shop_wakes WHERE shop = $1 AND subject = $2)"};

static enum status ask_of_subject(struct postgres *postgres,
                                  const struct statement *statement,
                                  const struct span texts[2], struct rows *rows,
                                  struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, texts[0]);
    pg_params_text(&params, texts[1]);
    return postgres_query(postgres, statement, &params, rows, error);
}

enum status store_wake(struct postgres *postgres, struct span shop, struct span subject,
                       struct error *error)
{
    const struct span texts[] = {shop, subject};
    return ask_of_subject(postgres, &WAKE, texts, NULL, error);
}

enum status store_is_woken(struct postgres *postgres, struct span shop,
                           struct span subject, bool *woken_out, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    const struct span texts[] = {shop, subject};
    enum status status = ask_of_subject(postgres, &WOKEN, texts, &rows, error);
    *woken_out = status == STATUS_OK && rows_bool(&rows, 0, 0);
    return status;
}

/* ---- incidents of a shop as a whole -------------------------------------------------- */

static const struct statement INCIDENT_OPEN = {
    "shop_incident_open",
    "SELECT EXISTS (SELECT 1 FROM incidents WHERE state <> 'resolved' AND shop = $1"
    " AND class = $2 AND evidence->>'detail' = $3)"};

static const struct statement INCIDENT_ENDS = {
    "shop_incident_ends", "SELECT id, sku, $3 FROM incidents WHERE state <> 'resolved'"
                          " AND shop = $1 AND class = $2 ORDER BY id LIMIT $4"};

static void add_problem(struct pg_params *params, const struct shop_problem *problem)
{
    pg_params_text(params, problem->shop);
    pg_params_text(params, problem->class);
    pg_params_text(params, problem->text);
}

enum status store_shop_incident_open(struct postgres *postgres,
                                     const struct shop_problem *problem, bool *open_out,
                                     struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    add_problem(&params, problem);
    enum status status = postgres_query(postgres, &INCIDENT_OPEN, &params, &rows, error);
    *open_out = status == STATUS_OK && rows_bool(&rows, 0, 0);
    return status;
}

enum status store_shop_incident_ends(struct postgres *postgres,
                                     const struct shop_problem *problem,
                                     struct pool *pool, struct incident_ends *ends,
                                     struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    ends->count = 0;
    pg_params_init(&params);
    add_problem(&params, problem);
    pg_params_int8(&params, INCIDENT_SET_MAX);
    enum status status = postgres_query(postgres, &INCIDENT_ENDS, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    return store_incidents_take_ends(&rows, pool, ends, error);
}
