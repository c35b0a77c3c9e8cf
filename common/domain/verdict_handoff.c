/*
 * The hand-off of verdict.h: what leads, and who takes it over.
 */
#include "common/base/check.h"
#include "common/domain/verdict.h"

#define HANDOFF_DELAYS                                                                   \
    "levels were right and waited: more replicas, partitions or a larger bucket, not "   \
    "another rule"

static struct verdict_handoff delays(const struct kpi_period *period)
{
    return (struct verdict_handoff){.to = "workflow-orchestration",
                                    .leads = "delays",
                                    .part = kpi_cause_sum(period, CAUSE_QUEUE_DELAY) +
                                            kpi_cause_sum(period, CAUSE_THROTTLED),
                                    .why = HANDOFF_DELAYS};
}

static struct verdict_handoff alerts(const struct kpi_period *period)
{
    return (struct verdict_handoff){
        .to = "observability",
        .leads = "alerts",
        .part = kpi_period_sum(period, KPI_ALERTS_LATE) +
                kpi_period_sum(period, KPI_ALERTS_LOST),
        .why = "people were told late or not at all: the routes come first"};
}

static struct verdict_handoff of_cause(const struct kpi_period *period,
                                       enum finding_cause cause)
{
    const struct cause_kind *kind = cause_kind(cause);
    return (struct verdict_handoff){.to = kind->handoff,
                                    .leads = kind->name,
                                    .part = kpi_cause_sum(period, cause),
                                    .why = kind->why};
}

static void lead(struct verdict_handoff *leads, struct verdict_handoff other)
{
    int64_t whole = leads->whole + other.part;
    if (other.part > leads->part)
        *leads = other;
    leads->whole = whole;
}

struct verdict_handoff verdict_handoff(const struct kpi_period *period)
{
    struct verdict_handoff leads = {
        .to = "none", .leads = "nothing", .why = "nothing differed, and alerts came"};
    lead(&leads, delays(period));
    lead(&leads, alerts(period));
    for (unsigned cause = 0; cause < CAUSE_COUNT; cause++)
        if (cause != CAUSE_QUEUE_DELAY && cause != CAUSE_THROTTLED)
            lead(&leads, of_cause(period, (enum finding_cause)cause));
    return leads;
}
