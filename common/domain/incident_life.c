#include "common/domain/incident_life.h"

#include "common/base/check.h"

#define SECOND_US INT64_C(1000000)
#define CLOSED_TOO_SOON_US (7 * 86400 * SECOND_US)

static const char *const PROPOSAL_NAMES[INCIDENT_PROPOSAL_COUNT] = {
#define X(name, text) [INCIDENT_PROPOSAL_##name] = text,
    INCIDENT_PROPOSALS(X)
#undef X
};

const char *incident_proposal_name(enum incident_proposal proposal)
{
    ASSERT((size_t)proposal < INCIDENT_PROPOSAL_COUNT);
    return PROPOSAL_NAMES[proposal];
}

bool incident_proposal_parse(struct span text, enum incident_proposal *proposal_out)
{
    for (int at = 0; at < INCIDENT_PROPOSAL_COUNT; at++) {
        if (!span_is(text, PROPOSAL_NAMES[at]))
            continue;
        *proposal_out = (enum incident_proposal)at;
        return true;
    }
    return false;
}

bool incident_state_parse(struct span text, enum incident_state *state_out)
{
    for (int state = 0; state < INCIDENT_STATE_COUNT; state++) {
        if (!span_is(text, incident_state_name((enum incident_state)state)))
            continue;
        *state_out = (enum incident_state)state;
        return true;
    }
    return false;
}

/* ---- what is done with it ------------------------------------------------------------- */

#define BIT(value) (1u << (value))
#define ANY (~0u)
#define ONE_STATE(name) BIT(INCIDENT_##name)
#define IS_OPEN (ONE_STATE(OPENED) | ONE_STATE(REOPENED) | ONE_STATE(ACKNOWLEDGED))
#define ONE_PROPOSAL(name) BIT(INCIDENT_PROPOSAL_##name)
#define UNDECIDED (ONE_PROPOSAL(WAITING) | ONE_PROPOSAL(APPROVED))
#define KEEPS (-1)

struct step_row {
    const char *id;
    unsigned verbs;
    unsigned states;
    unsigned proposals;
    bool allowed;
    int state;    /* enum incident_state, or KEEPS */
    int proposal; /* enum incident_proposal, or KEEPS */
    enum incident_state told;
    const char *why;
};

static const struct step_row STEPS[] = {
    {.id = "acknowledge",
     .verbs = BIT(INCIDENT_ACKNOWLEDGE),
     .states = ONE_STATE(OPENED) | ONE_STATE(REOPENED),
     .proposals = ANY,
     .allowed = true,
     .state = INCIDENT_ACKNOWLEDGED,
     .proposal = KEEPS,
     .told = INCIDENT_ACKNOWLEDGED,
     .why = "Somebody has it: others need not look, and nobody is called again."},
    {.id = "acknowledged_already",
     .verbs = BIT(INCIDENT_ACKNOWLEDGE),
     .states = ONE_STATE(ACKNOWLEDGED),
     .proposals = ANY,
     .why = "it is acknowledged already"},
    {.id = "acknowledge_over",
     .verbs = BIT(INCIDENT_ACKNOWLEDGE),
     .states = ONE_STATE(RESOLVED),
     .proposals = ANY,
     .why = "it is resolved; what comes back opens an incident by itself"},
    {.id = "decide_over",
     .verbs = BIT(INCIDENT_APPROVE) | BIT(INCIDENT_REJECT),
     .states = ONE_STATE(RESOLVED),
     .proposals = ANY,
     .why = "it is resolved, so that nothing is to be done any more"},
    {.id = "decide_nothing",
     .verbs = BIT(INCIDENT_APPROVE) | BIT(INCIDENT_REJECT),
     .states = IS_OPEN,
     .proposals = ONE_PROPOSAL(NONE) | ONE_PROPOSAL(WITHDRAWN),
     .why = "it proposes no action; its remediation says what to do"},
    {.id = "approve",
     .verbs = BIT(INCIDENT_APPROVE),
     .states = IS_OPEN,
     .proposals = ONE_PROPOSAL(WAITING),
     .allowed = true,
     .state = KEEPS,
     .proposal = INCIDENT_PROPOSAL_APPROVED,
     .told = INCIDENT_UPDATED,
     .why = "The action is due: resolve carries it out once."},
    {.id = "approved_already",
     .verbs = BIT(INCIDENT_APPROVE),
     .states = IS_OPEN,
     .proposals = ONE_PROPOSAL(APPROVED),
     .why = "its action is approved already"},
    {.id = "approve_rejected",
     .verbs = BIT(INCIDENT_APPROVE),
     .states = IS_OPEN,
     .proposals = ONE_PROPOSAL(REJECTED),
     .why = "its action was rejected; once the incident is resolved and the problem "
            "comes back, it is proposed anew"},
    {.id = "reject",
     .verbs = BIT(INCIDENT_REJECT),
     .states = IS_OPEN,
     .proposals = UNDECIDED,
     .allowed = true,
     .state = KEEPS,
     .proposal = INCIDENT_PROPOSAL_REJECTED,
     .told = INCIDENT_UPDATED,
     .why = "The action is not carried out; also one that was approved, until it is."},
    {.id = "rejected_already",
     .verbs = BIT(INCIDENT_REJECT),
     .states = IS_OPEN,
     .proposals = ONE_PROPOSAL(REJECTED),
     .why = "its action is rejected already"},
    {.id = "decide_late",
     .verbs = BIT(INCIDENT_APPROVE) | BIT(INCIDENT_REJECT),
     .states = IS_OPEN,
     .proposals = ANY,
     .why = "its action is under way or carried out"},
    {.id = "resolve_undecided",
     .verbs = BIT(INCIDENT_RESOLVE),
     .states = IS_OPEN,
     .proposals = UNDECIDED,
     .allowed = true,
     .state = INCIDENT_RESOLVED,
     .proposal = INCIDENT_PROPOSAL_WITHDRAWN,
     .told = INCIDENT_RESOLVED,
     .why = "What is over needs no action any more, approved or not."},
    {.id = "resolve",
     .verbs = BIT(INCIDENT_RESOLVE),
     .states = IS_OPEN,
     .proposals = ANY,
     .allowed = true,
     .state = INCIDENT_RESOLVED,
     .proposal = KEEPS,
     .told = INCIDENT_RESOLVED,
     .why = "It is over."},
    {.id = "resolved_already",
     .verbs = BIT(INCIDENT_RESOLVE),
     .states = ONE_STATE(RESOLVED),
     .proposals = ANY,
     .why = "it is resolved already"},
    {.id = "reopen",
     .verbs = BIT(INCIDENT_REOPEN),
     .states = ONE_STATE(RESOLVED),
     .proposals = ANY,
     .allowed = true,
     .state = INCIDENT_REOPENED,
     .proposal = KEEPS,
     .told = INCIDENT_REOPENED,
     .why = "It was not over."},
    {.id = "reopen_open",
     .verbs = BIT(INCIDENT_REOPEN),
     .states = IS_OPEN,
     .proposals = ANY,
     .why = "it is open"},
    {.id = "take",
     .verbs = BIT(INCIDENT_TAKE),
     .states = IS_OPEN,
     .proposals = ONE_PROPOSAL(APPROVED),
     .allowed = true,
     .state = KEEPS,
     .proposal = INCIDENT_PROPOSAL_TAKEN,
     .told = INCIDENT_UPDATED,
     .why = "Whoever takes it commits what it does in the same transaction: it is done "
            "once."},
    {.id = "done",
     .verbs = BIT(INCIDENT_DONE),
     .states = ANY,
     .proposals = ONE_PROPOSAL(TAKEN),
     .allowed = true,
     .state = KEEPS,
     .proposal = INCIDENT_PROPOSAL_DONE,
     .told = INCIDENT_UPDATED,
     .why = "Read back and good. The incident ends when later runs find it clean."},
    {.id = "failed",
     .verbs = BIT(INCIDENT_FAIL),
     .states = ANY,
     .proposals = ONE_PROPOSAL(TAKEN),
     .allowed = true,
     .state = KEEPS,
     .proposal = INCIDENT_PROPOSAL_FAILED,
     .told = INCIDENT_UPDATED,
     .why = "It did not help; the next sighting may propose again."},
    {.id = "not_due",
     .verbs = ANY,
     .states = ANY,
     .proposals = ANY,
     .why = "its action is not at that point"},
};

/* Two open incidents of one problem would tell everything twice. */
static const struct step_row REOPEN_SECOND = {
    .id = "reopen_second", .why = "its problem has another incident that is open"};

static bool row_fits(const struct step_row *row, enum incident_verb verb,
                     const struct incident_standing *standing)
{
    return (row->verbs & BIT(verb)) != 0 && (row->states & BIT(standing->state)) != 0 &&
           (row->proposals & BIT(standing->proposal)) != 0;
}

struct incident_step incident_act(enum incident_verb verb,
                                  struct incident_standing standing)
{
    const struct step_row *row = STEPS;
    ASSERT((size_t)verb < INCIDENT_VERB_COUNT);
    if (verb == INCIDENT_REOPEN && standing.has_successor)
        row = &REOPEN_SECOND;
    while (row != &REOPEN_SECOND && !row_fits(row, verb, &standing))
        row++; /* the last one fits all */
    struct incident_step step = {
        .id = row->id, .allowed = row->allowed, .told = row->told, .why = row->why};
    step.next = standing;
    if (row->allowed && row->state != KEEPS)
        step.next.state = (enum incident_state)row->state;
    if (row->allowed && row->proposal != KEEPS)
        step.next.proposal = (enum incident_proposal)row->proposal;
    return step;
}

/* One that a person has decided on, or that is under way, is not put aside: it would be
 * asked again, or done twice. */
bool incident_proposal_yields(enum incident_proposal proposal)
{
    static const bool YIELDS[INCIDENT_PROPOSAL_COUNT] = {
        [INCIDENT_PROPOSAL_NONE] = true,      [INCIDENT_PROPOSAL_WAITING] = true,
        [INCIDENT_PROPOSAL_APPROVED] = false, [INCIDENT_PROPOSAL_REJECTED] = false,
        [INCIDENT_PROPOSAL_TAKEN] = false,    [INCIDENT_PROPOSAL_DONE] = true,
        [INCIDENT_PROPOSAL_FAILED] = true,    [INCIDENT_PROPOSAL_WITHDRAWN] = true,
    };
    ASSERT((size_t)proposal < INCIDENT_PROPOSAL_COUNT);
    return YIELDS[proposal];
}

/* ---- what comes back ------------------------------------------------------------------- */

static const struct incident_return CLOSED_TOO_SOON = {
    "closed_too_soon", true,
    "A person closed it within the last week and it is there: it was not over."};
static const struct incident_return BACK_WITHIN_PERIOD = {
    "back_within_period", true,
    "It came back within the period in which its class is held to be one problem."};
static const struct incident_return NEW_PROBLEM = {
    "new_problem", false,
    "Its end was seen, or is long past: what comes now has a story of its own."};

const struct incident_return *incident_return(const struct incident_kind *kind,
                                              const struct incident_end *end,
                                              int64_t now_us)
{
    int64_t past_us = now_us - end->at_us;
    if (end->by_person && past_us < CLOSED_TOO_SOON_US)
        return &CLOSED_TOO_SOON;
    if (past_us < kind->reopen_seconds * SECOND_US)
        return &BACK_WITHIN_PERIOD;
    return &NEW_PROBLEM;
}

/* ---- what clean runs end ---------------------------------------------------------------- */

enum run_condition { NOT_LOOKED_AT, STILL_THERE, NOT_LATER, COUNTED, TOO_FEW, ALWAYS };

static bool run_fits(enum run_condition condition, const struct incident_run_look *look)
{
    switch (condition) {
    case NOT_LOOKED_AT:
        return look->finding == INCIDENT_RUN_SILENT;
    case STILL_THERE:
        return look->finding == INCIDENT_RUN_FOUND;
    case NOT_LATER:
        return !look->is_later;
    case COUNTED:
        return look->is_counted;
    case TOO_FEW:
        return look->clean_runs + 1 < INCIDENT_CLEAN_RUNS;
    case ALWAYS:
        return true;
    }
    UNREACHABLE("every condition is judged");
}

static const struct {
    enum run_condition condition;
    struct incident_run_rule rule;
} RUN_RULES[] = {
    {NOT_LOOKED_AT,
     {"not_looked_at", INCIDENT_RUN_KEEPS, "A run that did not look proves nothing."}},
    {STILL_THERE,
     {"still_there", INCIDENT_RUN_RESETS, "Clean runs count in a row only."}},
    {NOT_LATER,
     {"not_later", INCIDENT_RUN_KEEPS,
      "It began before the problem was last seen, so that it may have looked earlier."}},
    {COUNTED,
     {"counted_already", INCIDENT_RUN_KEEPS, "A run that is resumed counts once."}},
    {TOO_FEW, {"clean_once", INCIDENT_RUN_COUNTS, "Once may be luck: a pair can flap."}},
    {ALWAYS,
     {"clean_enough", INCIDENT_RUN_ENDS, "Two later runs in a row found it clean."}},
};

const struct incident_run_rule *incident_run_judge(const struct incident_run_look *look)
{
    size_t at = 0;
    while (!run_fits(RUN_RULES[at].condition, look))
        at++;
    return &RUN_RULES[at].rule;
}
