/*
 * The life of an incident after its opening: what a person may do with it and what follows,
 * what becomes of an action proposed with it, when clean runs end it, and whether a problem
 * that is seen again after its end is the old incident or a new one. Each is a table; the
 * first row that fits decides, and says why. Source: outside interface, sections 2 and 4.
 */
#ifndef PARSTOCK_DOMAIN_INCIDENT_LIFE_H
#define PARSTOCK_DOMAIN_INCIDENT_LIFE_H

#include "common/domain/incident.h"

#define INCIDENT_NOTE_MAX 2000 /* bytes of what a person says to it */
#define INCIDENT_ACTOR_MAX 200 /* bytes of who it was */

/* Where a proposed action stands. */
#define INCIDENT_PROPOSALS(X)                                                            \
    X(NONE, "none")                                                                      \
    X(WAITING, "waiting")                                                                \
    X(APPROVED, "approved")                                                              \
    X(REJECTED, "rejected")                                                              \
    X(TAKEN, "taken")                                                                    \
    X(DONE, "done")                                                                      \
    X(FAILED, "failed")                                                                  \
    X(WITHDRAWN, "withdrawn")

enum incident_proposal {
#define X(name, text) INCIDENT_PROPOSAL_##name,
    INCIDENT_PROPOSALS(X)
#undef X
        INCIDENT_PROPOSAL_COUNT
};

const char *incident_proposal_name(enum incident_proposal proposal);
bool incident_proposal_parse(struct span text, enum incident_proposal *proposal_out);
bool incident_state_parse(struct span text, enum incident_state *state_out);

struct incident_standing {
    enum incident_state state; /* never UPDATED */
    enum incident_proposal proposal;
    bool has_successor; /* its problem has another incident that is open */
};

/* ---- what is done with it ------------------------------------------------------------- */

/* The first five are commands of a person, the others are a worker's. */
enum incident_verb {
    INCIDENT_ACKNOWLEDGE,
    INCIDENT_APPROVE,
    INCIDENT_REJECT,
    INCIDENT_RESOLVE,
    INCIDENT_REOPEN,
    INCIDENT_TAKE, /* the approved action is about to be carried out */
    INCIDENT_DONE,
    INCIDENT_FAIL,
    INCIDENT_VERB_COUNT
};

struct incident_step {
    const char *id;
    bool allowed;
    struct incident_standing next; /* where it is allowed */
    enum incident_state told;      /* the state that subscribers are told */
    const char *why;               /* of a refusal: what is in the way */
};

struct incident_step incident_act(enum incident_verb verb,
                                  struct incident_standing standing);

/* Does a newer proposal take the place of one that stands like this? */
bool incident_proposal_yields(enum incident_proposal proposal);

/* ---- what comes back ------------------------------------------------------------------- */

/* How its newest incident ended. */
struct incident_end {
    bool by_person;
    int64_t at_us;
};

struct incident_return {
    const char *id;
    bool reopens; /* false: a new incident is opened */
    const char *why;
};

const struct incident_return *incident_return(const struct incident_kind *kind,
                                              const struct incident_end *end,
                                              int64_t now_us);

/* ---- what clean runs end ---------------------------------------------------------------- */

#define INCIDENT_CLEAN_RUNS 2

/* What a run says of an open incident. */
enum incident_finding_of_run {
    INCIDENT_RUN_SILENT, /* its pair was not looked at */
    INCIDENT_RUN_CLEAN,
    INCIDENT_RUN_FOUND, /* the problem is there still */
};

struct incident_run_look {
    enum incident_finding_of_run finding;
    bool is_later;      /* the run began after the problem was last seen */
    bool is_counted;    /* this very run was counted already */
    int64_t clean_runs; /* counted so far */
};

enum incident_run_effect {
    INCIDENT_RUN_KEEPS,
    INCIDENT_RUN_RESETS, /* counting begins anew */
    INCIDENT_RUN_COUNTS, /* one more */
    INCIDENT_RUN_ENDS,   /* resolved */
};

struct incident_run_rule {
    const char *id;
    enum incident_run_effect effect;
    const char *why;
};

const struct incident_run_rule *incident_run_judge(const struct incident_run_look *look);

#endif
