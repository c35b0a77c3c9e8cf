#include "common/io/store_week.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_clock.h"

#define FIRST "(date '1970-01-01' + $1::bigint::integer)"
#define IN_DAYS "day >= " FIRST " AND day < " FIRST " + $2::bigint::integer"

/* What a row of COUNTS tells; `name` says of which counter, cause or percentile. */
enum row_kind { ROW_COUNT, ROW_PAIRS, ROW_CAUSE, ROW_DETECT, ROW_REPAIR };

#define TIMES(kind, view)                                                                \
    " UNION ALL SELECT t.shop, t.location, " kind ", v.name, 0, v.value FROM ("          \
    "SELECT shop, location, count(*) AS n,"                                              \
    " (extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY took)) * 1000)"    \
    "::bigint AS p50,"                                                                   \
    " (extract(epoch FROM percentile_disc(0.95) WITHIN GROUP (ORDER BY took)) * 1000)"   \
    "::bigint AS p95 FROM " view " WHERE " IN_DAYS " GROUP BY shop, location) t"         \
    " CROSS JOIN LATERAL (VALUES ('count', n), ('p50', p50), ('p95', p95))"              \
    " v (name, value)"

/* One statement, so that all of it is of one moment. In the order of bytes. */
static const struct statement COUNTS = {
    "kpi_counts",
    "SELECT shop, location, kind, name, at, value FROM ("
    "SELECT shop, location, 0 AS kind, kpi AS name, day - " FIRST " AS at, value"
    " FROM kpi_counts WHERE " IN_DAYS
    " UNION ALL SELECT shop, location, 1, '', 0, count(*) FROM shop_levels l"
    " WHERE desired IS NOT NULL AND EXISTS (SELECT 1 FROM shop_items i"
    " WHERE i.shop = l.shop AND i.sku = l.sku) GROUP BY shop, location"
    " UNION ALL SELECT shop, location, 2, cause, 0, sum(pairs)::bigint FROM kpi_found"
    " WHERE " IN_DAYS
    " GROUP BY shop, location, cause" TIMES("3", "kpi_detections") TIMES(
        "4",
        "kpi_repairs") ") AS everything ORDER BY shop COLLATE \"C\", location COLLATE \"C\""};

static const struct statement AUTOMATION = {
    "kpi_automation",
    "SELECT (SELECT coalesce(sum(done + failed + open), 0)::bigint FROM kpi_resyncs"
    " WHERE " IN_DAYS "), (SELECT count(*) FROM shop_writes w JOIN shop_write_pairs p"
    " ON p.write_id = w.id WHERE kpi_day(w.created_at) >= " FIRST
    " AND kpi_day(w.created_at) < " FIRST " + $2::bigint::integer)"};

/* ---- reading ---------------------------------------------------------------------------- */

struct reader {
    struct pool *pool;
    struct kpi_period *period;
    struct kpi_place *places;
    struct kpi_day *days; /* of the newest place */
};

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "week: out of memory");
}

static enum status begin_place(struct reader *reader, struct span shop,
                               struct span location, struct error *error)
{
    struct kpi_period *period = reader->period;
    size_t bytes = (size_t)period->day_count * sizeof *reader->days;
    if (period->place_count == KPI_PLACES_MAX)
        return error_set(error, STATUS_FATAL,
                         "week: more than %d shops and locations; one database can not "
                         "be judged as one week",
                         KPI_PLACES_MAX);
    reader->days = pool_take(reader->pool, bytes);
    struct kpi_place place = {.shop = pool_span(reader->pool, shop),
                              .location = pool_span(reader->pool, location),
                              .days = reader->days};
    if (reader->days == NULL || place.shop.bytes == NULL || place.location.bytes == NULL)
        return out_of_memory(error);
    memset(reader->days, 0, bytes);
    reader->places[period->place_count++] = place;
    return STATUS_OK;
}

static bool is_same(const struct reader *reader, struct span shop, struct span location)
{
    if (reader->period->place_count == 0)
        return false;
    const struct kpi_place *newest = &reader->places[reader->period->place_count - 1];
    return span_equal(newest->shop, shop) && span_equal(newest->location, location);
}

static void take_time(struct kpi_time *time, struct span name, int64_t value)
{
    if (span_is(name, "count"))
        time->count = value;
    else if (span_is(name, "p50"))
        time->p50_ms = value;
    else
        time->p95_ms = value;
}

/* Names that this version does not know are those of a newer one. */
static void take_value(struct reader *reader, const struct rows *row)
{
    struct kpi_place *place = &reader->places[reader->period->place_count - 1];
    struct span name = rows_span(row, 0, 3);
    int64_t day = rows_int(row, 0, 4);
    int64_t value = rows_int(row, 0, 5);
    enum kpi_counter counter;
    enum finding_cause cause = CAUSE_UNKNOWN;
    switch ((enum row_kind)rows_int(row, 0, 2)) {
    case ROW_COUNT:
        ASSERT(day >= 0 && day < reader->period->day_count);
        if (kpi_parse(name, &counter))
            reader->days[day].counts[counter] = value;
        return;
    case ROW_PAIRS:
        place->pairs = value;
        return;
    case ROW_CAUSE:
        (void)cause_parse(name, &cause);
        place->causes[cause] += value;
        return;
    case ROW_DETECT:
        take_time(&place->detect, name, value);
        return;
    case ROW_REPAIR:
        take_time(&place->repair, name, value);
        return;
    }
    UNREACHABLE("every kind of row is taken");
}

static enum status take_row(void *self, const struct rows *row, struct error *error)
{
    struct reader *reader = self;
    struct span shop = rows_span(row, 0, 0);
    struct span location = rows_span(row, 0, 1);
    enum status status = STATUS_OK;
    if (!is_same(reader, shop, location))
        status = begin_place(reader, shop, location, error);
    if (status == STATUS_OK)
        take_value(reader, row);
    return status;
}

static void add_days(struct pg_params *params, const struct kpi_period *period)
{
    pg_params_init(params);
    pg_params_int8(params, period->first_day);
    pg_params_int8(params, period->day_count);
}

enum status store_kpi_period(struct postgres *postgres, struct kpi_period *period,
                             struct pool *pool, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct reader reader = {.pool = pool, .period = period};
    ASSERT(period->day_count > 0 && period->day_count <= KPI_DAYS_MAX);
    reader.places = pool_take(pool, KPI_PLACES_MAX * sizeof *reader.places);
    period->place_count = 0;
    period->places = reader.places;
    add_days(&params, period);
    if (reader.places == NULL)
        return out_of_memory(error);
    const struct row_visitor visitor = {take_row, &reader};
    return postgres_stream(postgres, &COUNTS, &params, &visitor, error);
}

enum status store_kpi_automation(struct postgres *postgres,
                                 const struct kpi_period *period,
                                 struct kpi_automation *out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    add_days(&params, period);
    enum status status = postgres_query(postgres, &AUTOMATION, &params, &rows, error);
    if (status == STATUS_OK)
        *out = (struct kpi_automation){rows_int(&rows, 0, 0), rows_int(&rows, 0, 1)};
    return status;
}

enum status store_week_inputs(struct postgres *postgres,
                              const struct week_question *question, struct pool *pool,
                              struct week_inputs *out, struct error *error)
{
    const struct baseline_wish wish = {.id = question->baseline,
                                       .before_day = question->monday + WEEK_DAYS};
    struct week_inputs inputs = {
        .contract = span_from(question->contract->digest),
        .limits = question->contract->kpi,
        .period = {.first_day = question->monday, .day_count = WEEK_DAYS}};
    enum status status = store_clock_us(postgres, &inputs.captured_at_us, error);
    if (status == STATUS_OK)
        status = store_baseline(postgres, &wish, pool, &inputs.baseline, error);
    if (status == STATUS_OK)
        status = store_kpi_period(postgres, &inputs.period, pool, error);
    if (status == STATUS_OK)
        *out = inputs;
    return status;
}
