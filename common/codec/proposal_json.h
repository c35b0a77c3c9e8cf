/*
 * The action that is proposed with an incident, and carried out once a person approves it:
 * {"do": "resync" or "release", "shop", "sku", "location", "scope"}. Others' proposals have
 * another "do".
 */
#ifndef PARSTOCK_CODEC_PROPOSAL_JSON_H
#define PARSTOCK_CODEC_PROPOSAL_JSON_H

#include "common/base/error.h"
#include "common/base/pool.h"

enum proposal_verb {
    PROPOSAL_OTHER = 0,
    PROPOSAL_RESYNC,  /* shop, sku, location */
    PROPOSAL_RELEASE, /* shop, scope: what a guard has stopped goes on */
};

struct proposal {
    enum proposal_verb verb;
    struct span shop; /* bytes NULL = not given, here and below */
    struct span sku;
    struct span location;
    struct span scope;
};

/* Texts in the pool. STATUS_REJECT: a verb of ours without what it needs. */
enum status proposal_decode(struct span text, struct pool *pool,
                            struct proposal *proposal_out, struct error *error);

#endif
