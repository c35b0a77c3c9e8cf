/*
 * Drift: what is left of the difference between what a shop shows and what it should show
 * once everything that is under way is taken out, and its cause.
 *
 * A pair is judged at the second look, from what the shop answered then and what the tables
 * held at that moment, and only if it stood still in between: what moves has orders, events
 * or writes under way, however much it differs at both looks. Causes are a table of tests, tried in order; the first that fits
 * gives the finding its name, `unknown` is the last. Every test reads facts that parstock
 * holds, and the same facts are the finding's evidence.
 *
 * Pure. Source: outside interface, section 2 (causes); design, rule 7.
 */
#ifndef PARSTOCK_DOMAIN_DRIFT_H
#define PARSTOCK_DOMAIN_DRIFT_H

#include "common/domain/cause.h"
#include "common/domain/contract.h"

/* A number that may not be known. */
struct quantity {
    bool known;
    int64_t units;
};

/* What the shop answered of the pair. */
struct drift_look {
    bool item_there; /* the item that the catalogue has for the SKU, with that SKU */
    int64_t items;   /* of the shop with this normalised SKU, as far as is known */
    bool tracked;
    bool is_stocked;           /* the level exists and is active */
    struct quantity shown;     /* in the shop's mode; known only where stocked */
    struct quantity committed; /* ordered, not shipped */
    int64_t at_us;
};

/* The newest write of the pair that has a verdict. */
struct drift_write {
    bool is_there;
    bool was_applied; /* the shop said so */
    struct quantity change_from;
    int64_t quantity;
    int64_t settled_at_us;
};

struct drift_facts {
    enum level_state mode;
    bool sells_below_zero; /* the item is sold on when nothing is left */
    struct drift_look look;

    /* What should be shown: as decided now, and as the row says. */
    struct quantity desired;
    struct quantity noted;       /* desired as the pair's row has it */
    int64_t short_units;         /* sold beyond what there is */
    bool follows_other_contract; /* the row was decided under another contract file */

    /* What we last knew of the shop. */
    struct quantity known;
    int64_t known_at_us;
    bool was_mapped; /* the shop had an item for the SKU when the catalogue was read */
    bool is_refused; /* quarantined: the shop refuses its writes */
    bool is_waiting; /* push has to look at it, or has an open write of it */
    int64_t waiting_since_us;
    bool is_in_flight; /* a young write is under way, or the pair moved meanwhile */
    int64_t now_us;
    int64_t settle_us;  /* what is younger has had no time to settle */
    bool was_looked_at; /* settle_us ago: what follows is from then */
    struct quantity shown_before;
    struct quantity noted_before;
    int64_t looks;     /* at which the pair was under way before */
    bool is_throttled; /* push was kept waiting by the shop's bucket just now */
    struct drift_write write;

    /* Orders. */
    struct quantity committed_before; /* at the last look at which all was well */
    int64_t ordered_since;            /* by events, since the level was known, net */
    int64_t
        ordered_fresh; /* of these, after the source's watermark: it can't know them */

    /* The source. */
    struct quantity rival; /* what the shop would show by another source's number */
    bool is_stale;         /* the ruling reading is older than the contract allows */
    bool repeats_event;    /* the change of the shop is what one applied event changed */
    int64_t unapplied; /* events of the SKU that wait in Kafka for longer than settle */
};

enum drift_verdict {
    DRIFT_CLEAN,     /* nothing is left */
    DRIFT_UNDER_WAY, /* can't be judged now: look again */
    DRIFT_FOUND,
};

/* A row of the table of causes. */
struct drift_rule {
    const char *id;
    enum finding_cause cause;
    bool is_of_quantity; /* false: a finding also where the numbers agree */
    bool (*fits)(const struct drift_facts *facts);
    const char *why;
};

struct drift_judgement {
    enum drift_verdict verdict;
    int64_t residual;              /* 0 where one of the two is not known */
    const struct drift_rule *rule; /* of a finding */
};

struct drift_judgement drift_judge(const struct drift_facts *facts);

/* A difference that survived, as it is stored, printed and told. Texts belong to whoever
 * made it. */
struct drift_finding {
    struct span id;
    int64_t run_id;
    struct span shop;
    struct span sku;
    struct span location;
    struct quantity desired;
    struct quantity shown;
    int64_t residual;
    struct span cause;
    struct span rule;
    struct span evidence; /* a JSON object */
    bool is_high_risk;
    struct quantity value_micros;
    int64_t observed_at_us;
    struct span traceparent; /* of the event behind the number; bytes NULL = none */
};

/* All rules in order, for documents and tests; the last is `unknown`. */
extern const struct drift_rule DRIFT_RULES[];
extern const size_t DRIFT_RULES_COUNT;

#endif
