#include "common/codec/proposal_json.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/json_shape.h"

#include <jansson.h>

static void release_json(json_t **slot)
{
    json_decref(*slot);
    *slot = NULL;
}

static enum proposal_verb verb_of(json_t *root)
{
    struct span verb = json_span(json_object_get(root, "do"));
    if (verb.bytes == NULL)
        return PROPOSAL_OTHER;
    if (span_is(verb, "resync"))
        return PROPOSAL_RESYNC;
    return span_is(verb, "release") ? PROPOSAL_RELEASE : PROPOSAL_OTHER;
}

static bool is_whole(const struct proposal *proposal)
{
    switch (proposal->verb) {
    case PROPOSAL_RESYNC:
        return proposal->shop.bytes != NULL && proposal->sku.bytes != NULL &&
               proposal->location.bytes != NULL;
    case PROPOSAL_RELEASE:
        return proposal->shop.bytes != NULL && proposal->scope.bytes != NULL;
    case PROPOSAL_OTHER:
        return true;
    }
    UNREACHABLE("every verb says what it needs");
}

enum status proposal_decode(struct span text, struct pool *pool,
                            struct proposal *proposal, struct error *error)
{
    SCOPED(release_json) json_t *root = NULL;
    const struct {
        const char *name;
        struct span *out;
    } TEXTS[] = {{"shop", &proposal->shop},
                 {"sku", &proposal->sku},
                 {"location", &proposal->location},
                 {"scope", &proposal->scope}};
    *proposal = (struct proposal){0};
    if (text.bytes != NULL)
        root = json_loadb(text.bytes, text.length, JSON_REJECT_DUPLICATES, NULL);
    proposal->verb = verb_of(root);
    for (size_t at = 0; at < COUNT_OF(TEXTS); at++) {
        struct span found = json_span(json_object_get(root, TEXTS[at].name));
        if (found.bytes == NULL)
            continue;
        *TEXTS[at].out = pool_span(pool, found);
        if (TEXTS[at].out->bytes == NULL)
            return error_set(error, STATUS_RETRY, "resolve: out of memory");
    }
    if (is_whole(proposal))
        return STATUS_OK;
    return error_set(error, STATUS_REJECT, "the proposal lacks what its action needs");
}
