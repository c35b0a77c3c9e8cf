#include "common/runtime/pair_decide.h"

#include "common/base/check.h"
#include "common/base/scope.h"

/* What the tables say of one pair. */
struct known_pair {
    struct level level; /* source -1: none that the contract has */
    struct reading reading;
    int64_t unseen_after_us;
    struct shop_units *units;
};

static void learn(const struct contract *contract, const struct store_found *found,
                  struct known_pair *pairs, size_t count)
{
    for (int row = 0; row < found->levels.count; row++) {
        const struct level_row level = store_level_row(found, row);
        ASSERT(level.place < count);
        pairs[level.place].level = level.level;
        pairs[level.place].level.source = contract_source(contract, level.source);
        pairs[level.place].reading = level.reading;
    }
}

static enum status ask_levels(struct postgres *postgres,
                              const struct pair_question *question,
                              struct known_pair *pairs, struct error *error)
{
    SCOPED(store_found_release) struct store_found found = {0};
    for (size_t at = 0; at < question->count; at++)
        pairs[at] = (struct known_pair){.level = {.source = -1}};
    enum status status =
        store_levels_at(postgres, question->places, question->count, &found, error);
    if (status == STATUS_OK)
        learn(question->contract, &found, pairs, question->count);
    return status;
}

static enum status ask_units(struct postgres *postgres,
                             const struct pair_question *question, struct pool *pool,
                             struct known_pair *pairs, struct error *error)
{
    const struct contract *contract = question->contract;
    struct unseen_question *asked =
        pool_take(pool, (question->count + 1) * sizeof(*asked));
    size_t count = 0;
    for (size_t at = 0; asked != NULL && at < question->count; at++) {
        int source = pairs[at].level.source;
        if (source < 0)
            continue;
        pairs[at].unseen_after_us =
            unseen_after_us(contract->shops[question->shop].mode,
                            &contract->sources[source], &pairs[at].reading);
        pairs[at].units =
            pool_take(pool, contract->shop_count * sizeof(*pairs[at].units));
        if (pairs[at].units == NULL)
            asked = NULL;
        else
            asked[count++] =
                (struct unseen_question){.place = question->places[at],
                                         .after_us = pairs[at].unseen_after_us,
                                         .units = pairs[at].units};
    }
    if (asked == NULL)
        return error_set(error, STATUS_RETRY, "out of memory to decide levels");
    return store_unseen(postgres, contract, asked, count, error);
}

static struct pair_decision decide(const struct pair_question *question,
                                   const struct place *place,
                                   const struct known_pair *pair)
{
    const struct contract *contract = question->contract;
    const struct shop *shop = &contract->shops[question->shop];
    if (pair->level.source < 0)
        return (struct pair_decision){.is_decided = false};
    const struct desired_input input = {
        .has_level = true,
        .level = pair->level.quantity,
        .source_state = contract->sources[pair->level.source].state,
        .shop_mode = shop->mode,
        .buffer = shop->buffer,
        .excluded = shop_excludes(shop, place->sku),
        .unseen_units = unseen_units(contract, question->shop, pair->units)};
    return (struct pair_decision){.is_decided = true,
                                  .desired = desired_level(&input),
                                  .input = input,
                                  .unseen_after_us = pair->unseen_after_us,
                                  .units = pair->units};
}

enum status pair_decide(struct postgres *postgres, const struct pair_question *question,
                        struct pool *pool, struct pair_decision *decisions,
                        struct error *error)
{
    struct known_pair *pairs = pool_take(pool, (question->count + 1) * sizeof(*pairs));
    if (pairs == NULL)
        return error_set(error, STATUS_RETRY, "out of memory to decide levels");
    enum status status = ask_levels(postgres, question, pairs, error);
    if (status == STATUS_OK)
        status = ask_units(postgres, question, pool, pairs, error);
    for (size_t at = 0; status == STATUS_OK && at < question->count; at++)
        decisions[at] = decide(question, &question->places[at], &pairs[at]);
    return status;
}
