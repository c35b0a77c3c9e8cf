#include "common/domain/policy.h"

#include "common/base/check.h"
#include "common/domain/risk.h"

static const char *const ACTION_NAMES[POLICY_ACTION_COUNT] = {
    [POLICY_RESYNC] = "resync",
    [POLICY_ESCALATE] = "escalate",
    [POLICY_OBSERVE] = "observe",
    [POLICY_IGNORE] = "ignore",
};

const char *policy_action_name(enum policy_action action)
{
    ASSERT((unsigned)action < POLICY_ACTION_COUNT);
    return ACTION_NAMES[action];
}

/* ---- the rules behind those of the file ----------------------------------------------- */

#define OF(cause) (UINT32_C(1) << (cause))
#define TEXT(literal)                                                                    \
    {                                                                                    \
        .bytes = (literal), .length = sizeof(literal) - 1                                \
    }

static const struct policy_rule BUILTIN[] = {
    {.id = TEXT("builtin.high-risk"),
     .when = {.risks = POLICY_RISK_HIGH},
     .action = POLICY_ESCALATE,
     .why = TEXT("a person looks before a high-risk level is written")},
    {.id = TEXT("builtin.oversold"),
     .when = {.causes = OF(CAUSE_OVERSOLD)},
     .action = POLICY_ESCALATE,
     .why = TEXT("a buyer is waiting, and only the shelf tells what can be sent")},
    {.id = TEXT("builtin.item"),
     .when = {.causes = OF(CAUSE_IDENTITY) | OF(CAUSE_NOT_STOCKED) | OF(CAUSE_UNTRACKED) |
                        OF(CAUSE_REJECTED_WRITE)},
     .action = POLICY_ESCALATE,
     .why = TEXT("the item is wrong in the shop, which no level mends")},
    {.id = TEXT("builtin.doubt"),
     .when = {.causes = OF(CAUSE_SOURCE_CONFLICT) | OF(CAUSE_STALE_SOURCE) |
                        OF(CAUSE_ORDER_NOT_IN_SOURCE) | OF(CAUSE_DOUBLE_APPLY)},
     .action = POLICY_ESCALATE,
     .why = TEXT("what should be shown is itself in doubt")},
    {.id = TEXT("builtin.on-its-way"),
     .when = {.causes = OF(CAUSE_QUEUE_DELAY) | OF(CAUSE_THROTTLED)},
     .action = POLICY_OBSERVE,
     .why = TEXT("the level is on its way; another write would wait in the same queue")},
    {.id = TEXT("builtin.known"),
     .when = {.causes = OF(CAUSE_LOST_WRITE) | OF(CAUSE_MISSED_EVENT) |
                        OF(CAUSE_EXTERNAL_WRITER) | OF(CAUSE_POLICY_CHANGED)},
     .action = POLICY_RESYNC,
     .why = TEXT("what should be shown is proven, and writing it mends it")},
    {.id = TEXT("builtin.unknown-over"),
     .when = {.causes = OF(CAUSE_UNKNOWN), .direction = POLICY_OVER},
     .action = POLICY_RESYNC,
     .why = TEXT("too high a level sells what is not there; lowering it sells nothing")},
    {.id = TEXT("builtin.rest"),
     .action = POLICY_ESCALATE,
     .why = TEXT("nothing says that a machine may mend it")},
};

const struct policy_rule *policy_builtin(size_t at)
{
    return at < COUNT_OF(BUILTIN) ? &BUILTIN[at] : NULL;
}

/* ---- what no rule may ask for --------------------------------------------------------- */

static bool is_high_risk(const struct policy_facts *facts)
{
    return facts->is_high_risk;
}

static bool is_without_level(const struct policy_facts *facts)
{
    return !facts->has_desired;
}

static bool is_no_matter_of_level(const struct policy_facts *facts)
{
    return cause_kind(facts->cause)->write == CAUSE_WRITE_NOTHING;
}

static bool is_raised_in_doubt(const struct policy_facts *facts)
{
    return cause_kind(facts->cause)->write == CAUSE_WRITE_LOWERS && facts->residual <= 0;
}

static const struct policy_bar BARS[] = {
    {"bar.high-risk", is_high_risk, "high-risk levels are always for a person"},
    {"bar.no-level", is_without_level, "nothing is known that could be written"},
    {"bar.no-help", is_no_matter_of_level, "a write can not mend this cause"},
    {"bar.raise-in-doubt", is_raised_in_doubt,
     "raising a level that is in doubt could sell units that are gone"},
};

const struct policy_bar *policy_bar(size_t at)
{
    return at < COUNT_OF(BARS) ? &BARS[at] : NULL;
}

/* ---- fitting -------------------------------------------------------------------------- */

static bool is_among(struct policy_list list, struct span wanted)
{
    if (list.count == 0)
        return true;
    size_t low = 0;
    size_t high = list.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = span_compare(list.items[middle], wanted);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* One of the finding's tags is one of the list's: the question that risk asks too. */
static bool bears_tag(struct policy_list list, struct span tags)
{
    if (list.count == 0)
        return true;
    const struct risk_rules wanted = {.tags = list.items, .tag_count = list.count};
    return risk_of(&wanted, &(struct risk_input){.tags = tags}).tagged;
}

/* An unknown number is in no range that has an end: nobody can say that it is. */
static bool is_within(const struct policy_range *range, bool known, int64_t number)
{
    if (!range->has_least && !range->has_most)
        return true;
    return known && (!range->has_least || number >= range->least) &&
           (!range->has_most || number <= range->most);
}

static int64_t size_of(int64_t residual)
{
    if (residual == INT64_MIN)
        return INT64_MAX;
    return residual < 0 ? -residual : residual;
}

/* In millionths of the desired level; of a level of 0 every difference is more than all. */
static int64_t share_of(const struct policy_facts *facts)
{
    int64_t units = size_of(facts->residual);
    int64_t level = size_of(facts->desired);
    if (units == 0)
        return 0;
    if (level == 0 || units > INT64_MAX / POLICY_WHOLE)
        return INT64_MAX;
    return units * POLICY_WHOLE / level;
}

static bool is_directed(enum policy_direction direction, int64_t residual)
{
    return direction == POLICY_EITHER ||
           (direction == POLICY_OVER ? residual > 0 : residual < 0);
}

static bool fits_numbers(const struct policy_when *when, const struct policy_facts *facts)
{
    return is_within(&when->units, true, size_of(facts->residual)) &&
           is_within(&when->percent, facts->has_desired, share_of(facts)) &&
           is_within(&when->value, facts->has_value, facts->value_micros) &&
           is_within(&when->drifted, true, facts->drifted_lately);
}

bool policy_fits(const struct policy_when *when, const struct policy_facts *facts)
{
    unsigned risk = facts->is_high_risk ? POLICY_RISK_HIGH : POLICY_RISK_LOW;
    return (when->causes == 0 || (when->causes & OF(facts->cause)) != 0) &&
           (when->risks == 0 || (when->risks & risk) != 0) &&
           is_among(when->shops, facts->shop) &&
           is_among(when->locations, facts->location) &&
           is_among(when->skus, facts->sku) && bears_tag(when->tags, facts->tags) &&
           is_directed(when->direction, facts->residual) && fits_numbers(when, facts);
}

/* ---- the verdict ---------------------------------------------------------------------- */

static const struct policy_rule *first_fitting(const struct policy *policy,
                                               const struct policy_facts *facts,
                                               bool *is_builtin_out)
{
    *is_builtin_out = false;
    for (size_t at = 0; at < policy->count; at++)
        if (policy_fits(&policy->rules[at].when, facts))
            return &policy->rules[at];
    *is_builtin_out = true;
    for (size_t at = 0; at < COUNT_OF(BUILTIN); at++)
        if (policy_fits(&BUILTIN[at].when, facts))
            return &BUILTIN[at];
    UNREACHABLE("the last built-in rule fits everything");
}

static const struct policy_bar *first_bar(const struct policy_facts *facts)
{
    for (size_t at = 0; at < COUNT_OF(BARS); at++)
        if (BARS[at].holds(facts))
            return &BARS[at];
    return NULL;
}

struct policy_verdict policy_judge(const struct policy *policy,
                                   const struct policy_facts *facts)
{
    struct policy_verdict verdict = {0};
    verdict.rule = first_fitting(policy, facts, &verdict.is_builtin);
    verdict.action = verdict.rule->action;
    if (verdict.action == POLICY_RESYNC)
        verdict.bar = first_bar(facts);
    if (verdict.bar != NULL)
        verdict.action = POLICY_ESCALATE;
    verdict.runbook = verdict.rule->runbook.bytes != NULL
                          ? verdict.rule->runbook
                          : span_from(cause_kind(facts->cause)->runbook);
    return verdict;
}
