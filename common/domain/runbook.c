#include "common/domain/runbook.h"

#include "common/base/check.h"
#include "common/domain/drift.h"
#include "common/domain/feed_guard.h"
#include "common/domain/guard.h"
#include "common/domain/incident.h"
#include "common/domain/push_rules.h"
#include "common/domain/suspect.h"
#include "common/domain/verify.h"

static const char *const KIND_NAMES[RUNBOOK_KIND_COUNT] = {
    [RUNBOOK_CAUSE] = "cause",
    [RUNBOOK_DRIFT_RULE] = "drift rule",
    [RUNBOOK_CLASS] = "incident class",
    [RUNBOOK_GUARD] = "guard",
    [RUNBOOK_FEED_GUARD] = "guard of feeds",
    [RUNBOOK_REFUSAL] = "refusal of a shop",
    [RUNBOOK_VERIFY_RULE] = "rule of verify",
    [RUNBOOK_SUSPECT] = "suspect",
    [RUNBOOK_SOP] = "procedure",
    [RUNBOOK_POLICY_RULE] = "policy rule",
    [RUNBOOK_ALERT] = "alert",
};

const char *runbook_kind_name(enum runbook_kind kind)
{
    ASSERT((size_t)kind < RUNBOOK_KIND_COUNT);
    return KIND_NAMES[kind];
}

#define SOP(name) RUNBOOK_SOP_FOLDER name ".md"

/* The five steps to a synchronisation that can be trusted, and what frames them. */
static const struct {
    const char *id;
    const char *page;
} SOPS[] = {
    {"schema-lock", SOP("schema-lock")},
    {"write-contract", SOP("write-contract")},
    {"drift-detector", SOP("drift-detector")},
    {"mismatch-policy", SOP("mismatch-policy")},
    {"incident-log", SOP("incident-log")},
    {"readiness-checklist", SOP("readiness-checklist")},
    {"weekly-decision", SOP("weekly-decision")},
    {"release-verification", SOP("release-verification")},
};

static struct runbook_subject make(enum runbook_kind kind, const char *id,
                                   const char *page)
{
    ASSERT(id != NULL && page != NULL);
    return (struct runbook_subject){kind, span_from(id), span_from(page)};
}

/* ---- one a kind: the subject at a place of its table ---------------------------------- */

static struct runbook_subject cause_at(size_t at)
{
    const struct cause_kind *cause = cause_kind((enum finding_cause)at);
    return make(RUNBOOK_CAUSE, cause->name, cause->runbook);
}

static struct runbook_subject drift_rule_at(size_t at)
{
    const struct drift_rule *rule = &DRIFT_RULES[at];
    return make(RUNBOOK_DRIFT_RULE, rule->id, cause_kind(rule->cause)->runbook);
}

static struct runbook_subject class_at(size_t at)
{
    const struct incident_kind *kind = incident_kind((enum incident_class)at);
    return make(RUNBOOK_CLASS, kind->id, kind->runbook);
}

static struct runbook_subject guard_at(size_t at)
{
    const struct guard_kind *kind = guard_kind((enum guard)at);
    return make(RUNBOOK_GUARD, kind->id, kind->runbook);
}

/* The first row is "none". */
static struct runbook_subject feed_guard_at(size_t at)
{
    const struct feed_guard_row *row = feed_guard_row((enum feed_guard)(at + 1));
    return make(RUNBOOK_FEED_GUARD, row->id, row->runbook);
}

static size_t refusal_count(void)
{
    size_t count = 0;
    for (size_t at = 0; at < PUSH_RULES_COUNT; at++)
        count += PUSH_RULES[at].verdict == PUSH_QUARANTINE_PAIR ? 1 : 0;
    return count;
}

static struct runbook_subject refusal_at(size_t wanted)
{
    size_t at = 0;
    for (size_t found = 0; at < PUSH_RULES_COUNT; at++)
        if (PUSH_RULES[at].verdict == PUSH_QUARANTINE_PAIR && found++ == wanted)
            break;
    ASSERT(at < PUSH_RULES_COUNT);
    return make(RUNBOOK_REFUSAL, PUSH_RULES[at].id,
                incident_kind(INCIDENT_PUSH_REFUSED)->runbook);
}

static size_t verify_rule_count(void)
{
    size_t count = 0;
    for (size_t at = 0; at < VERIFY_RULES_COUNT; at++)
        count += VERIFY_RULES[at].runbook[0] != '\0' ? 1 : 0;
    return count;
}

static struct runbook_subject verify_rule_at(size_t wanted)
{
    size_t at = 0;
    for (size_t found = 0; at < VERIFY_RULES_COUNT; at++)
        if (VERIFY_RULES[at].runbook[0] != '\0' && found++ == wanted)
            break;
    ASSERT(at < VERIFY_RULES_COUNT);
    return make(RUNBOOK_VERIFY_RULE, VERIFY_RULES[at].id, VERIFY_RULES[at].runbook);
}

static struct runbook_subject suspect_at(size_t at)
{
    return make(RUNBOOK_SUSPECT, SUSPECT_RULES[at].id, SUSPECT_RULES[at].runbook);
}

static struct runbook_subject sop_at(size_t at)
{
    return make(RUNBOOK_SOP, SOPS[at].id, SOPS[at].page);
}

bool runbook_subject(size_t at, struct runbook_subject *out)
{
    const struct {
        size_t count;
        struct runbook_subject (*subject)(size_t at);
    } TABLES[] = {
        {CAUSE_COUNT, cause_at},
        {DRIFT_RULES_COUNT, drift_rule_at},
        {INCIDENT_CLASS_COUNT, class_at},
        {GUARD_COUNT, guard_at},
        {FEED_GUARD_COUNT - 1, feed_guard_at},
        {refusal_count(), refusal_at},
        {verify_rule_count(), verify_rule_at},
        {SUSPECT_RULES_COUNT, suspect_at},
        {COUNT_OF(SOPS), sop_at},
    };
    for (size_t table = 0; table < COUNT_OF(TABLES); table++) {
        if (at < TABLES[table].count) {
            *out = TABLES[table].subject(at);
            return true;
        }
        at -= TABLES[table].count;
    }
    return false;
}
