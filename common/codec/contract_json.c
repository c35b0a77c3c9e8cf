#include "common/codec/contract_json.h"

#include "common/base/check.h"
#include "common/base/pool.h"
#include "common/base/scope.h"
#include "common/codec/contract_alerts.h"
#include "common/codec/contract_kits.h"
#include "common/codec/contract_kpi.h"
#include "common/codec/contract_links.h"
#include "common/codec/contract_policy.h"
#include "common/codec/contract_shape.h"
#include "common/codec/event_key.h"
#include "common/codec/sku_unicode.h"
#include "common/domain/risk.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define CONTRACT_BYTES_MAX ((size_t)4 << 20)
#define POOL_MAX ((size_t)512 << 20) /* far above what 4 MiB of text can need */
#define SETTLE_SECONDS_DEFAULT 60
#define INTERVAL_SECONDS_DEFAULT 3600
#define HOT_SECONDS_DEFAULT 60

/* The contract is the first member, so that its address is the box's. */
struct box {
    struct contract contract;
    struct pool pool;
};

void contract_free(struct contract **slot)
{
    if (*slot == NULL)
        return;
    struct box *box = (struct box *)*slot;
    struct pool pool = box->pool;
    pool_free(&pool);
    free(box);
    *slot = NULL;
}

/* ---- reading values whose shape has been checked ---------------------------------- */

static void *take_array(struct box *box, size_t count, size_t size)
{
    ASSERT(size > 0 && count < POOL_MAX / size);
    void *array = pool_take(&box->pool, count > 0 ? count * size : 1);
    if (array != NULL)
        memset(array, 0, count > 0 ? count * size : 1);
    return array;
}

/* The pool outlasts the JSON tree. It is larger than any contract; past it is a bug. */
static struct span keep(struct box *box, struct span text)
{
    struct span kept = pool_span(&box->pool, text);
    ASSERT(kept.bytes != NULL);
    return kept;
}

static struct span take_text(struct box *box, json_t *object, const char *name,
                             const char *otherwise)
{
    json_t *text = json_object_get(object, name);
    struct span span = text != NULL ? json_span(text) : span_from(otherwise);
    if (span.bytes == NULL)
        return span;
    return keep(box, span);
}

static int64_t integer_of(json_t *object, const char *name, int64_t otherwise)
{
    json_t *number = json_object_get(object, name);
    if (json_is_integer(number))
        return json_integer_value(number);
    return number != NULL ? (int64_t)json_real_value(number) : otherwise;
}

/* A text, or a running number. */
static struct span take_version(struct box *box, json_t *root)
{
    char number[24];
    struct span text = take_text(box, root, "version", NULL);
    if (text.bytes != NULL)
        return text;
    (void)snprintf(number, sizeof number, "%lld",
                   (long long)integer_of(root, "version", 0));
    return keep(box, span_from(number));
}

static enum level_state state_of(json_t *object, const char *name)
{
    bool available = span_is(json_span(json_object_get(object, name)), "available");
    return available ? LEVEL_AVAILABLE : LEVEL_ON_HAND;
}

static enum status no_memory(struct error *error)
{
    return error_set(error, STATUS_FATAL, "out of memory");
}

/* ---- the parts -------------------------------------------------------------------- */

static unsigned steps_of(json_t *root)
{
    static const struct {
        const char *name;
        unsigned step;
    } STEPS[] = {
        {"nfkc", SKU_NFKC},           {"drop_ignorable", SKU_DROP_IGNORABLE},
        {"dashes", SKU_DASHES},       {"trim", SKU_TRIM},
        {"fold_case", SKU_FOLD_CASE}, {"collapse_spaces", SKU_COLLAPSE_SPACES},
    };
    json_t *normalise = json_object_get(json_object_get(root, "sku"), "normalise");
    unsigned steps = SKU_ALL_STEPS;
    for (size_t at = 0; at < COUNT_OF(STEPS); at++)
        if (json_is_false(json_object_get(normalise, STEPS[at].name)))
            steps &= ~STEPS[at].step;
    return steps;
}

static int compare_names(const void *left, const void *right)
{
    const struct location_name *a = left;
    const struct location_name *b = right;
    int order = span_compare(a->name, b->name);
    return order != 0 ? order : (a->location > b->location) - (a->location < b->location);
}

static size_t count_names(json_t *locations)
{
    size_t count = json_array_size(locations);
    for (size_t at = 0; at < json_array_size(locations); at++)
        count +=
            json_array_size(json_object_get(json_array_get(locations, at), "aliases"));
    return count;
}

static enum status build_locations(struct box *box, json_t *root, struct error *error)
{
    struct contract *contract = &box->contract;
    json_t *list = json_object_get(root, "locations");
    size_t count = json_array_size(list);
    size_t name_count = count_names(list);
    if (name_count - count > CONTRACT_ALIASES_MAX)
        return error_set(error, STATUS_FATAL, "/locations: more than %d aliases in all",
                         CONTRACT_ALIASES_MAX);
    struct location *locations = take_array(box, count, sizeof(*locations));
    struct location_name *names = take_array(box, name_count, sizeof(*names));
    if (locations == NULL || names == NULL)
        return no_memory(error);
    size_t next = 0;
    for (size_t at = 0; at < count; at++) {
        json_t *location = json_array_get(list, at);
        json_t *aliases = json_object_get(location, "aliases");
        locations[at].code = take_text(box, location, "code", NULL);
        names[next++] = (struct location_name){locations[at].code, (int)at};
        for (size_t each = 0; each < json_array_size(aliases); each++) {
            struct span alias = json_span(json_array_get(aliases, each));
            names[next++] = (struct location_name){keep(box, alias), (int)at};
        }
    }
    qsort(names, name_count, sizeof(*names), compare_names);
    contract->locations = locations;
    contract->location_count = count;
    contract->names = names;
    contract->name_count = name_count;
    return STATUS_OK;
}

/* One byte a location, or NULL where the source may speak for all. */
static const uint8_t *build_speaks(struct box *box, json_t *source)
{
    json_t *codes = json_object_get(source, "locations");
    if (codes == NULL)
        return NULL;
    uint8_t *speaks = take_array(box, box->contract.location_count, 1);
    for (size_t at = 0; speaks != NULL && at < json_array_size(codes); at++) {
        int location = contract_location_by_code(&box->contract,
                                                 json_span(json_array_get(codes, at)));
        ASSERT(location >= 0);
        speaks[location] = 1;
    }
    return speaks;
}

static enum status build_sources(struct box *box, json_t *root, struct error *error)
{
    json_t *list = json_object_get(root, "sources");
    size_t count = json_array_size(list);
    struct source *sources = take_array(box, count, sizeof(*sources));
    if (sources == NULL)
        return no_memory(error);
    for (size_t at = 0; at < count; at++) {
        json_t *source = json_array_get(list, at);
        sources[at] = (struct source){
            .name = take_text(box, source, "name", NULL),
            .rank = integer_of(source, "rank", 0),
            .state = state_of(source, "state"),
            .speaks = build_speaks(box, source),
            .max_age_seconds = integer_of(source, "max_age_seconds", 0),
            .order_lag_seconds = integer_of(source, "order_lag_seconds", 0),
            .why = take_text(box, source, "why", NULL),
        };
        if (sources[at].speaks == NULL && json_object_get(source, "locations") != NULL)
            return no_memory(error);
    }
    box->contract.sources = sources;
    box->contract.source_count = count;
    return STATUS_OK;
}

static const struct span *build_gids(struct box *box, json_t *shop)
{
    json_t *ids = json_object_get(shop, "locations");
    struct span *gids = take_array(box, box->contract.location_count, sizeof(*gids));
    for (void *at = json_object_iter(ids); gids != NULL && at != NULL;
         at = json_object_iter_next(ids, at)) {
        int location = contract_location_by_code(&box->contract,
                                                 span_from(json_object_iter_key(at)));
        ASSERT(location >= 0);
        gids[location] = keep(box, json_span(json_object_iter_value(at)));
    }
    return gids;
}

/* A fraction of a percent is rounded up: a unit too many held back costs a sale at worst,
 * one too few an oversold order. */
static struct buffer_rule buffer_of(json_t *shop)
{
    json_t *buffer = json_object_get(shop, "buffer");
    double percent = json_number_value(json_object_get(buffer, "percent"));
    return (struct buffer_rule){
        .fixed = integer_of(buffer, "fixed", 0),
        .percent = (int64_t)ceil(percent),
        .min = integer_of(buffer, "min", 0),
        .max = integer_of(buffer, "max", -1),
    };
}

static int compare_spans(const void *left, const void *right)
{
    return span_compare(*(const struct span *)left, *(const struct span *)right);
}

struct sku_list {
    const struct span *skus; /* normalised, sorted */
    size_t count;
};

/* `pointer` names the list in the file. */
static enum status build_skus(struct box *box, json_t *list, const char *pointer,
                              struct sku_list *out, struct error *error)
{
    size_t count = json_array_size(list);
    struct span *skus = take_array(box, count, sizeof(*skus));
    if (skus == NULL)
        return no_memory(error);
    for (size_t at = 0; at < count; at++) {
        struct span raw = json_span(json_array_get(list, at));
        if (sku_normalise_kept(raw, box->contract.sku_steps, &box->pool, &skus[at]) ==
            REASON_NONE)
            continue;
        return error_set(error, STATUS_FATAL,
                         "%s/%zu: is no SKU: nothing is left of it once "
                         "normalised, or more than 255 characters; take it out",
                         pointer, at);
    }
    qsort(skus, count, sizeof(*skus), compare_spans);
    *out = (struct sku_list){.skus = skus, .count = count};
    return STATUS_OK;
}

static enum status build_excluded(struct box *box, json_t *list, size_t shop_at,
                                  struct shop *shop, struct error *error)
{
    char pointer[64];
    struct sku_list excluded = {0};
    (void)snprintf(pointer, sizeof pointer, "/shops/%zu/exclude", shop_at);
    enum status status = build_skus(box, list, pointer, &excluded, error);
    shop->excluded = excluded.skus;
    shop->excluded_count = excluded.count;
    return status;
}

static enum status build_shops(struct box *box, json_t *root, struct error *error)
{
    json_t *list = json_object_get(root, "shops");
    size_t count = json_array_size(list);
    struct shop *shops = take_array(box, count, sizeof(*shops));
    if (shops == NULL)
        return no_memory(error);
    for (size_t at = 0; at < count; at++) {
        json_t *shop = json_array_get(list, at);
        shops[at] = (struct shop){
            .name = take_text(box, shop, "name", NULL),
            .endpoint = take_text(box, shop, "endpoint", NULL),
            .api_version =
                take_text(box, shop, "api_version", CONTRACT_API_VERSION_DEFAULT),
            .reason = take_text(box, shop, "reason", CONTRACT_REASON_DEFAULT),
            .mode = state_of(shop, "mode"),
            .gids = build_gids(box, shop),
            .buffer = buffer_of(shop),
            .activates = json_is_true(json_object_get(shop, "activate_missing")),
            .why = take_text(box, shop, "why", NULL),
        };
        if (shops[at].gids == NULL)
            return no_memory(error);
        enum status status =
            build_excluded(box, json_object_get(shop, "exclude"), at, &shops[at], error);
        if (status != STATUS_OK)
            return status;
    }
    box->contract.shops = shops;
    box->contract.shop_count = count;
    return STATUS_OK;
}

static int compare_tags(const void *left, const void *right)
{
    return risk_tag_compare(*(const struct span *)left, *(const struct span *)right);
}

static enum status build_risk(struct box *box, json_t *root, struct error *error)
{
    json_t *risk = json_object_get(root, "risk");
    json_t *list = json_object_get(risk, "tags");
    json_t *threshold = json_object_get(risk, "value_threshold");
    struct sku_list listed = {0};
    size_t count = json_array_size(list);
    struct span *tags = take_array(box, count, sizeof(*tags));
    if (tags == NULL)
        return no_memory(error);
    for (size_t at = 0; at < count; at++)
        tags[at] = keep(box, json_span(json_array_get(list, at)));
    qsort(tags, count, sizeof(*tags), compare_tags);
    enum status status =
        build_skus(box, json_object_get(risk, "skus"), "/risk/skus", &listed, error);
    box->contract.risk = (struct risk_rules){
        .tags = tags,
        .tag_count = count,
        .skus = listed.skus,
        .sku_count = listed.count,
        .has_threshold = threshold != NULL,
        .threshold_micros = threshold != NULL ? contract_micros(threshold) : 0,
    };
    return status;
}

/* ---- guards ----------------------------------------------------------------------- */

static int64_t share_of(json_t *guards, const char *name, int64_t otherwise)
{
    json_t *percent = json_object_get(guards, name);
    if (percent == NULL)
        return otherwise;
    return (int64_t)(json_number_value(percent) * (double)(FEED_GUARD_WHOLE / 100) + 0.5);
}

static struct feed_limits build_feed_limits(json_t *root)
{
    json_t *guards = json_object_get(json_object_get(root, "policy"), "guards");
    const struct feed_limits otherwise = feed_limits_default();
    return (struct feed_limits){
        .changed_levels =
            integer_of(guards, "max_changed_levels", otherwise.changed_levels),
        .changed_share = share_of(guards, "max_changed_percent", otherwise.changed_share),
        .zeroed_levels = integer_of(guards, "max_zeroed_levels", otherwise.zeroed_levels),
        .zeroed_share = share_of(guards, "max_zeroed_percent", otherwise.zeroed_share),
    };
}

/* ---- all of it -------------------------------------------------------------------- */

static enum status build(struct box *box, json_t *root, struct error *error)
{
    struct contract *contract = &box->contract;
    struct json_path path = {.length = 0};
    enum status status = json_shape_check(&CONTRACT_SHAPE, root, &path, error);
    if (status != STATUS_OK)
        return status;
    contract->version = take_version(box, root);
    contract->sku_steps = steps_of(root);
    contract->feed_limits = build_feed_limits(root);
    contract->kpi = contract_build_kpi(json_object_get(root, "kpi"));
    contract->idempotency_days = integer_of(json_object_get(root, "retention"),
                                            "idempotency_days", CONTRACT_RETENTION_DAYS);
    contract->drift_days =
        integer_of(json_object_get(root, "retention"), "drift_days", CONTRACT_DRIFT_DAYS);
    contract->incident_days =
        integer_of(json_object_get(root, "retention"), "incident_days", 0);
    contract->drift_settle_seconds = integer_of(json_object_get(root, "drift"),
                                                "settle_seconds", SETTLE_SECONDS_DEFAULT);
    contract->drift_interval_seconds = integer_of(
        json_object_get(root, "drift"), "interval_seconds", INTERVAL_SECONDS_DEFAULT);
    contract->drift_hot_seconds =
        integer_of(json_object_get(root, "drift"), "hot_seconds", HOT_SECONDS_DEFAULT);
    status = build_locations(box, root, error);
    if (status == STATUS_OK)
        status = contract_check_names(root, contract, error);
    if (status == STATUS_OK)
        status = contract_check_links(root, contract, error);
    if (status == STATUS_OK)
        status = build_sources(box, root, error);
    if (status == STATUS_OK)
        status = build_shops(box, root, error);
    if (status == STATUS_OK)
        status = contract_build_kits(json_object_get(root, "kits"), &box->pool, contract,
                                     error);
    if (status == STATUS_OK)
        status = build_risk(box, root, error);
    if (status == STATUS_OK)
        status = contract_build_policy(json_object_get(root, "policy"), &box->pool,
                                       contract, error);
    if (status == STATUS_OK)
        status = contract_build_alerts(json_object_get(root, "alerts"), &box->pool,
                                       contract, error);
    return status;
}

static void release_json(json_t **slot)
{
    json_decref(*slot);
    *slot = NULL;
}

static enum status parse(struct span text, json_t **root_out, struct error *error)
{
    json_error_t fault;
    if (text.bytes == NULL || text.length == 0)
        return error_set(error, STATUS_FATAL, "the document: is empty; %s",
                         "see schemas/contract.schema.json for what it holds");
    if (text.length > CONTRACT_BYTES_MAX)
        return error_set(error, STATUS_FATAL, "the document: is larger than %zu bytes",
                         CONTRACT_BYTES_MAX);
    *root_out = json_loadb(text.bytes, text.length, JSON_REJECT_DUPLICATES, &fault);
    if (*root_out == NULL)
        return error_set(error, STATUS_FATAL, "line %d, column %d: is no JSON: %s",
                         fault.line, fault.column, fault.text);
    return STATUS_OK;
}

static enum status decode(struct span text, struct box *box, struct error *error)
{
    SCOPED(release_json) json_t *root = NULL;
    enum status status = parse(text, &root, error);
    if (status != STATUS_OK)
        return status;
    digest_sha256_hex(text, box->contract.digest);
    return build(box, root, error);
}

enum status contract_decode(struct span text, struct contract **contract_out,
                            struct error *error)
{
    struct box *box = calloc(1, sizeof(*box));
    if (box == NULL) {
        (void)no_memory(error);
        return error_exit(error, EXIT_INTERNAL);
    }
    pool_init(&box->pool, POOL_MAX);
    struct contract *contract = &box->contract;
    if (decode(text, box, error) != STATUS_OK) {
        struct error fault = *error;
        contract_free(&contract);
        (void)error_set(error, STATUS_FATAL, "contract file: %.480s", fault.text);
        return error_exit(error, EXIT_CONFIG);
    }
    *contract_out = contract;
    return STATUS_OK;
}
