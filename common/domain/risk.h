/*
 * Is a difference of this item high-risk? Three questions, each with an id and a why: does
 * the contract list the SKU, does the product bear one of the contract's tags, does the
 * value of the difference reach the contract's threshold. Pure.
 * Source: `risk` of the contract file.
 */
#ifndef PARSTOCK_DOMAIN_RISK_H
#define PARSTOCK_DOMAIN_RISK_H

#include "common/domain/contract.h"

/* Numbers may be stored: only add. The lowest that fits is the reason given. */
enum risk_reason {
    RISK_NONE = 0,
    RISK_LISTED = 1,
    RISK_TAGGED = 2,
    RISK_VALUED = 3,
};

#define RISK_REASON_COUNT 4

struct risk_input {
    struct span sku;  /* normalised; empty: has none */
    struct span tags; /* one a line */
    bool has_price;
    int64_t price_micros; /* of one unit */
    int64_t units;        /* the difference; its sign does not matter */
};

/* All that fit, since a report counts each; low risk: none does. */
struct risk {
    bool high;
    bool listed;
    bool tagged;
    bool valued;
    enum risk_reason reason;
};

struct risk risk_of(const struct risk_rules *rules, const struct risk_input *input);

/* Price times units in micros; the greatest int64 where it is more. */
int64_t risk_value(const struct risk_input *input);

const char *risk_reason_id(enum risk_reason reason);
const char *risk_reason_why(enum risk_reason reason);

/* The order in which the rules' tags are sorted. The shop takes "Limited" and "limited" for
 * one tag, so the case of ASCII letters does not count. */
int risk_tag_compare(struct span left, struct span right);

#endif
