#include "common/codec/contract_policy.h"

#include "common/base/check.h"
#include "common/codec/json_shape.h"
#include "common/codec/sku_unicode.h"
#include "common/domain/risk.h"

#include <math.h>
#include <stdlib.h>

#define PERCENT_IN_MILLIONTHS 10000.0

/* What is made of the list, and where in the file. */
struct build {
    struct pool *pool;
    const struct contract *contract;
    size_t rule;
    struct error *error;
};

static enum status no_memory(struct error *error)
{
    return error_set(error, STATUS_FATAL, "out of memory");
}

int64_t contract_micros(json_t *number)
{
    double micros = json_number_value(number) * 1e6;
    return micros < 9.2e18 ? (int64_t)llround(micros) : INT64_MAX;
}

/* Millionths of the whole, the nearest one. */
static int64_t share_of(json_t *percent)
{
    return llround(json_number_value(percent) * PERCENT_IN_MILLIONTHS);
}

/* 12.0 is an integer, as in JSON Schema. */
static int64_t whole_of(json_t *number)
{
    return llround(json_number_value(number));
}

/* ---- lists ---------------------------------------------------------------------------- */

static int compare_spans(const void *left, const void *right)
{
    return span_compare(*(const struct span *)left, *(const struct span *)right);
}

static int compare_tags(const void *left, const void *right)
{
    return risk_tag_compare(*(const struct span *)left, *(const struct span *)right);
}

static enum status take_sku(const struct build *build, struct span raw, size_t at,
                            struct span *sku_out)
{
    if (sku_normalise_kept(raw, build->contract->sku_steps, build->pool, sku_out) ==
        REASON_NONE)
        return STATUS_OK;
    return error_set(build->error, STATUS_FATAL,
                     "/policy/rules/%zu/when/skus/%zu: is no SKU: nothing is left of it "
                     "once normalised, or more than 255 characters; take it out",
                     build->rule, at);
}

static enum status take_list(const struct build *build, json_t *when, const char *name,
                             struct policy_list *out)
{
    json_t *list = json_object_get(when, name);
    size_t count = json_array_size(list);
    bool are_skus = strcmp(name, "skus") == 0;
    if (count == 0)
        return STATUS_OK;
    struct span *items = pool_take(build->pool, count * sizeof(*items));
    if (items == NULL)
        return no_memory(build->error);
    enum status status = STATUS_OK;
    for (size_t at = 0; at < count && status == STATUS_OK; at++) {
        struct span text = json_span(json_array_get(list, at));
        if (are_skus)
            status = take_sku(build, text, at, &items[at]);
        else
            items[at] = pool_span(build->pool, text);
        if (status == STATUS_OK && items[at].bytes == NULL)
            status = no_memory(build->error);
    }
    if (status == STATUS_OK)
        qsort(items, count, sizeof(*items),
              strcmp(name, "tags") == 0 ? compare_tags : compare_spans);
    *out = (struct policy_list){items, count};
    return status;
}

/* ---- conditions ----------------------------------------------------------------------- */

static uint32_t causes_of(json_t *list)
{
    uint32_t causes = 0;
    for (size_t at = 0; at < json_array_size(list); at++) {
        enum finding_cause cause;
        bool known = cause_parse(json_span(json_array_get(list, at)), &cause);
        ASSERT(known); /* the shape has the same words */
        causes |= UINT32_C(1) << cause;
    }
    return causes;
}

static unsigned risks_of(json_t *list)
{
    unsigned risks = 0;
    for (size_t at = 0; at < json_array_size(list); at++)
        risks |= span_is(json_span(json_array_get(list, at)), "high") ? POLICY_RISK_HIGH
                                                                      : POLICY_RISK_LOW;
    return risks;
}

static enum policy_direction direction_of(json_t *word)
{
    if (word == NULL)
        return POLICY_EITHER;
    return span_is(json_span(word), "over") ? POLICY_OVER : POLICY_UNDER;
}

struct range_names {
    const char *least;
    const char *most;
};

static struct policy_range range_of(json_t *when, struct range_names names,
                                    int64_t (*value)(json_t *number))
{
    json_t *least = json_object_get(when, names.least);
    json_t *most = json_object_get(when, names.most);
    return (struct policy_range){.has_least = least != NULL,
                                 .has_most = most != NULL,
                                 .least = least != NULL ? value(least) : 0,
                                 .most = most != NULL ? value(most) : 0};
}

static enum status take_when(const struct build *build, json_t *when,
                             struct policy_when *out)
{
    *out = (struct policy_when){
        .causes = causes_of(json_object_get(when, "causes")),
        .risks = risks_of(json_object_get(when, "risk")),
        .direction = direction_of(json_object_get(when, "direction")),
        .units = range_of(when, (struct range_names){"min_units", "max_units"}, whole_of),
        .percent =
            range_of(when, (struct range_names){"min_percent", "max_percent"}, share_of),
        .value = range_of(when, (struct range_names){"min_value", "max_value"},
                          contract_micros),
        .drifted = range_of(
            when, (struct range_names){"min_drifted_lately", "max_drifted_lately"},
            whole_of),
    };
    enum status status = take_list(build, when, "shops", &out->shops);
    if (status == STATUS_OK)
        status = take_list(build, when, "locations", &out->locations);
    if (status == STATUS_OK)
        status = take_list(build, when, "skus", &out->skus);
    if (status == STATUS_OK)
        status = take_list(build, when, "tags", &out->tags);
    return status;
}

/* ---- rules ---------------------------------------------------------------------------- */

static enum policy_action action_of(json_t *word)
{
    unsigned action = 0;
    while (action < POLICY_ACTION_COUNT &&
           !span_is(json_span(word), policy_action_name((enum policy_action)action)))
        action++;
    ASSERT(action < POLICY_ACTION_COUNT);
    return (enum policy_action)action;
}

static enum status take_rule(const struct build *build, json_t *rule,
                             struct policy_rule *out)
{
    json_t *runbook = json_object_get(rule, "runbook");
    out->id = pool_span(build->pool, json_span(json_object_get(rule, "id")));
    out->why = pool_span(build->pool, json_span(json_object_get(rule, "why")));
    out->action = action_of(json_object_get(rule, "do"));
    out->runbook = (struct span){0};
    if (runbook != NULL)
        out->runbook = pool_span(build->pool, json_span(runbook));
    if (out->id.bytes == NULL || out->why.bytes == NULL ||
        (runbook != NULL && out->runbook.bytes == NULL))
        return no_memory(build->error);
    return take_when(build, json_object_get(rule, "when"), &out->when);
}

/* ---- guards --------------------------------------------------------------------------- */

static void take_window(struct contract *contract)
{
    struct guard_limits *limits = &contract->guards;
    if (contract->guards_zeroed_levels)
        limits->window_levels = limits->zeroed_levels;
    if (!contract->guards_zeroed_share)
        return;
    limits->window_share = limits->zeroed_share;
    limits->window_few = GUARD_FEW_ZEROED;
}

static void take_guards(json_t *guards, struct contract *contract)
{
    const struct {
        const char *name;
        int64_t *limit;
        int64_t (*value)(json_t *number);
    } MEMBERS[] = {
        {"max_changed_levels", &contract->guards.changed_levels, whole_of},
        {"max_changed_percent", &contract->guards.changed_share, share_of},
        {"max_zeroed_levels", &contract->guards.zeroed_levels, whole_of},
        {"max_zeroed_percent", &contract->guards.zeroed_share, share_of},
        {"max_drifting_percent", &contract->guards.drifting_share, share_of},
        {"max_rewrites_per_day", &contract->guards.rewrites_per_day, whole_of},
    };
    contract->guards = GUARD_DEFAULTS;
    for (size_t at = 0; at < COUNT_OF(MEMBERS); at++) {
        json_t *number = json_object_get(guards, MEMBERS[at].name);
        if (number != NULL)
            *MEMBERS[at].limit = MEMBERS[at].value(number);
    }
    contract->guards_zeroed_levels = json_object_get(guards, "max_zeroed_levels") != NULL;
    contract->guards_zeroed_share = json_object_get(guards, "max_zeroed_percent") != NULL;
    take_window(contract);
}

enum status contract_build_policy(json_t *policy, struct pool *pool,
                                  struct contract *contract, struct error *error)
{
    json_t *list = json_object_get(policy, "rules");
    size_t count = json_array_size(list);
    struct build build = {.pool = pool, .contract = contract, .error = error};
    take_guards(json_object_get(policy, "guards"), contract);
    struct policy_rule *rules = pool_take(pool, count > 0 ? count * sizeof(*rules) : 1);
    if (rules == NULL)
        return no_memory(error);
    enum status status = STATUS_OK;
    for (; build.rule < count && status == STATUS_OK; build.rule++)
        status = take_rule(&build, json_array_get(list, build.rule), &rules[build.rule]);
    contract->policy = (struct policy){rules, count};
    return status;
}
