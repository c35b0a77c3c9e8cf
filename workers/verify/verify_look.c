#include "common/base/check.h"
#include "common/io/shopify_webhook.h"
#include "workers/verify/verify.h"

#include <stdlib.h>

/* ---- the items themselves ---------------------------------------------------------------- */

/* The item that the SKU had when the sample was taken; before that, the one that it has. */
static struct span item_of(const struct verify_pair *pair)
{
    return pair->item.length > 0 ? pair->item : pair->pair.item;
}

static void take_item(const struct item_facts *facts, struct verify_state *state)
{
    state->item_there = facts->there;
    state->raw_sku = facts->there && facts->sku.bytes != NULL ? facts->sku : SPAN_OF("");
    state->tracked = facts->there && facts->tracked;
    for (size_t at = 0; facts->there && at < facts->variant_count; at++)
        state->sells_on = state->sells_on || facts->variants[at].continues;
}

/* Up to ITEMS_WANTED_MAX of the pairs in hand, from `first` on; those without an item were
 * never asked of. */
static enum status read_some(struct verify_shop *shop, const size_t *asked, size_t count,
                             struct verify_looked *looked, struct error *error)
{
    struct span ids[ITEMS_WANTED_MAX];
    struct item_facts *facts = calloc(ITEMS_WANTED_MAX, sizeof *facts);
    if (facts == NULL)
        return error_set(error, STATUS_FATAL, "verify: out of memory");
    for (size_t at = 0; at < count; at++)
        ids[at] = shop->looker.pairs.all[asked[at]].item;
    const struct items_wanted wanted = {ids, count, &shop->looker.pool};
    enum status status =
        drift_pay(&shop->looker, (int64_t)count * SHOPIFY_ITEM_POINTS, error);
    if (status == STATUS_OK)
        status = shopify_items(shop->looker.shopify, &wanted, facts, error);
    for (size_t at = 0; status == STATUS_OK && at < count; at++)
        take_item(&facts[at], &looked->states[asked[at]]);
    free(facts);
    return status;
}

static enum status read_items(struct verify_shop *shop, struct verify_looked *looked,
                              struct error *error)
{
    size_t asked[DRIFT_BATCH_MAX];
    size_t count = 0;
    for (size_t at = 0; at < shop->looker.pairs.count; at++) {
        const struct drift_pair *pair = &shop->looker.pairs.all[at];
        looked->states[at].is_read = pair->item.length > 0 && pair->gid.length > 0;
        if (looked->states[at].is_read)
            asked[count++] = at;
    }
    enum status status = STATUS_OK;
    for (size_t at = 0; at < count && status == STATUS_OK; at += ITEMS_WANTED_MAX)
        status = read_some(shop, &asked[at],
                           count - at < ITEMS_WANTED_MAX ? count - at : ITEMS_WANTED_MAX,
                           looked, error);
    return status;
}

/* ---- what shares a pair's stock ------------------------------------------------------------ */

struct related {
    int64_t places[DRIFT_BATCH_MAX * VERIFY_RELATED_MAX];
    struct span skus[DRIFT_BATCH_MAX * VERIFY_RELATED_MAX];
    size_t count;
};

static void add_related(struct related *related, size_t place, struct span sku)
{
    size_t own = 0;
    for (size_t at = related->count; at > 0 && related->places[at - 1] == (int64_t)place;
         at--, own++)
        if (span_equal(related->skus[at - 1], sku))
            return;
    if (own == VERIFY_RELATED_MAX)
        return;
    related->places[related->count] = (int64_t)place;
    related->skus[related->count++] = sku;
}

/* The SKU, and every kit that holds it. */
static void add_stock(struct related *related, const struct contract *contract,
                      size_t place, struct span sku)
{
    size_t count = 0;
    const struct kit_use *uses = contract_kits_of(contract, sku, &count);
    add_related(related, place, sku);
    for (size_t at = 0; at < count; at++)
        add_related(related, place, contract->kits[uses[at].kit].sku);
}

static void relate(const struct verify_shop *shop, struct related *related)
{
    const struct contract *contract = shop->job->contract;
    for (size_t at = 0; at < shop->looker.pairs.count; at++) {
        struct span sku = shop->looker.pairs.all[at].sku;
        const struct kit *kit = contract_kit(contract, sku);
        add_stock(related, contract, at, sku);
        for (size_t part = 0; kit != NULL && part < kit->part_count; part++)
            add_stock(related, contract, at, kit->parts[part].sku);
    }
}

static enum status ask_between(struct verify_shop *shop, const struct verify_pair *pairs,
                               struct verify_looked *looked, struct error *error)
{
    struct related *related = calloc(1, sizeof *related);
    if (related == NULL)
        return error_set(error, STATUS_FATAL, "verify: out of memory");
    relate(shop, related);
    const struct verify_question question = {.run_id = shop->job->run.id,
                                             .shop = shop->shop->name,
                                             .since_us = shop->job->run.taken_at_us,
                                             .pairs = pairs,
                                             .count = shop->looker.pairs.count,
                                             .places = related->places,
                                             .related = related->skus,
                                             .related_count = related->count};
    enum status status = store_verify_between(shop->job->postgres, &question,
                                              looked->states, looked->betweens, error);
    free(related);
    return status;
}

/* ---- all of it --------------------------------------------------------------------------- */

static void complete(struct verify_shop *shop, const struct verify_pair *pairs,
                     struct verify_looked *looked)
{
    for (size_t at = 0; at < shop->looker.pairs.count; at++) {
        const struct drift_facts *facts = &shop->looker.looked.facts[at];
        const struct drift_context *context = &shop->looker.looked.contexts[at];
        const struct drift_judgement *judgement = &shop->looker.looked.judgements[at];
        struct verify_state *state = &looked->states[at];
        state->stocked = facts->look.is_stocked;
        state->shown = facts->look.shown;
        state->desired = facts->noted;
        state->residual = judgement->residual;
        state->is_off = judgement->rule != NULL;
        looked->betweens[at].other_contract =
            pairs[at].contract.length > 0 && context->contract.length > 0 &&
            !span_equal(pairs[at].contract, context->contract);
    }
}

static enum status look(struct verify_shop *shop, const struct verify_pair *pairs,
                        struct verify_looked *looked, struct error *error)
{
    enum status status = drift_look(&shop->looker, error);
    if (status == STATUS_OK)
        status = read_items(shop, looked, error);
    if (status == STATUS_OK)
        status = ask_between(shop, pairs, looked, error);
    if (status == STATUS_OK)
        complete(shop, pairs, looked);
    return status;
}

enum status verify_look(struct verify_shop *shop, const size_t *places, size_t count,
                        struct verify_looked *looked, struct error *error)
{
    ASSERT(count <= DRIFT_BATCH_MAX);
    struct verify_pair *pairs = calloc(DRIFT_BATCH_MAX, sizeof *pairs);
    if (pairs == NULL)
        return error_set(error, STATUS_FATAL, "verify: out of memory");
    pool_reset(&shop->looker.pool);
    shop->looker.pairs.pool = &shop->looker.pool;
    shop->looker.pairs.count = count;
    *looked = (struct verify_looked){0};
    for (size_t at = 0; at < count; at++) {
        pairs[at] = shop->pairs[places[at]];
        shop->looker.pairs.all[at] = pairs[at].pair;
        shop->looker.pairs.all[at].item = item_of(&pairs[at]);
    }
    enum status status = look(shop, pairs, looked, error);
    free(pairs);
    return status;
}
