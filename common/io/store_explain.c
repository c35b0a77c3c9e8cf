#include "common/io/store_explain.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_pairs_sql.h"

/* $1 the SKU, $2 a location or null, as in all statements here. */
#define OF_PLACE(row) row ".sku = $1 AND ($2::text IS NULL OR " row ".location = $2)"
#define BY_PLACE(row) " ORDER BY " row ".location COLLATE \"C\""

/* As audit says it: the days before the newest that was dropped may be gone as well. */
static const struct statement WHOLE_SINCE = {
    "explain_whole_since",
    "SELECT (max(day) + 1)::timestamp AT TIME ZONE 'UTC' FROM ledger_retired"};

static const struct statement PLACES = {
    "explain_places",
    "SELECT p.location, l.quantity, l.source, l.occurred_at, l.version FROM ("
    "SELECT location FROM levels WHERE sku = $1"
    " UNION SELECT location FROM readings WHERE sku = $1"
    " UNION SELECT location FROM shop_levels WHERE sku = $1"
    " UNION SELECT location FROM shop_units WHERE sku = $1) p"
    " LEFT JOIN levels l ON l.sku = $1 AND l.location = p.location"
    " WHERE ($2::text IS NULL OR p.location = $2)" BY_PLACE("p")};

static const struct statement READINGS = {
    "explain_readings",
    "SELECT r.location, r.source, r.count, r.counted_at, r.version, r.adjusted,"
    " r.adjusted_at, r.sees_orders_until FROM source_readings r"
    " WHERE " OF_PLACE("r") BY_PLACE("r") ", r.source COLLATE \"C\""};

static const struct statement SHOPS = {
    "explain_shops",
    "SELECT s.location, s.shop, s.desired, s.shown, " PAIR_STATE
    ", s.desired_at, s.shown_at, s.held_until, s.undecided, e.contract, s.short"
    " FROM shop_levels s LEFT JOIN shop_leases e ON e.shop = s.shop"
    " WHERE " OF_PLACE("s") BY_PLACE("s") ", s.shop COLLATE \"C\""};

/* $3 a moment or null; $4 how many of a pair. */
static const struct statement WRITES = {
    "explain_writes",
    "SELECT p.location, p.shop, p.id, p.change_from, p.quantity, p.state, p.attempts,"
    " p.created_at, p.settled_at, p.key, p.detail FROM ("
    "SELECT m.location, w.shop, w.id, m.change_from, m.quantity, w.state, w.attempts,"
    " w.created_at, w.settled_at, w.key::text AS key, w.detail,"
    " row_number() OVER (PARTITION BY m.location, w.shop ORDER BY w.id DESC) AS n"
    " FROM shop_write_pairs m JOIN shop_writes w ON w.id = m.write_id"
    " WHERE " OF_PLACE("m") " AND ($3::timestamptz IS NULL OR w.settled_at <= $3)) p"
                            " WHERE p.n <= $4" BY_PLACE(
                                "p") ", p.shop COLLATE \"C\", p.id DESC"};

/*
 * The pages that hold the SKU's text between two tabs are found first, and only they are
 * unpacked; OFFSET 0 keeps the planner from unpacking all and comparing afterwards. A page
 * is named by what is unique of it, so that the view alone knows how a line is laid out.
 */
static const struct statement EVENTS = {
    "explain_events",
    "WITH pages AS MATERIALIZED (SELECT DISTINCT topic, partition, next_offset, judged_at"
    " FROM ledger WHERE judged_at <= coalesce($3::timestamptz, 'infinity')"
    " AND strpos(lines, E'\\t' || $1 || E'\\t') > 0)"
    " SELECT e.location, e.judged_at, e.occurred_at, e.source, e.type, e.outcome, e.rule,"
    " e.quantity, e.version, e.before, e.after, e.event_id, e.reference, e.topic,"
    " e.partition, e.record_offset FROM pages p CROSS JOIN LATERAL ("
    "SELECT i.location, i.judged_at, i.occurred_at, i.source, i.type, i.outcome, i.rule,"
    " i.quantity, i.version, i.before, i.after, i.event_id, i.reference, i.topic,"
    " i.partition, i.record_offset FROM idempotency i WHERE i.topic = p.topic"
    " AND i.partition = p.partition AND i.page_next_offset = p.next_offset"
    " AND i.judged_at = p.judged_at AND " OF_PLACE("i") " OFFSET 0) e" BY_PLACE(
        "e") ", e.judged_at, e.record_offset"};

enum status store_explain_begin(struct postgres *postgres, struct error *error)
{
    return postgres_script(postgres, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                           error);
}

/* ---- asking ------------------------------------------------------------------------------- */

static void add_question(struct pg_params *params,
                         const struct explain_question *question)
{
    pg_params_init(params);
    pg_params_text(params, question->sku);
    pg_params_text(params, question->location);
}

static enum status ask(struct postgres *postgres, const struct statement *statement,
                       const struct explain_question *question, struct rows *rows,
                       struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    add_question(&params, question);
    return postgres_query(postgres, statement, &params, rows, error);
}

static enum status ask_writes(struct postgres *postgres,
                              const struct explain_question *question, struct rows *rows,
                              struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    add_question(&params, question);
    pg_params_time(&params, question->has_at, question->at_us);
    pg_params_int8(&params, EXPLAIN_WRITES_MAX);
    return postgres_query(postgres, &WRITES, &params, rows, error);
}

static enum status ask_whole(struct postgres *postgres, struct explain_found *found,
                             struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = postgres_query(postgres, &WHOLE_SINCE, NULL, &rows, error);
    if (status != STATUS_OK)
        return status;
    found->has_dropped = !rows_is_null(&rows, 0, 0);
    found->whole_since_us = rows_time(&rows, 0, 0);
    return STATUS_OK;
}

enum status store_explain(struct postgres *postgres,
                          const struct explain_question *question,
                          struct explain_found *found, struct error *error)
{
    *found = (struct explain_found){0};
    enum status status = ask_whole(postgres, found, error);
    if (status == STATUS_OK)
        status = ask(postgres, &PLACES, question, &found->places, error);
    if (status == STATUS_OK)
        status = ask(postgres, &READINGS, question, &found->readings, error);
    if (status == STATUS_OK)
        status = ask(postgres, &SHOPS, question, &found->shops, error);
    if (status == STATUS_OK)
        status = ask_writes(postgres, question, &found->writes, error);
    return status;
}

void store_explain_release(struct explain_found *found)
{
    rows_release(&found->places);
    rows_release(&found->readings);
    rows_release(&found->shops);
    rows_release(&found->writes);
}

/* ---- rows to values ----------------------------------------------------------------------- */

struct explain_stretch store_explain_stretch(const struct rows *rows, int from,
                                             struct span location)
{
    struct explain_stretch stretch = {.first = from};
    while (stretch.first < rows->count &&
           span_compare(rows_span(rows, stretch.first, 0), location) < 0)
        stretch.first++;
    stretch.end = stretch.first;
    while (stretch.end < rows->count &&
           span_equal(rows_span(rows, stretch.end, 0), location))
        stretch.end++;
    return stretch;
}

struct explain_place store_explain_place(const struct explain_found *found, int row)
{
    const struct rows *rows = &found->places;
    return (struct explain_place){.location = rows_span(rows, row, 0),
                                  .has_level = !rows_is_null(rows, row, 1),
                                  .quantity = rows_int(rows, row, 1),
                                  .source = rows_span(rows, row, 2),
                                  .occurred_at_us = rows_time(rows, row, 3),
                                  .has_version = !rows_is_null(rows, row, 4),
                                  .version = rows_int(rows, row, 4)};
}

struct explain_reading store_explain_reading(const struct explain_found *found, int row)
{
    const struct rows *rows = &found->readings;
    const struct reading reading = {.exists = true,
                                    .has_count = !rows_is_null(rows, row, 2),
                                    .count = rows_int(rows, row, 2),
                                    .counted_at_us = rows_time(rows, row, 3),
                                    .has_version = !rows_is_null(rows, row, 4),
                                    .version = rows_int(rows, row, 4),
                                    .adjusted = rows_int(rows, row, 5),
                                    .has_adjusted = !rows_is_null(rows, row, 6),
                                    .adjusted_at_us = rows_time(rows, row, 6),
                                    .has_sees_orders_until = !rows_is_null(rows, row, 7),
                                    .sees_orders_until_us = rows_time(rows, row, 7)};
    return (struct explain_reading){.location = rows_span(rows, row, 0),
                                    .source = rows_span(rows, row, 1),
                                    .reading = reading};
}

struct explain_shop store_explain_shop(const struct explain_found *found, int row)
{
    const struct rows *rows = &found->shops;
    const struct level_shop_view view = {.shop = rows_span(rows, row, 1),
                                         .has_desired = !rows_is_null(rows, row, 2),
                                         .desired = rows_int(rows, row, 2),
                                         .has_shown = !rows_is_null(rows, row, 3),
                                         .shown = rows_int(rows, row, 3),
                                         .state = rows_span(rows, row, 4)};
    return (struct explain_shop){.location = rows_span(rows, row, 0),
                                 .view = view,
                                 .has_desired_at = !rows_is_null(rows, row, 5),
                                 .desired_at_us = rows_time(rows, row, 5),
                                 .has_shown_at = !rows_is_null(rows, row, 6),
                                 .shown_at_us = rows_time(rows, row, 6),
                                 .has_held_until = !rows_is_null(rows, row, 7),
                                 .held_until_us = rows_time(rows, row, 7),
                                 .undecided = rows_bool(rows, row, 8),
                                 .has_lease = !rows_is_null(rows, row, 9),
                                 .contract = rows_span(rows, row, 9),
                                 .short_units = rows_int(rows, row, 10)};
}

struct explain_write store_explain_write(const struct explain_found *found, int row)
{
    const struct rows *rows = &found->writes;
    return (struct explain_write){.location = rows_span(rows, row, 0),
                                  .shop = rows_span(rows, row, 1),
                                  .id = rows_int(rows, row, 2),
                                  .has_from = !rows_is_null(rows, row, 3),
                                  .from = rows_int(rows, row, 3),
                                  .to = rows_int(rows, row, 4),
                                  .state = rows_span(rows, row, 5),
                                  .attempts = rows_int(rows, row, 6),
                                  .created_at_us = rows_time(rows, row, 7),
                                  .has_settled_at = !rows_is_null(rows, row, 8),
                                  .settled_at_us = rows_time(rows, row, 8),
                                  .key = rows_span(rows, row, 9),
                                  .detail = rows_span(rows, row, 10)};
}

/* ---- the ledger --------------------------------------------------------------------------- */

static enum status read_event(void *self, const struct rows *row, struct error *error)
{
    const struct explain_visitor *visitor = self;
    const struct explain_event event = {.location = rows_span(row, 0, 0),
                                        .judged_at_us = rows_time(row, 0, 1),
                                        .occurred_at_us = rows_time(row, 0, 2),
                                        .source = rows_span(row, 0, 3),
                                        .type = (int)rows_int(row, 0, 4),
                                        .outcome = (int)rows_int(row, 0, 5),
                                        .rule = (int)rows_int(row, 0, 6),
                                        .quantity = rows_int(row, 0, 7),
                                        .has_version = !rows_is_null(row, 0, 8),
                                        .version = rows_int(row, 0, 8),
                                        .has_before = !rows_is_null(row, 0, 9),
                                        .before = rows_int(row, 0, 9),
                                        .has_after = !rows_is_null(row, 0, 10),
                                        .after = rows_int(row, 0, 10),
                                        .event_id = rows_span(row, 0, 11),
                                        .reference = rows_span(row, 0, 12),
                                        .topic = rows_span(row, 0, 13),
                                        .partition = rows_int(row, 0, 14),
                                        .offset = rows_int(row, 0, 15)};
    if (event.type < 0 || event.type >= EVENT_TYPE_COUNT || event.outcome < 0 ||
        event.outcome >= OUTCOME_COUNT)
        return error_set(error, STATUS_FATAL,
                         "the ledger has a type or an outcome that is not known; use a "
                         "newer parstock");
    return visitor->each(visitor->self, &event, error);
}

enum status store_explain_events(struct postgres *postgres,
                                 const struct explain_question *question,
                                 const struct explain_visitor *visitor,
                                 struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct explain_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_event, .self = &copy};
    add_question(&params, question);
    pg_params_time(&params, question->has_at, question->at_us);
    return postgres_stream(postgres, &EVENTS, &params, &reader, error);
}
