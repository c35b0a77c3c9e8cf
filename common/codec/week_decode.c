/*
 * The reading half of week_json.h: hostile input, whoever made the packet.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/digest.h"
#include "common/codec/json_shape.h"
#include "common/codec/rfc3339.h"
#include "common/codec/week_json.h"

#include <stdio.h>

#define COUNT_MOST INT64_C(9007199254740991) /* exact in any JSON reader */
#define HEX_DIGITS DIGEST_HEX

/* ---- shapes ------------------------------------------------------------------------------- */

static bool is_day(struct span text)
{
    int32_t day;
    return week_day_parse(text, &day);
}

static bool is_week(struct span text)
{
    int32_t monday;
    return text.length == WEEK_NAME_MAX - 1 && week_parse(text, &monday);
}

static bool is_time(struct span text)
{
    int64_t us;
    return rfc3339_parse(text, &us);
}

#define INTEGER_OF(from, to) .kind = SHAPE_INTEGER, .least = (from), .most = (to)
#define TEXT_OF(from, to) .kind = SHAPE_TEXT, .least = (from), .most = (to)
#define OBJECT_OF(table)                                                                 \
    .kind = SHAPE_OBJECT, .members = (table), .member_count = COUNT_OF(table)

static const struct shape VERSION = {INTEGER_OF(1, 1)};
static const struct shape COUNT = {INTEGER_OF(0, COUNT_MOST)};
static const struct shape POSITIVE = {INTEGER_OF(1, COUNT_MOST)};
static const struct shape LIMIT = {INTEGER_OF(-1, COUNT_MOST)};
static const struct shape DAYS = {INTEGER_OF(1, KPI_DAYS_MAX)};
static const struct shape NAME = {TEXT_OF(0, KPI_NAME_MAX)};
static const struct shape ACTOR = {TEXT_OF(1, WEEK_ACTOR_MAX)};
static const struct shape TEXT = {TEXT_OF(0, WEEK_TEXT_MAX)};
static const struct shape DIGEST = {
    TEXT_OF(HEX_DIGITS, HEX_DIGITS), .fits = digest_is_hex,
    .must_be = "a SHA-256 digest of 64 lower-case hex digits"};
static const struct shape DAY = {TEXT_OF(10, 10), .fits = is_day,
                                 .must_be = "a day such as \"2026-11-23\""};
static const struct shape WEEK = {TEXT_OF(8, 8), .fits = is_week,
                                  .must_be = "an ISO week such as \"2026-W48\""};
static const struct shape TIME = {TEXT_OF(20, 35), .fits = is_time,
                                  .must_be = "a time as in RFC 3339"};

static const char *const VERDICTS[] = {"pass", "fail", "not_decidable", NULL};
static const struct shape VERDICT = {.kind = SHAPE_WORD, .words = VERDICTS};

static const struct shape COUNTS = {
    .kind = SHAPE_LIST, .item = &COUNT, .least = 1, .most = KPI_DAYS_MAX};
static const struct shape_member SPELL_MEMBERS[] = {
    {"count", &COUNT, true}, {"p50_ms", &COUNT, true}, {"p95_ms", &COUNT, true}};
static const struct shape SPELL = {OBJECT_OF(SPELL_MEMBERS)};
static const struct shape CAUSES = {
    .kind = SHAPE_MAP, .key = &ACTOR, .item = &POSITIVE, .most = CAUSE_COUNT};

static const struct shape_member PLACE_MEMBERS[] = {
    {"shop", &NAME, true},
    {"location", &NAME, true},
    {"pairs", &COUNT, true},
#define X(id, name, what) {name, &COUNTS, true},
    KPI_COUNTERS(X)
#undef X
        {"detect", &SPELL, true},
    {"repair", &SPELL, true},
    {"causes", &CAUSES, true},
};
static const struct shape PLACE = {OBJECT_OF(PLACE_MEMBERS)};
static const struct shape PLACES = {
    .kind = SHAPE_LIST, .item = &PLACE, .least = 0, .most = KPI_PLACES_MAX};
static const struct shape_member PERIOD_MEMBERS[] = {
    {"from", &DAY, true}, {"days", &DAYS, true}, {"places", &PLACES, true}};
static const struct shape PERIOD = {OBJECT_OF(PERIOD_MEMBERS)};

static const struct shape_member BASELINE_MEMBERS[] = {
    {"version", &VERSION, true}, {"id", &POSITIVE, true},  {"captured_at", &TIME, true},
    {"by", &ACTOR, true},        {"note", &TEXT, true},    {"contract", &DIGEST, true},
    {"resyncs", &COUNT, true},   {"writes", &COUNT, true}, {"period", &PERIOD, true},
};
static const struct shape BASELINE = {OBJECT_OF(BASELINE_MEMBERS)};

static const struct shape LIMITS = {
    .kind = SHAPE_MAP, .key = &ACTOR, .item = &LIMIT, .most = 100};
static const struct shape_member INPUTS_MEMBERS[] = {
    {"version", &VERSION, true},  {"week", &WEEK, true},
    {"captured_at", &TIME, true}, {"contract", &DIGEST, true},
    {"limits", &LIMITS, true},    {"baseline", &BASELINE, false},
    {"period", &PERIOD, true},
};
static const struct shape INPUTS = {OBJECT_OF(INPUTS_MEMBERS)};

static const struct shape_member DECISION_MEMBERS[] = {
    {"version", &VERSION, true}, {"week", &WEEK, true},       {"number", &POSITIVE, true},
    {"verdict", &VERDICT, true}, {"rule", &ACTOR, true},      {"handoff", &ACTOR, true},
    {"by", &ACTOR, true},        {"why", &TEXT, true},        {"at", &TIME, true},
    {"inputs", &DIGEST, true},   {"contract", &DIGEST, true},
};
static const struct shape DECISION = {OBJECT_OF(DECISION_MEMBERS)};

/* ---- values whose shape has been checked ---------------------------------------------------- */

struct reading {
    struct pool *pool;
    struct error *error;
};

static enum status no_memory(const struct reading *reading)
{
    return error_set(reading->error, STATUS_RETRY, "week: out of memory");
}

static enum status wrong(const struct reading *reading, const char *what)
{
    return error_set(reading->error, STATUS_REJECT, "%s", what);
}

static int64_t number_of(const json_t *number)
{
    return json_is_integer(number) ? json_integer_value(number)
                                   : (int64_t)json_real_value(number);
}

static int64_t integer(const json_t *object, const char *name)
{
    return number_of(json_object_get(object, name));
}

static struct span text(const struct reading *reading, const json_t *object,
                        const char *name)
{
    return pool_span(reading->pool, json_span(json_object_get(object, name)));
}

static int64_t time_us(const json_t *object, const char *name)
{
    int64_t us = 0;
    bool good = rfc3339_parse(json_span(json_object_get(object, name)), &us);
    ASSERT(good);
    return us;
}

static enum status take_causes(const struct reading *reading, json_t *object,
                               struct kpi_place *place)
{
    for (void *at = json_object_iter(object); at != NULL;
         at = json_object_iter_next(object, at)) {
        enum finding_cause cause;
        if (!cause_parse(span_from(json_object_iter_key(at)), &cause))
            return wrong(reading, "/period/places: a cause that does not exist");
        place->causes[cause] = number_of(json_object_iter_value(at));
    }
    return STATUS_OK;
}

static struct kpi_time take_time(const json_t *object)
{
    return (struct kpi_time){.count = integer(object, "count"),
                             .p50_ms = integer(object, "p50_ms"),
                             .p95_ms = integer(object, "p95_ms")};
}

static enum status take_days(const struct reading *reading, json_t *object,
                             int32_t day_count, struct kpi_place *place)
{
    struct kpi_day *days =
        pool_take(reading->pool, (size_t)day_count * sizeof(struct kpi_day));
    if (days == NULL)
        return no_memory(reading);
    for (unsigned counter = 0; counter < KPI_COUNTER_COUNT; counter++) {
        json_t *counts = json_object_get(object, kpi_name((enum kpi_counter)counter));
        if (json_array_size(counts) != (size_t)day_count)
            return wrong(reading, "/period/places: a list with another number of days "
                                  "than the period");
        for (int32_t day = 0; day < day_count; day++)
            days[day].counts[counter] = number_of(json_array_get(counts, (size_t)day));
    }
    place->days = days;
    return STATUS_OK;
}

static enum status take_place(const struct reading *reading, json_t *object,
                              int32_t day_count, struct kpi_place *out)
{
    struct kpi_place place = {.shop = text(reading, object, "shop"),
                              .location = text(reading, object, "location"),
                              .pairs = integer(object, "pairs"),
                              .detect = take_time(json_object_get(object, "detect")),
                              .repair = take_time(json_object_get(object, "repair"))};
    if (place.shop.bytes == NULL || place.location.bytes == NULL)
        return no_memory(reading);
    enum status status = take_days(reading, object, day_count, &place);
    if (status == STATUS_OK)
        status = take_causes(reading, json_object_get(object, "causes"), &place);
    *out = place;
    return status;
}

static bool is_before(const struct kpi_place *left, const struct kpi_place *right)
{
    int order = span_compare(left->shop, right->shop);
    return order < 0 || (order == 0 && span_compare(left->location, right->location) < 0);
}

static enum status take_period(const struct reading *reading, json_t *object,
                               struct kpi_period *out)
{
    json_t *list = json_object_get(object, "places");
    size_t count = json_array_size(list);
    struct kpi_period period = {.day_count = (int32_t)integer(object, "days"),
                                .place_count = count};
    bool good =
        week_day_parse(json_span(json_object_get(object, "from")), &period.first_day);
    ASSERT(good);
    struct kpi_place *places = pool_take(reading->pool, (count + 1) * sizeof *places);
    if (places == NULL)
        return no_memory(reading);
    for (size_t at = 0; at < count; at++) {
        enum status status =
            take_place(reading, json_array_get(list, at), period.day_count, &places[at]);
        if (status != STATUS_OK)
            return status;
        if (at > 0 && !is_before(&places[at - 1], &places[at]))
            return wrong(reading, "/period/places: not sorted by shop and location, or "
                                  "one of them stands there twice");
    }
    period.places = places;
    *out = period;
    return STATUS_OK;
}

/* ---- the three ------------------------------------------------------------------------------ */

static enum status take_baseline(const struct reading *reading, json_t *object,
                                 struct week_baseline *out)
{
    struct week_baseline baseline = {.id = integer(object, "id"),
                                     .captured_at_us = time_us(object, "captured_at"),
                                     .by = text(reading, object, "by"),
                                     .note = text(reading, object, "note"),
                                     .contract = text(reading, object, "contract"),
                                     .resyncs = integer(object, "resyncs"),
                                     .writes = integer(object, "writes")};
    if (baseline.by.bytes == NULL || baseline.note.bytes == NULL ||
        baseline.contract.bytes == NULL)
        return no_memory(reading);
    enum status status =
        take_period(reading, json_object_get(object, "period"), &baseline.period);
    if (status == STATUS_OK)
        *out = baseline;
    return status;
}

static enum status take_limits(const struct reading *reading, json_t *object,
                               struct kpi_limits *out)
{
    size_t count;
    const struct kpi_limit *rows = kpi_limits_table(&count);
    if (json_object_size(object) != count)
        return wrong(reading, "/limits: one is missing, or one too many");
    for (size_t at = 0; at < count; at++) {
        json_t *number = json_object_get(object, rows[at].name);
        if (number == NULL)
            return wrong(reading, "/limits: one is missing, or one too many");
        kpi_limit_set(out, &rows[at], number_of(number));
    }
    return STATUS_OK;
}

static enum status check_week(const struct reading *reading, json_t *root,
                              const struct kpi_period *period)
{
    char name[WEEK_NAME_MAX];
    week_name(period->first_day, name);
    if (period->day_count == WEEK_DAYS &&
        period->first_day == week_monday(period->first_day) &&
        span_is(json_span(json_object_get(root, "week")), name))
        return STATUS_OK;
    return wrong(reading, "/period: is not the week that /week names");
}

static enum status take_inputs(const struct reading *reading, json_t *root, void *slot)
{
    json_t *baseline = json_object_get(root, "baseline");
    struct week_inputs inputs = {.captured_at_us = time_us(root, "captured_at"),
                                 .contract = text(reading, root, "contract")};
    if (inputs.contract.bytes == NULL)
        return no_memory(reading);
    enum status status =
        take_limits(reading, json_object_get(root, "limits"), &inputs.limits);
    if (status == STATUS_OK && baseline != NULL)
        status = take_baseline(reading, baseline, &inputs.baseline);
    if (status == STATUS_OK)
        status = take_period(reading, json_object_get(root, "period"), &inputs.period);
    if (status == STATUS_OK)
        status = check_week(reading, root, &inputs.period);
    if (status == STATUS_OK)
        *(struct week_inputs *)slot = inputs;
    return status;
}

static enum status take_baseline_root(const struct reading *reading, json_t *root,
                                      void *slot)
{
    return take_baseline(reading, root, slot);
}

static enum status take_decision(const struct reading *reading, json_t *root, void *slot)
{
    struct week_decision decision = {.number = integer(root, "number"),
                                     .rule = text(reading, root, "rule"),
                                     .handoff = text(reading, root, "handoff"),
                                     .by = text(reading, root, "by"),
                                     .why = text(reading, root, "why"),
                                     .at_us = time_us(root, "at"),
                                     .inputs = text(reading, root, "inputs"),
                                     .contract = text(reading, root, "contract")};
    bool good = week_parse(json_span(json_object_get(root, "week")), &decision.monday) &&
                week_verdict_parse(json_span(json_object_get(root, "verdict")),
                                   &decision.verdict);
    ASSERT(good);
    if (decision.rule.bytes == NULL || decision.handoff.bytes == NULL ||
        decision.by.bytes == NULL || decision.why.bytes == NULL ||
        decision.inputs.bytes == NULL || decision.contract.bytes == NULL)
        return no_memory(reading);
    *(struct week_decision *)slot = decision;
    return STATUS_OK;
}

/* ---- documents ------------------------------------------------------------------------------ */

struct document {
    const char *what;
    const struct shape *shape;
    enum status (*take)(const struct reading *reading, json_t *root, void *slot);
};

static void release_json(json_t **slot)
{
    json_decref(*slot);
    *slot = NULL;
}

/* A baseline of null is one that is not there. */
static void drop_null_baseline(json_t *root)
{
    if (json_is_null(json_object_get(root, "baseline")))
        (void)json_object_del(root, "baseline");
}

static enum status decode(const struct document *document, struct span bytes,
                          const struct reading *reading, void *slot)
{
    SCOPED(release_json) json_t *root = NULL;
    json_error_t fault;
    struct json_path path = {.length = 0};
    if (bytes.bytes == NULL || bytes.length > WEEK_JSON_MAX)
        return error_set(reading->error, STATUS_REJECT, "no %s: empty or too large",
                         document->what);
    root = json_loadb(bytes.bytes, bytes.length, JSON_REJECT_DUPLICATES, &fault);
    if (!json_is_object(root))
        return error_set(reading->error, STATUS_REJECT, "no %s: is no JSON object",
                         document->what);
    drop_null_baseline(root);
    if (json_shape_check(document->shape, root, &path, reading->error) != STATUS_OK) {
        reading->error->status = STATUS_REJECT;
        return STATUS_REJECT;
    }
    return document->take(reading, root, slot);
}

enum status week_json_inputs_decode(struct span bytes, struct pool *pool,
                                    struct week_inputs *out, struct error *error)
{
    static const struct document DOCUMENT = {"inputs of a week", &INPUTS, take_inputs};
    return decode(&DOCUMENT, bytes, &(struct reading){pool, error}, out);
}

enum status week_json_baseline_decode(struct span bytes, struct pool *pool,
                                      struct week_baseline *out, struct error *error)
{
    static const struct document DOCUMENT = {"baseline", &BASELINE, take_baseline_root};
    return decode(&DOCUMENT, bytes, &(struct reading){pool, error}, out);
}

enum status week_json_decision_decode(struct span bytes, struct pool *pool,
                                      struct week_decision *out, struct error *error)
{
    static const struct document DOCUMENT = {"decision of a week", &DECISION,
                                             take_decision};
    return decode(&DOCUMENT, bytes, &(struct reading){pool, error}, out);
}
