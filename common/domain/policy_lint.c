#include "common/domain/policy_lint.h"

#include "common/base/check.h"
#include "common/domain/alert.h"
#include "common/domain/risk.h"

struct fault_row {
    const char *id;
    const char *text;
    bool has_other;
    enum policy_fault_place place;
};

static const struct fault_row ROWS[POLICY_FAULT_KIND_COUNT] = {
    [POLICY_FAULT_SAME_ID] =
        {"same_id",
         "its id is used before; ids stand in logs and incidents, so "
         "give each rule its own",
         true, POLICY_OF_RULE},
    [POLICY_FAULT_CONTRADICTION] = {"contradiction",
                                    "an earlier rule has the same conditions and does "
                                    "something else; keep one of them",
                                    true, POLICY_OF_RULE},
    [POLICY_FAULT_REPETITION] = {"repetition",
                                 "an earlier rule says the very same; take one out", true,
                                 POLICY_OF_RULE},
    [POLICY_FAULT_UNREACHABLE] = {"unreachable",
                                  "an earlier rule takes all that fits this one; put it "
                                  "before that one or take it out",
                                  true, POLICY_OF_RULE},
    [POLICY_FAULT_NEVER] = {"never", "its conditions can not hold together; correct them",
                            false, POLICY_OF_RULE},
    [POLICY_FAULT_BARRED] = {"barred",
                             "asks for a resync of findings that only a person may have "
                             "resynced; let it escalate",
                             false, POLICY_OF_RULE},
    [POLICY_FAULT_NO_SHOP] = {"unknown_shop",
                              "names a shop that the contract does not have; correct it",
                              false, POLICY_OF_RULE},
    [POLICY_FAULT_NO_LOCATION] =
        {"unknown_location",
         "names a location that no shop of the rule has; correct "
         "it",
         false, POLICY_OF_RULE},
    [POLICY_FAULT_ALIAS] = {"alias",
                            "names a location by an alias, and findings carry codes; use "
                            "the code",
                            false, POLICY_OF_RULE},
    [POLICY_FAULT_RUNBOOK] = {"runbook",
                              "its runbook is neither an https URL nor a path below "
                              "docs/; nobody will find it",
                              false, POLICY_OF_RULE},
    [POLICY_FAULT_GUARD_ABOVE] = {"guard_without_effect",
                                  "the limit of zeroed levels is above that of changed "
                                  "ones, which stops first; lower it",
                                  false, POLICY_OF_GUARDS},
    [POLICY_FAULT_GUARD_STOPS] = {"guard_stops_all",
                                  "a limit of 0 changed levels stops every resync that "
                                  "the rules ask for; raise it or let them escalate",
                                  false, POLICY_OF_GUARDS},
    [POLICY_FAULT_UNHEARD] =
        {"unheard",
         "there are routes, and none carries incidents of this class, "
         "or not of every shop; widen one, or add one",
         false, POLICY_OF_ALERTS},
    [POLICY_FAULT_KPI_IDLE] = {"kpi_without_effect",
                               "no week can break this limit, so that it hides what it "
                               "should show; correct it or leave it out",
                               false, POLICY_OF_KPI},
    [POLICY_FAULT_KPI_NEVER] =
        {"kpi_never_holds",
         "differences are found by sweeps, and this is shorter than the time between two of "
         "them; raise it or lower drift.interval_seconds",
         false, POLICY_OF_KPI},
};

const char *policy_fault_id(enum policy_fault_kind kind)
{
    ASSERT((unsigned)kind < POLICY_FAULT_KIND_COUNT);
    return ROWS[kind].id;
}

const char *policy_fault_text(enum policy_fault_kind kind)
{
    ASSERT((unsigned)kind < POLICY_FAULT_KIND_COUNT);
    return ROWS[kind].text;
}

bool policy_fault_has_other(enum policy_fault_kind kind)
{
    ASSERT((unsigned)kind < POLICY_FAULT_KIND_COUNT);
    return ROWS[kind].has_other;
}

enum policy_fault_place policy_fault_place(enum policy_fault_kind kind)
{
    ASSERT((unsigned)kind < POLICY_FAULT_KIND_COUNT);
    return ROWS[kind].place;
}

/* ---- does one condition hold wherever another does? ------------------------------------ */

typedef int order_fn(struct span left, struct span right);

/* Both sorted. An empty list is every value there is. */
static bool list_covers(struct policy_list wide, struct policy_list narrow,
                        order_fn *order)
{
    size_t at = 0;
    if (wide.count == 0)
        return true;
    for (size_t each = 0; each < narrow.count; each++) {
        while (at < wide.count && order(wide.items[at], narrow.items[each]) < 0)
            at++;
        if (at == wide.count || order(wide.items[at], narrow.items[each]) != 0)
            return false;
    }
    return narrow.count > 0;
}

static bool set_covers(uint32_t wide, uint32_t narrow)
{
    return wide == 0 || (narrow != 0 && (narrow & ~wide) == 0);
}

static bool range_covers(const struct policy_range *wide,
                         const struct policy_range *narrow)
{
    bool least = !wide->has_least || (narrow->has_least && narrow->least >= wide->least);
    bool most = !wide->has_most || (narrow->has_most && narrow->most <= wide->most);
    return least && most;
}

static bool numbers_cover(const struct policy_when *wide,
                          const struct policy_when *narrow)
{
    return range_covers(&wide->units, &narrow->units) &&
           range_covers(&wide->percent, &narrow->percent) &&
           range_covers(&wide->value, &narrow->value) &&
           range_covers(&wide->drifted, &narrow->drifted);
}

bool policy_covers(const struct policy_when *wide, const struct policy_when *narrow)
{
    return set_covers(wide->causes, narrow->causes) &&
           set_covers(wide->risks, narrow->risks) &&
           list_covers(wide->shops, narrow->shops, span_compare) &&
           list_covers(wide->locations, narrow->locations, span_compare) &&
           list_covers(wide->skus, narrow->skus, span_compare) &&
           list_covers(wide->tags, narrow->tags, risk_tag_compare) &&
           (wide->direction == POLICY_EITHER || wide->direction == narrow->direction) &&
           numbers_cover(wide, narrow);
}

/* ---- what is found -------------------------------------------------------------------- */

struct faults {
    struct policy_fault *items;
    size_t max;
    size_t count;
};

static void add(struct faults *faults, const struct policy_fault *fault)
{
    if (faults->count < faults->max)
        faults->items[faults->count] = *fault;
    faults->count++;
}

static enum policy_fault_kind kind_of_cover(const struct policy_rule *before,
                                            const struct policy_rule *rule)
{
    if (!policy_covers(&rule->when, &before->when))
        return POLICY_FAULT_UNREACHABLE;
    return rule->action == before->action ? POLICY_FAULT_REPETITION
                                          : POLICY_FAULT_CONTRADICTION;
}

/* The first rule in the way is the one to name. */
static void look_before(const struct policy *policy, size_t at, struct faults *faults)
{
    const struct policy_rule *rule = &policy->rules[at];
    bool is_named = false;
    bool is_covered = false;
    for (size_t other = 0; other < at && !(is_named && is_covered); other++) {
        const struct policy_rule *before = &policy->rules[other];
        struct policy_fault fault = {.rule = at, .other = other, .name = before->id};
        if (!is_named && span_equal(before->id, rule->id)) {
            fault.kind = POLICY_FAULT_SAME_ID;
            add(faults, &fault);
            is_named = true;
        }
        if (!is_covered && policy_covers(&before->when, &rule->when)) {
            fault.kind = kind_of_cover(before, rule);
            add(faults, &fault);
            is_covered = true;
        }
    }
}

static bool is_empty(const struct policy_range *range)
{
    return range->has_least && range->has_most && range->least > range->most;
}

/* A difference of nothing has no direction. */
static bool can_never_hold(const struct policy_when *when)
{
    bool no_units = when->units.has_most && when->units.most == 0;
    bool no_share = when->percent.has_most && when->percent.most == 0;
    return is_empty(&when->units) || is_empty(&when->percent) || is_empty(&when->value) ||
           is_empty(&when->drifted) ||
           (when->direction != POLICY_EITHER && (no_units || no_share));
}

/* Are all findings that could fit barred from being resynced? */
static bool is_barred(const struct policy_rule *rule)
{
    const struct policy_when *when = &rule->when;
    bool all_barred = when->causes != 0;
    if (rule->action != POLICY_RESYNC)
        return false;
    if (when->risks == POLICY_RISK_HIGH)
        return true;
    for (unsigned cause = 0; cause < CAUSE_COUNT; cause++) {
        enum cause_write write = cause_kind((enum finding_cause)cause)->write;
        bool barred = write == CAUSE_WRITE_NOTHING ||
                      (write == CAUSE_WRITE_LOWERS && when->direction == POLICY_UNDER);
        if ((when->causes & (UINT32_C(1) << cause)) != 0 && !barred)
            all_barred = false;
    }
    return all_barred;
}

static bool is_wanted(const struct policy_when *when, struct span shop)
{
    for (size_t at = 0; at < when->shops.count; at++)
        if (span_equal(when->shops.items[at], shop))
            return true;
    return when->shops.count == 0;
}

static bool is_shown_somewhere(const struct contract *contract,
                               const struct policy_when *when, int location)
{
    for (size_t at = 0; at < contract->shop_count; at++)
        if (is_wanted(when, contract->shops[at].name) &&
            contract->shops[at].gids[location].bytes != NULL)
            return true;
    return false;
}

static void look_names(const struct contract *contract, size_t at, struct faults *faults)
{
    const struct policy_when *when = &contract->policy.rules[at].when;
    for (size_t each = 0; each < when->shops.count; each++)
        if (contract_shop(contract, when->shops.items[each]) < 0)
            add(faults, &(struct policy_fault){.kind = POLICY_FAULT_NO_SHOP,
                                               .rule = at,
                                               .name = when->shops.items[each]});
    for (size_t each = 0; each < when->locations.count; each++) {
        struct span name = when->locations.items[each];
        int location = contract_location(contract, name);
        struct policy_fault fault = {.rule = at, .name = name};
        if (location >= 0 && !span_equal(contract->locations[location].code, name))
            fault.kind = POLICY_FAULT_ALIAS;
        else if (location < 0 || !is_shown_somewhere(contract, when, location))
            fault.kind = POLICY_FAULT_NO_LOCATION;
        else
            continue;
        add(faults, &fault);
    }
}

static bool starts_with(struct span text, struct span start)
{
    return text.length > start.length &&
           memcmp(text.bytes, start.bytes, start.length) == 0;
}

static void look_at(const struct contract *contract, size_t at, struct faults *faults)
{
    const struct policy_rule *rule = &contract->policy.rules[at];
    look_before(&contract->policy, at, faults);
    if (can_never_hold(&rule->when))
        add(faults, &(struct policy_fault){.kind = POLICY_FAULT_NEVER, .rule = at});
    if (is_barred(rule))
        add(faults, &(struct policy_fault){.kind = POLICY_FAULT_BARRED, .rule = at});
    look_names(contract, at, faults);
    if (rule->runbook.bytes != NULL && !starts_with(rule->runbook, SPAN_OF("docs/")) &&
        !starts_with(rule->runbook, SPAN_OF("https://")))
        add(faults, &(struct policy_fault){
                        .kind = POLICY_FAULT_RUNBOOK, .rule = at, .name = rule->runbook});
}

static bool any_resyncs(const struct policy *policy)
{
    for (size_t at = 0; at < policy->count; at++)
        if (policy->rules[at].action == POLICY_RESYNC)
            return true;
    return false;
}

static void look_guards(const struct contract *contract, struct faults *faults)
{
    const struct guard_limits *limits = &contract->guards;
    bool is_zero = limits->changed_levels == 0;
    if (is_zero && any_resyncs(&contract->policy))
        add(faults, &(struct policy_fault){.kind = POLICY_FAULT_GUARD_STOPS,
                                           .name = SPAN_OF("max_changed_levels")});
    if (contract->guards_zeroed_levels && limits->zeroed_levels > limits->changed_levels)
        add(faults, &(struct policy_fault){.kind = POLICY_FAULT_GUARD_ABOVE,
                                           .name = SPAN_OF("max_zeroed_levels")});
    if (contract->guards_zeroed_share && limits->zeroed_share > limits->changed_share)
        add(faults, &(struct policy_fault){.kind = POLICY_FAULT_GUARD_ABOVE,
                                           .name = SPAN_OF("max_zeroed_percent")});
}

/* Some cause will do: a route may be for those that it names. */
static bool is_carried(const struct alert_route *route, struct alert_facts *facts)
{
    for (unsigned cause = 0; cause < CAUSE_COUNT; cause++) {
        facts->cause = span_from(cause_kind((enum finding_cause)cause)->name);
        if (alert_carry(route, facts)->carries)
            return true;
    }
    return false;
}

static bool is_heard(const struct contract *contract, struct alert_facts *facts)
{
    for (size_t at = 0; at < contract->alert_count; at++)
        if (is_carried(&contract->alerts[at], facts))
            return true;
    return false;
}

/* A person may choose not to hear of warnings; of errors, hardly of a whole class. */
static void look_class(const struct contract *contract, const struct incident_kind *kind,
                       struct faults *faults)
{
    struct alert_facts facts = {.class = span_from(kind->id)};
    bool is_known = alert_severity_parse(span_from(kind->severity), &facts.severity);
    bool is_grave = facts.severity == ALERT_CRITICAL || facts.severity == ALERT_ERROR;
    ASSERT(is_known);
    for (size_t shop = 0; is_grave && shop < contract->shop_count; shop++) {
        facts.shop = contract->shops[shop].name;
        if (is_heard(contract, &facts))
            continue;
        add(faults, &(struct policy_fault){.kind = POLICY_FAULT_UNHEARD,
                                           .name = span_from(kind->id)});
        return;
    }
}

/* Without a route, whoever subscribes to the topic of incidents tells of them. */
static void look_alerts(const struct contract *contract, struct faults *faults)
{
    for (size_t class = 0; class < INCIDENT_CLASS_COUNT && contract->alert_count > 0;
         class ++)
        look_class(contract, incident_kind((enum incident_class) class), faults);
}

/* Of everything (what may be is all), or nothing (what must be is none). */
static bool is_idle(const struct kpi_limit *row, int64_t value)
{
    bool is_most = row->key[1] == 'a'; /* max_.., or min_.. */
    return is_most ? row->kind == KPI_LIMIT_SHARE && value >= KPI_WHOLE : value == 0;
}

static void look_kpi(const struct contract *contract, struct faults *faults)
{
    size_t count;
    const struct kpi_limit *rows = kpi_limits_table(&count);
    for (size_t at = 0; at < count; at++) {
        int64_t value = kpi_limit_value(&contract->kpi, &rows[at]);
        if (is_idle(&rows[at], value))
            add(faults, &(struct policy_fault){.kind = POLICY_FAULT_KPI_IDLE,
                                               .name = span_from(rows[at].key)});
    }
    if (contract->kpi.detect_ms >= 0 &&
        contract->kpi.detect_ms < contract->drift_interval_seconds * 1000)
        add(faults, &(struct policy_fault){.kind = POLICY_FAULT_KPI_NEVER,
                                           .name = SPAN_OF("max_detection_seconds")});
}

size_t policy_lint(const struct contract *contract, struct policy_fault *items,
                   size_t max)
{
    struct faults faults = {.items = items, .max = max};
    for (size_t at = 0; at < contract->policy.count; at++)
        look_at(contract, at, &faults);
    look_guards(contract, &faults);
    look_alerts(contract, &faults);
    look_kpi(contract, &faults);
    return faults.count;
}
