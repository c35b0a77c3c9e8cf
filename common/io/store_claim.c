#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_pairs_sql.h"
#include "common/io/store_push.h"

#define DUE                                                                              \
    "l.shop = $1 AND l.dirty AND l.write_id IS NULL AND l.fault = ''"                    \
    " AND (l.held_until IS NULL OR l.held_until <= now())"

/*
 * Only the one that leads reads levels and stocks items ($n: who asks). Two that read the
 * same pair could each take their answer, and the older one last, after a write.
 */
#define FOR_CALLER(n) " AND (" n " = 0 OR (l.shown IS NOT NULL AND l.stocked))"

#define KITS_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* Units; the index shop_levels_urgent says the same. */
#define SMALL_STOCK "10"

static const struct statement PEEK = {"push_due",
                                      "SELECT EXISTS (SELECT 1 FROM shop_levels l"
                                      " WHERE " DUE FOR_CALLER("$2::bigint") ")"};

/*
 * Half of a claim may be pairs with little stock, the newest change first: there a late
 * number sells what is not there, and the change that just came is the one that buyers are
 * after. The other half is the longest waiting of all, so that nobody starves.
 *
 * The lease's row is there even where no pair is due: no row at all = the lease is lost.
 */
static const struct statement CLAIM = {
    "push_claim", UNDER_LEASE
    ", urgent AS MATERIALIZED (SELECT l.sku, l.location FROM shop_levels l WHERE " DUE FOR_CALLER(
        "$8::bigint") " AND l.desired <= " SMALL_STOCK
                      " ORDER BY l.desired_at DESC LIMIT ($5 + 1) / 2),"
                      " waiting AS MATERIALIZED (SELECT l.sku, l.location FROM shop_levels l WHERE " DUE FOR_CALLER(
                          "$8::bigint") " ORDER BY l.desired_at LIMIT $5),"
                                        " wanted AS (SELECT sku, location, min(place) AS place FROM"
                                        " (SELECT sku, location, 0 AS place FROM urgent"
                                        " UNION ALL SELECT sku, location, 1 FROM waiting) w GROUP BY sku, location),"
                                        " due AS (SELECT l.sku, l.location, l.desired, l.shown, l.stocked, l.undecided,"
                                        " l.short, l.shown_at, l.traceparent"
                                        " FROM shop_levels l JOIN wanted w ON w.sku = l.sku AND w.location = l.location"
                                        " WHERE " DUE FOR_CALLER(
                                            "$8::bigint") " AND EXISTS (SELECT 1 FROM lease)"
                                                          " ORDER BY w.place, l.desired_at LIMIT $5 FOR UPDATE OF l SKIP LOCKED)"
                                                          " SELECT l.sku, l.location, i.item, g.gid, i.raw_sku, l.desired, l.shown,"
                                                          " " PAIR_FAULT
                                                          ", l.undecided, l.short, clock_timestamp(),"
                                                          " $9 AND l.shown IS NOT NULL AND " PUT_BACK_SINCE_OF(
                                                              "l") " > 0, l.traceparent FROM lease LEFT JOIN due l ON true" ITEM_BESIDE
                                                                   " LEFT JOIN unnest($6::text[], $7::text[]) g (code, gid)"
                                                                   " ON g.code = l.location"
                                                                   " ORDER BY l.sku, l.location"};

/* The claim holds the rows. */
static const struct statement DECIDED = {
    "push_decided",
    "UPDATE shop_levels l SET desired = u.desired, undecided = false, short = u.short,"
    " dirty = " PAIR_IS_OFF(
        "u.desired", "l.shown",
        "u.short") " FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[])"
                   " u (sku, location, desired, short)"
                   " WHERE l.shop = $1 AND l.sku = u.sku AND l.location = u.location"};

static const struct statement ADOPT = {
    "push_adopt", UNDER_LEASE
    ", news AS (SELECT o.shop FROM shop_leases o JOIN lease USING (shop)"
    " WHERE o.contract <> $5),"
    " fresh AS (INSERT INTO shop_levels (shop, sku, location, dirty, undecided, desired_at)"
    " SELECT n.shop, v.sku, v.location, true, true, now() FROM news n,"
    " (SELECT sku, location FROM levels UNION SELECT k.kit, l.location FROM levels l"
    " JOIN unnest($7::text[], $8::text[]) k (part, kit) ON k.part = l.sku) v"
    " WHERE v.location = ANY ($6::text[])"
    " ORDER BY v.sku COLLATE \"C\", v.location COLLATE \"C\" ON CONFLICT DO NOTHING),"
    " held AS MATERIALIZED (SELECT l.sku, l.location FROM shop_levels l JOIN news"
    " USING (shop) WHERE NOT l.undecided" PAIR_ORDER " FOR UPDATE OF l),"
    " again AS (UPDATE shop_levels l SET undecided = true, dirty = true FROM held"
    " WHERE l.shop = $1 AND l.sku = held.sku AND l.location = held.location RETURNING 1)"
    " SELECT (SELECT count(*) FROM lease), (SELECT count(*) FROM again)"};

/* In a statement of its own: a row that the one before has touched can't be set again. */
static const struct statement ADOPTED = {
    "push_adopted", "UPDATE shop_leases SET contract = $4 WHERE shop = $1 AND owner = $2"
                    " AND epoch = $3"};

/* left_at and shown_at stay: what the read finds is held against them. */
static const struct statement DOUBT = {
    "push_doubt", "UPDATE shop_levels l SET shown = NULL"
                  " FROM unnest($2::text[], $3::text[]) u (sku, location)"
                  " WHERE l.shop = $1 AND l.sku = u.sku AND l.location = u.location"};

static const struct statement MARK_FAULTS = {
    "push_faults",
    "UPDATE shop_levels l SET fault = u.fault"
    " FROM unnest($2::text[], $3::text[], $4::text[]) u (sku, location, fault)"
    " WHERE l.shop = $1 AND l.sku = u.sku AND l.location = u.location"};

static const struct statement STORE_WRITE = {
    "push_write",
    "WITH w AS (INSERT INTO shop_writes (shop, epoch, key, body, caller)"
    " VALUES ($1, $2, $3, $4, $11::bigint) RETURNING id),"
    " u AS (SELECT * FROM unnest($5::text[], $6::text[], $7::text[], $8::text[],"
    " $9::bigint[], $10::bigint[], $12::text[]) WITH ORDINALITY"
    " AS u (sku, location, item, gid, change_from, quantity, trace, place)),"
    " p AS (INSERT INTO shop_write_pairs"
    " (write_id, ordinal, sku, location, item, gid, change_from, quantity, traceparent)"
    " SELECT w.id, u.place - 1, u.sku, u.location, u.item, u.gid, u.change_from,"
    " u.quantity, u.trace"
    " FROM w, u),"
    " l AS (UPDATE shop_levels l SET write_id = w.id, held_until = NULL FROM w, u"
    " WHERE l.shop = $1 AND l.sku = u.sku AND l.location = u.location RETURNING 1)"
    " SELECT w.id, (SELECT count(*) FROM l) FROM w"};

enum status store_push_due(struct postgres *postgres, const struct push_lease *lease,
                           bool *due_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, lease->shop);
    pg_params_int8(&params, lease->caller);
    enum status status = postgres_query(postgres, &PEEK, &params, &rows, error);
    *due_out = status == STATUS_OK && rows_bool(&rows, 0, 0);
    return status;
}

static struct span kept(struct pool *pool, const struct rows *rows, int row, int column)
{
    struct span text = rows_span(rows, row, column);
    return text.bytes == NULL ? text : pool_span(pool, text);
}

static void take_claimed(const struct rows *rows, int row, struct pool *pool,
                         struct claimed_pair *pair)
{
    *pair = (struct claimed_pair){
        .sku = kept(pool, rows, row, 0),
        .location = kept(pool, rows, row, 1),
        .item = kept(pool, rows, row, 2),
        .gid = kept(pool, rows, row, 3),
        .raw_sku = kept(pool, rows, row, 4),
        .has_desired = !rows_is_null(rows, row, 5),
        .desired = rows_int(rows, row, 5),
        .undecided = rows_bool(rows, row, 8),
        .short_units = rows_int(rows, row, 9),
        .has_shown = !rows_is_null(rows, row, 6),
        .shown = rows_int(rows, row, 6),
        .traceparent = kept(pool, rows, row, 12),
    };
    pair->is_doubtful = rows_bool(rows, row, 11);
    pair->has_shown = pair->has_shown && !pair->is_doubtful;
    struct span fault = rows_span(rows, row, 7);
    ASSERT(fault.length < sizeof pair->fault);
    memcpy(pair->fault, fault.bytes, fault.length);
}

static void add_claim(struct pg_params *params, const struct push_lease *lease,
                      const struct claim *claim)
{
    store_lease_params(params, lease);
    pg_params_int8(params, (int64_t)claim->limit);
    pg_params_text_array(params, claim->places->codes, claim->places->count);
    pg_params_text_array(params, claim->places->gids, claim->places->count);
    pg_params_int8(params, lease->caller);
    pg_params_bool(params, claim->mode == LEVEL_AVAILABLE);
}

/* The clock of each row was read with the row locked: the latest is after all locks. */
static void note_time(const struct rows *rows, int row, struct claim *claim)
{
    int64_t at_us = rows_time(rows, row, 10);
    if (at_us > claim->at_us)
        claim->at_us = at_us;
}

enum status store_claim(struct postgres *postgres, struct push_lease *lease,
                        struct claim *claim, struct error *error)
{
    ASSERT(claim->limit > 0 && claim->limit <= PUSH_PAIRS_MAX);
    claim->count = 0;
    claim->at_us = 0;
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    add_claim(&params, lease, claim);
    enum status status = postgres_query(postgres, &CLAIM, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    ASSERT(rows.count <= PUSH_PAIRS_MAX);
    lease->lost = rows.count == 0;
    for (int row = 0; row < rows.count && !rows_is_null(&rows, row, 0); row++) {
        take_claimed(&rows, row, claim->pool, &claim->pairs[claim->count++]);
        note_time(&rows, row, claim);
    }
    return STATUS_OK;
}

enum status store_doubt(struct postgres *postgres, struct span shop,
                        const struct claim *claim, struct error *error)
{
    struct span skus[PUSH_PAIRS_MAX];
    struct span locations[PUSH_PAIRS_MAX];
    size_t count = 0;
    for (size_t at = 0; at < claim->count; at++) {
        if (!claim->pairs[at].is_doubtful)
            continue;
        skus[count] = claim->pairs[at].sku;
        locations[count++] = claim->pairs[at].location;
    }
    if (count == 0)
        return STATUS_OK;
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, shop);
    pg_params_text_array(&params, skus, count);
    pg_params_text_array(&params, locations, count);
    return postgres_query(postgres, &DOUBT, &params, NULL, error);
}

enum status store_faults(struct postgres *postgres, struct span shop,
                         const struct claimed_pair *const *pairs, size_t count,
                         struct error *error)
{
    struct span skus[PUSH_PAIRS_MAX];
    struct span locations[PUSH_PAIRS_MAX];
    struct span faults[PUSH_PAIRS_MAX];
    ASSERT(count <= PUSH_PAIRS_MAX);
    for (size_t at = 0; at < count; at++) {
        skus[at] = pairs[at]->sku;
        locations[at] = pairs[at]->location;
        faults[at] = span_from(pairs[at]->fault);
    }
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, shop);
    pg_params_text_array(&params, skus, count);
    pg_params_text_array(&params, locations, count);
    pg_params_text_array(&params, faults, count);
    return postgres_query(postgres, &MARK_FAULTS, &params, NULL, error);
}

enum status store_decided(struct postgres *postgres, struct span shop,
                          const struct claimed_pair *pairs, size_t count,
                          struct error *error)
{
    struct span skus[PUSH_PAIRS_MAX];
    struct span locations[PUSH_PAIRS_MAX];
    int64_t desired[PUSH_PAIRS_MAX];
    int64_t short_units[PUSH_PAIRS_MAX];
    bool known[PUSH_PAIRS_MAX];
    ASSERT(count <= PUSH_PAIRS_MAX);
    for (size_t at = 0; at < count; at++) {
        skus[at] = pairs[at].sku;
        locations[at] = pairs[at].location;
        desired[at] = pairs[at].desired;
        short_units[at] = pairs[at].short_units;
        known[at] = pairs[at].has_desired;
    }
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, shop);
    pg_params_text_array(&params, skus, count);
    pg_params_text_array(&params, locations, count);
    pg_params_int8_array(&params, desired, known, count);
    pg_params_int8_array(&params, short_units, NULL, count);
    return postgres_query(postgres, &DECIDED, &params, NULL, error);
}

static enum status note_adopted(struct postgres *postgres, const struct push_lease *lease,
                                const char *digest, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, lease->shop);
    pg_params_text(&params, lease->owner);
    pg_params_int8(&params, lease->epoch);
    pg_params_text(&params, span_from(digest));
    return postgres_query(postgres, &ADOPTED, &params, NULL, error);
}

/* Every part beside each kit that holds it. */
static bool add_kits(struct pg_params *params, const struct contract *contract,
                     struct pool *pool)
{
    size_t count = contract->kit_use_count;
    struct span *spans = pool_take(pool, (count + 1) * sizeof(*spans));
    if (spans == NULL)
        return false;
    for (size_t at = 0; at < count; at++)
        spans[at] = contract->kit_uses[at].sku;
    pg_params_text_array(params, spans, count);
    for (size_t at = 0; at < count; at++)
        spans[at] = contract->kits[contract->kit_uses[at].kit].sku;
    pg_params_text_array(params, spans, count);
    return true;
}

enum status store_adopt_contract(struct postgres *postgres, struct push_lease *lease,
                                 const struct shop_places *places,
                                 const struct contract *contract, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    SCOPED(pool_free) struct pool pool;
    pool_init(&pool, KITS_BYTES_MAX);
    pg_params_init(&params);
    store_lease_params(&params, lease);
    pg_params_text(&params, span_from(contract->digest));
    pg_params_text_array(&params, places->codes, places->count);
    if (!add_kits(&params, contract, &pool))
        return error_set(error, STATUS_RETRY, "postgres: out of memory");
    enum status status = postgres_query(postgres, &ADOPT, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    lease->lost = rows_int(&rows, 0, 0) != 1;
    return lease->lost ? STATUS_OK
                       : note_adopted(postgres, lease, contract->digest, error);
}

static void add_pairs(struct pg_params *params, const struct new_write *write)
{
    struct span texts[4][PUSH_PAIRS_MAX];
    int64_t numbers[2][PUSH_PAIRS_MAX];
    for (size_t at = 0; at < write->count; at++) {
        const struct claimed_pair *pair = write->pairs[at];
        texts[0][at] = pair->sku;
        texts[1][at] = pair->location;
        texts[2][at] = pair->item;
        texts[3][at] = pair->gid;
        numbers[0][at] = pair->shown;
        numbers[1][at] = pair->desired;
    }
    for (size_t column = 0; column < COUNT_OF(texts); column++)
        pg_params_text_array(params, texts[column], write->count);
    for (size_t column = 0; column < COUNT_OF(numbers); column++)
        pg_params_int8_array(params, numbers[column], NULL, write->count);
}

static void add_traces(struct pg_params *params, const struct new_write *write)
{
    struct span traces[PUSH_PAIRS_MAX];
    for (size_t at = 0; at < write->count; at++)
        traces[at] = write->pairs[at]->traceparent;
    pg_params_text_array(params, traces, write->count);
}

enum status store_write(struct postgres *postgres, const struct push_lease *lease,
                        const struct new_write *write, int64_t *id_out,
                        struct error *error)
{
    ASSERT(write->count > 0 && write->count <= PUSH_PAIRS_MAX);
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, lease->shop);
    pg_params_int8(&params, lease->epoch);
    pg_params_uuid(&params, write->key);
    pg_params_bytea(&params, write->body);
    add_pairs(&params, write);
    pg_params_int8(&params, lease->caller);
    add_traces(&params, write);
    enum status status = postgres_query(postgres, &STORE_WRITE, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    ASSERT(rows_int(&rows, 0, 1) == (int64_t)write->count);
    *id_out = rows_int(&rows, 0, 0);
    return STATUS_OK;
}
