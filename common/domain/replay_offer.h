/*
 * Which records of the past may be published once more, for apply to judge as news. A copy
 * has the timestamp of its publishing: what its producer said long ago stays in the event,
 * and apply's own rule for what is too old goes by the copy. Pure.
 */
#ifndef PARSTOCK_DOMAIN_REPLAY_OFFER_H
#define PARSTOCK_DOMAIN_REPLAY_OFFER_H

#include "common/domain/event.h"
#include "common/domain/reason.h"

enum replay_offer {
    REPLAY_PUBLISH,
    REPLAY_NOT_CHOSEN, /* another SKU or source */
    REPLAY_REFUSED,    /* no event: apply has refused it, and would again */
    REPLAY_TOO_OLD,    /* nothing could prove that a change is not a repeat */
    REPLAY_OFFER_COUNT
};

struct replay_offer_question {
    enum reason reason;        /* of decoding; none: `event` is there */
    const struct event *event; /* NULL with a reason */
    struct span sku;           /* only this one; absent: all */
    struct span source;
    int64_t now_us;
    int64_t idempotency_days; /* that the ledger remembers */
};

struct replay_offer_rule {
    const char *id;
    const char *why;
    enum replay_offer offer;
};

/* The first rule that fits; never NULL. */
const struct replay_offer_rule *
replay_offer(const struct replay_offer_question *question);

#endif
