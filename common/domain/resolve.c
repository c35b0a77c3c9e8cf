#include "common/domain/resolve.h"

#include "common/base/check.h"

static const char *const RUNS[RESOLVE_RUN_COUNT] = {
    [RESOLVE_RUN_PASSES] = "passes",
    [RESOLVE_RUN_STOPPED] = "stopped",
    [RESOLVE_RUN_RELEASED] = "released",
    [RESOLVE_RUN_REJECTED] = "rejected",
};

static const char *const STATES[] = {
    [RESOLVE_NONE] = "none",
    [RESOLVE_HELD] = "held",
    [RESOLVE_PENDING] = "pending",
    [RESOLVE_DROPPED] = "dropped",
};

const char *resolve_run_name(enum resolve_run run)
{
    ASSERT((unsigned)run < RESOLVE_RUN_COUNT);
    return RUNS[run];
}

bool resolve_run_parse(struct span name, enum resolve_run *run_out)
{
    for (unsigned at = 0; at < RESOLVE_RUN_COUNT; at++) {
        if (!span_is(name, RUNS[at]))
            continue;
        *run_out = (enum resolve_run)at;
        return true;
    }
    return false;
}

const char *resolve_state_name(enum resolve_state state)
{
    ASSERT((unsigned)state < COUNT_OF(STATES));
    return STATES[state];
}

static enum resolve_state state_of(const struct resolve_question *question)
{
    switch (question->run) {
    case RESOLVE_RUN_RELEASED:
        return RESOLVE_PENDING;
    case RESOLVE_RUN_REJECTED:
        return RESOLVE_DROPPED;
    case RESOLVE_RUN_STOPPED:
        return RESOLVE_HELD;
    case RESOLVE_RUN_PASSES:
    case RESOLVE_RUN_COUNT:
        break;
    }
    return question->shop_is_stopped ? RESOLVE_HELD : RESOLVE_PENDING;
}

struct resolve_decision resolve_decide(const struct resolve_question *question)
{
    const struct contract *contract = question->contract;
    const struct policy_facts facts =
        finding_facts(contract, question->finding, question->beside);
    struct resolve_decision decision = {.bar = "", .bar_why = ""};
    decision.verdict = policy_judge(&contract->policy, &facts);
    decision.action = decision.verdict.action;
    if (decision.verdict.bar != NULL) {
        decision.bar = decision.verdict.bar->id;
        decision.bar_why = decision.verdict.bar->why;
    }
    if (decision.action != POLICY_RESYNC)
        return decision;
    if (!guard_of_pair(&contract->guards, question->beside->rewrites)) {
        decision.action = POLICY_ESCALATE;
        decision.bar = guard_kind(GUARD_SECOND_WRITER)->id;
        decision.bar_why = guard_kind(GUARD_SECOND_WRITER)->why;
        decision.is_of_second_writer = true;
        return decision;
    }
    decision.state = state_of(question);
    return decision;
}
