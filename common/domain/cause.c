#include "common/domain/cause.h"

#include "common/base/check.h"

#define PAGE(name) "docs/runbooks/" name ".md"

static const struct cause_kind KINDS[CAUSE_COUNT] = {
    [CAUSE_MISSED_EVENT] = {"missed_event", CAUSE_WRITE_MENDS, "none",
                            PAGE("missed_event"),
                            "the shop never heard of a change that is applied here"},
    [CAUSE_LOST_WRITE] = {"lost_write", CAUSE_WRITE_MENDS, "none", PAGE("lost_write"),
                          "a write that was taken for done is not in the shop"},
    [CAUSE_REJECTED_WRITE] = {"rejected_write", CAUSE_WRITE_NOTHING, "none",
                              PAGE("rejected_write"),
                              "the shop refuses the pair: another write is refused too"},
    [CAUSE_QUEUE_DELAY] = {"queue_delay", CAUSE_WRITE_MENDS, "workflow-orchestration",
                           PAGE("queue_delay"),
                           "the level is right and waits in a queue"},
    [CAUSE_THROTTLED] = {"throttled", CAUSE_WRITE_MENDS, "workflow-orchestration",
                         PAGE("throttled"),
                         "the level is right and waits for the shop's bucket"},
    [CAUSE_EXTERNAL_WRITER] =
        {"external_writer", CAUSE_WRITE_MENDS, "none", PAGE("external_writer"),
         "somebody else wrote the shop; the contract says who rules"},
    [CAUSE_ORDER_NOT_IN_SOURCE] =
        {"order_not_in_source", CAUSE_WRITE_LOWERS, "none", PAGE("order_not_in_source"),
         "the source has not seen an order: raising the level would sell its units again"},
    [CAUSE_SOURCE_CONFLICT] = {"source_conflict", CAUSE_WRITE_LOWERS, "inventory",
                               PAGE("source_conflict"),
                               "sources disagree: which of them is right nobody knows"},
    [CAUSE_STALE_SOURCE] = {"stale_source", CAUSE_WRITE_LOWERS, "inventory",
                            PAGE("stale_source"),
                            "the number is older than its source may be: units of it may "
                            "be gone"},
    [CAUSE_IDENTITY] = {"identity", CAUSE_WRITE_NOTHING, "none", PAGE("identity"),
                        "the SKU stands for another item or for several: a level would "
                        "land on the wrong one"},
    [CAUSE_NOT_STOCKED] = {"not_stocked", CAUSE_WRITE_NOTHING, "none",
                           PAGE("not_stocked"),
                           "the shop keeps no level of the item there"},
    [CAUSE_UNTRACKED] =
        {"untracked", CAUSE_WRITE_NOTHING, "none", PAGE("untracked"),
         "the shop does not count the item: no level of it means anything"},
    [CAUSE_POLICY_CHANGED] = {"policy_changed", CAUSE_WRITE_MENDS, "none",
                              PAGE("policy_changed"),
                              "the contract was changed and the level follows it"},
    [CAUSE_DOUBLE_APPLY] = {"double_apply", CAUSE_WRITE_LOWERS, "none",
                            PAGE("double_apply"),
                            "a change was counted twice somewhere: which side did is not "
                            "proven"},
    [CAUSE_OVERSOLD] = {"oversold", CAUSE_WRITE_NOTHING, "inventory", PAGE("oversold"),
                        "more was sold than there is: no level brings the units back"},
    [CAUSE_UNKNOWN] =
        {"unknown", CAUSE_WRITE_LOWERS, "none", PAGE("unknown"),
         "nothing proves which side is wrong: lower is safe, higher is not"},
};

const struct cause_kind *cause_kind(enum finding_cause cause)
{
    ASSERT((unsigned)cause < CAUSE_COUNT);
    return &KINDS[cause];
}

bool cause_parse(struct span name, enum finding_cause *cause_out)
{
    for (unsigned at = 0; at < CAUSE_COUNT; at++) {
        if (!span_is(name, KINDS[at].name))
            continue;
        *cause_out = (enum finding_cause)at;
        return true;
    }
    return false;
}
