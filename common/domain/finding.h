/*
 * A difference that drift found, as whoever acts on it knows it, and what the tables say of
 * its pair beside it. Texts belong to the caller. Source: outside interface, section 2,
 * topic inventory.drift.
 */
#ifndef PARSTOCK_DOMAIN_FINDING_H
#define PARSTOCK_DOMAIN_FINDING_H

#include "common/domain/contract.h"

struct finding {
    struct span id;
    struct span run_id;
    struct span shop;
    struct span sku; /* normalised */
    struct span location;
    enum finding_cause cause;
    bool is_high_risk; /* by the contract that it was found under */
    bool has_desired;
    bool has_shown;
    int64_t desired;
    int64_t shown;
    int64_t residual;
    bool has_value;
    int64_t value_micros;
    int64_t observed_at_us;
};

/* Of its pair, at this moment. */
struct finding_beside {
    struct span tags; /* of its product, one a line */
    bool has_price;
    int64_t price_micros;
    int64_t drifted_lately; /* findings of the pair in POLICY_LATELY_SECONDS before it */
    int64_t rewrites;       /* resyncs of the pair in a day, since a person looked last */
};

/* What the policy is asked. The risk is high where the finding says so or the contract of
 * now does: a SKU that was made high-risk since is not written by a rule. */
struct policy_facts finding_facts(const struct contract *contract,
                                  const struct finding *finding,
                                  const struct finding_beside *beside);

/* Would a write of the desired level take the shop to nothing? */
bool finding_zeroes(const struct finding *finding);

#endif
