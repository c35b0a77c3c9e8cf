#include "common/io/store_explain.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/page_filter.h"
#include "common/io/store_pairs_sql.h"

/* $1 the SKU, $2 a location or null, as in all statements here. */
#define OF_LOCATION(row) "($2::text IS NULL OR " row ".location = $2)"
#define OF_PLACE(row) row ".sku = $1 AND " OF_LOCATION(row)
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
    " p.created_at, p.settled_at, p.key, p.detail, p.traceparent FROM ("
    "SELECT m.location, w.shop, w.id, m.change_from, m.quantity, w.state, w.attempts,"
    " w.created_at, w.settled_at, w.key::text AS key, w.detail, m.traceparent,"
    " row_number() OVER (PARTITION BY m.location, w.shop ORDER BY w.id DESC) AS n"
    " FROM shop_write_pairs m JOIN shop_writes w ON w.id = m.write_id"
    " WHERE " OF_PLACE("m") " AND ($3::timestamptz IS NULL OR w.settled_at <= $3)) p"
                            " WHERE p.n <= $4" BY_PLACE(
                                "p") ", p.shop COLLATE \"C\", p.id DESC"};

/* $4, $5: where the SKU lies, see common/codec/page_filter.h. */
static const struct statement EVENTS = {
    "explain_events",
    "SELECT e.location, e.judged_at, e.occurred_at, e.source, e.type, e.outcome, e.rule,"
    " e.quantity, e.version, e.before, e.after, e.event_id, e.reference, e.topic,"
    " e.partition, e.record_offset, e.recorded_at, e.sees_orders_until, e.traceparent"
    " FROM ledger_of_sku($1, coalesce($3::timestamptz, 'infinity'), $4, $5) e"
    " WHERE " OF_LOCATION("e") BY_PLACE("e") ", e.judged_at, e.record_offset"};

/* What else happened to the pairs; $4 how many of a location and kind. Kinds by number as
 * enum explain_kind. */
static const struct statement OTHERS = {
    "explain_others",
    "SELECT location, kind, at, shop, id, word, detail, actor, first, second FROM ("
    "SELECT o.*, row_number() OVER (PARTITION BY location, kind ORDER BY at DESC) AS n"
    " FROM (SELECT u.location, 0 AS kind, u.at, u.shop, NULL AS id, CASE WHEN u.kind = 2"
    " THEN 'missing' WHEN u.units < 0 THEN 'cancelled' ELSE 'ordered' END AS word,"
    " NULL AS detail, NULL AS actor, abs(u.units) AS first, NULL::bigint AS second"
    " FROM shop_units u WHERE " OF_PLACE(
        "u") " UNION ALL SELECT a.location, 1, a.acted_at, a.shop, a.finding_id, a.action,"
             " CASE WHEN a.bar <> '' THEN a.bar ELSE a.rule END, a.actor, a.desired, a.shown"
             " FROM drift_actions a WHERE " OF_PLACE(
                 "a") " UNION ALL SELECT c.location, 2, c.counted_at, NULL, c.event_id, c.verdict, c.note,"
                      " c.actor, c.counted, c.books FROM spot_checks c WHERE " OF_PLACE(
                          "c") ") o WHERE $3::timestamptz IS NULL OR at <= $3) p WHERE n <= $4" BY_PLACE("p") ", at, kind"};

/* What was written down of a pair: by whoever wrote to it, compared it, repaired it. */
#define SAID                                                                                             \
    "(SELECT m.location COLLATE \"C\" AS location, w.shop COLLATE \"C\" AS shop,"                        \
    " w.created_at AS at, m.quantity AS desired, m.change_from AS shown,"                                \
    " 'write ' || w.id AS word FROM shop_write_pairs m"                                                  \
    " JOIN shop_writes w ON w.id = m.write_id WHERE " OF_PLACE(                                          \
        "m") " UNION ALL SELECT m.location COLLATE \"C\", w.shop COLLATE \"C\", w.settled_at,"           \
             " NULL, m.quantity, 'write ' || w.id FROM shop_write_pairs m"                               \
             " JOIN shop_writes w ON w.id = m.write_id WHERE w.state = 'applied' AND " OF_PLACE(         \
                 "m") " UNION ALL SELECT f.location, f.shop, f.observed_at, f.desired, f.shown,"         \
                      " 'finding ' || f.finding_id FROM drift_findings f WHERE " OF_PLACE(               \
                          "f") " UNION ALL SELECT a.location, a.shop, a.settled_at, a.desired, a.shown," \
                               " 'repair of ' || a.finding_id FROM drift_actions a WHERE " OF_PLACE(     \
                                   "a") ")"
#define NEWEST(column)                                                                   \
    "(SELECT DISTINCT ON (location, shop) location, shop, at, word, " column             \
    " FROM said WHERE " column " IS NOT NULL AND at <= $3"                               \
    " ORDER BY location, shop, at DESC)"

/* Of a past moment, $3: the newest that was written down up to then. */
static const struct statement PAST = {
    "explain_past",
    "WITH said AS MATERIALIZED " SAID
    " SELECT location, shop, d.desired, d.at, d.word, s.shown, s.at, s.word"
    " FROM " NEWEST("desired") " d FULL JOIN " NEWEST(
        "shown") " s USING (location, shop) ORDER BY location, shop"};

enum status store_explain_begin(struct postgres *postgres, struct error *error)
{
    return postgres_script(postgres,
                           "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
                           "SET LOCAL jit = off", /* it would take longer than the rest */
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

/* The newest of each pair, up to the moment that is asked about. */
static enum status ask_newest(struct postgres *postgres,
                              const struct statement *statement,
                              const struct explain_question *question, struct rows *rows,
                              struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    add_question(&params, question);
    pg_params_time(&params, question->has_at, question->at_us);
    pg_params_int8(&params,
                   statement == &WRITES ? EXPLAIN_WRITES_MAX : EXPLAIN_OTHERS_MAX);
    return postgres_query(postgres, statement, &params, rows, error);
}

static enum status ask_past(struct postgres *postgres,
                            const struct explain_question *question, struct rows *rows,
                            struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    if (!question->has_at)
        return STATUS_OK;
    add_question(&params, question);
    pg_params_time(&params, true, question->at_us);
    return postgres_query(postgres, &PAST, &params, rows, error);
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
        status = ask_newest(postgres, &WRITES, question, &found->writes, error);
    if (status == STATUS_OK)
        status = ask_newest(postgres, &OTHERS, question, &found->others, error);
    if (status == STATUS_OK)
        status = ask_past(postgres, question, &found->past, error);
    return status;
}

void store_explain_release(struct explain_found *found)
{
    rows_release(&found->places);
    rows_release(&found->readings);
    rows_release(&found->shops);
    rows_release(&found->writes);
    rows_release(&found->others);
    rows_release(&found->past);
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
                                  .detail = rows_span(rows, row, 10),
                                  .traceparent = rows_span(rows, row, 11)};
}

struct explain_other store_explain_other(const struct explain_found *found, int row)
{
    const struct rows *rows = &found->others;
    ASSERT(rows_int(rows, row, 1) < EXPLAIN_KIND_COUNT);
    return (struct explain_other){.location = rows_span(rows, row, 0),
                                  .kind = (enum explain_kind)rows_int(rows, row, 1),
                                  .at_us = rows_time(rows, row, 2),
                                  .shop = rows_span(rows, row, 3),
                                  .id = rows_span(rows, row, 4),
                                  .word = rows_span(rows, row, 5),
                                  .detail = rows_span(rows, row, 6),
                                  .actor = rows_span(rows, row, 7),
                                  .has_first = !rows_is_null(rows, row, 8),
                                  .first = rows_int(rows, row, 8),
                                  .has_second = !rows_is_null(rows, row, 9),
                                  .second = rows_int(rows, row, 9)};
}

static struct explain_said said_of(const struct rows *rows, int row, int column)
{
    return (struct explain_said){.exists = !rows_is_null(rows, row, column),
                                 .quantity = rows_int(rows, row, column),
                                 .at_us = rows_time(rows, row, column + 1),
                                 .by = rows_span(rows, row, column + 2)};
}

struct explain_past store_explain_past(const struct explain_found *found, int row)
{
    const struct rows *rows = &found->past;
    return (struct explain_past){.location = rows_span(rows, row, 0),
                                 .shop = rows_span(rows, row, 1),
                                 .desired = said_of(rows, row, 2),
                                 .shown = said_of(rows, row, 5)};
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
                                        .offset = rows_int(row, 0, 15),
                                        .recorded_at_us = rows_time(row, 0, 16),
                                        .has_sees_orders_until =
                                            !rows_is_null(row, 0, 17),
                                        .sees_orders_until_us = rows_time(row, 0, 17),
                                        .traceparent = rows_span(row, 0, 18)};
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
    const struct page_probes probes = page_filter_probes(question->sku);
    add_question(&params, question);
    pg_params_time(&params, question->has_at, question->at_us);
    pg_params_int8(&params, page_filter_hash(question->sku));
    pg_params_int8_array(&params, probes.at, NULL, PAGE_FILTER_PROBES);
    return postgres_stream(postgres, &EVENTS, &params, &reader, error);
}
