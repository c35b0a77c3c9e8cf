#include "common/runtime/pair_decide.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/domain/kit.h"

struct work {
    struct postgres *postgres;
    const struct pair_question *question;
    struct pool *pool;
    struct pair_stock *stocks;
    struct place *places; /* one a stock */
    size_t stock_count;
    struct pair_claim *claims;
    struct unseen_question *asked; /* one a claim */
    size_t claim_count;
};

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "out of memory to decide levels");
}

static const struct contract *contract_of(const struct work *work)
{
    return work->question->contract;
}

/* ---- which stocks --------------------------------------------------------------------- */

static size_t count_stocks(const struct work *work)
{
    size_t count = 0;
    for (size_t at = 0; at < work->question->count; at++) {
        const struct kit *kit =
            contract_kit(contract_of(work), work->question->places[at].sku);
        count += kit != NULL ? kit->part_count : 1;
    }
    return count;
}

static void add_stock(struct work *work, size_t pair, struct span sku, int64_t per_unit)
{
    const struct place place = {sku, work->question->places[pair].location};
    work->places[work->stock_count] = place;
    work->stocks[work->stock_count++] = (struct pair_stock){
        .pair = pair, .sku = sku, .per_unit = per_unit, .level = {.source = -1}};
}

static enum status list_stocks(struct work *work, struct error *error)
{
    size_t most = count_stocks(work) + 1;
    work->stocks = pool_take(work->pool, most * sizeof(*work->stocks));
    work->places = pool_take(work->pool, most * sizeof(*work->places));
    if (work->stocks == NULL || work->places == NULL)
        return out_of_memory(error);
    for (size_t at = 0; at < work->question->count; at++) {
        struct span sku = work->question->places[at].sku;
        const struct kit *kit = contract_kit(contract_of(work), sku);
        if (kit == NULL)
            add_stock(work, at, sku, 1);
        for (size_t part = 0; kit != NULL && part < kit->part_count; part++)
            add_stock(work, at, kit->parts[part].sku, kit->parts[part].quantity);
    }
    return STATUS_OK;
}

static enum status ask_levels(struct work *work, struct error *error)
{
    SCOPED(store_found_release) struct store_found found = {0};
    enum status status =
        store_levels_at(work->postgres, work->places, work->stock_count, &found, error);
    for (int row = 0; status == STATUS_OK && row < found.levels.count; row++) {
        const struct level_row level = store_level_row(&found, row);
        ASSERT(level.place < work->stock_count);
        struct pair_stock *stock = &work->stocks[level.place];
        stock->level = level.level;
        stock->level.source = contract_source(contract_of(work), level.source);
        stock->reading = level.reading;
    }
    return status;
}

/* ---- who sells from them -------------------------------------------------------------- */

static size_t count_claims(const struct work *work)
{
    size_t count = 0;
    for (size_t at = 0; at < work->stock_count; at++) {
        size_t kits = 0;
        (void)contract_kits_of(contract_of(work), work->places[at].sku, &kits);
        count += 1 + kits;
    }
    return count;
}

static bool add_claim(struct work *work, const struct pair_stock *stock, struct span sku,
                      int64_t per_unit)
{
    const struct contract *contract = contract_of(work);
    struct shop_units *units =
        pool_take(work->pool, (contract->shop_count + 1) * sizeof(*units));
    if (units == NULL)
        return false;
    struct span own = work->question->places[stock->pair].sku;
    work->claims[work->claim_count] = (struct pair_claim){
        .sku = sku, .is_own = span_equal(sku, own), .per_unit = per_unit, .units = units};
    work->asked[work->claim_count++] = (struct unseen_question){
        .place = {sku, work->question->places[stock->pair].location},
        .after_us = stock->unseen_after_us,
        .units = units};
    return true;
}

static int64_t units_in(const struct kit *kit, struct span sku)
{
    for (size_t part = 0; part < kit->part_count; part++)
        if (span_equal(kit->parts[part].sku, sku))
            return kit->parts[part].quantity;
    UNREACHABLE("the index names kits that hold the SKU");
}

static bool add_claims(struct work *work, size_t at)
{
    struct pair_stock *stock = &work->stocks[at];
    struct span sku = work->places[at].sku;
    size_t kits = 0;
    const struct kit_use *uses = contract_kits_of(contract_of(work), sku, &kits);
    stock->unseen_after_us = unseen_after_us(
        contract_of(work)->shops[work->question->shop].mode,
        &contract_of(work)->sources[stock->level.source], &stock->reading);
    stock->claims = &work->claims[work->claim_count];
    bool all = add_claim(work, stock, sku, 1);
    for (size_t use = 0; use < kits && all; use++) {
        const struct kit *kit = &contract_of(work)->kits[uses[use].kit];
        all = add_claim(work, stock, kit->sku, units_in(kit, sku));
    }
    stock->claim_count = (size_t)(&work->claims[work->claim_count] - stock->claims);
    return all;
}

static enum status ask_units(struct work *work, struct error *error)
{
    size_t most = count_claims(work) + 1;
    work->claims = pool_take(work->pool, most * sizeof(*work->claims));
    work->asked = pool_take(work->pool, most * sizeof(*work->asked));
    if (work->claims == NULL || work->asked == NULL)
        return out_of_memory(error);
    for (size_t at = 0; at < work->stock_count; at++)
        if (work->stocks[at].level.source >= 0 && !add_claims(work, at))
            return out_of_memory(error);
    return store_unseen(work->postgres, contract_of(work), work->asked, work->claim_count,
                        error);
}

/* ---- the decision --------------------------------------------------------------------- */

int64_t pair_claim_share(const struct contract *contract, size_t shop,
                         const struct pair_claim *claim, size_t at)
{
    enum unseen_view view =
        claim->is_own ? unseen_view(contract, shop, at) : UNSEEN_OTHER;
    return claim->per_unit * unseen_share(&claim->units[at], view);
}

int64_t pair_unseen(const struct contract *contract, size_t shop,
                    const struct pair_stock *stock)
{
    int64_t sum = 0;
    for (size_t claim = 0; claim < stock->claim_count; claim++)
        for (size_t at = 0; at < contract->shop_count; at++)
            sum += pair_claim_share(contract, shop, &stock->claims[claim], at);
    return sum;
}

static struct pair_decision decide_plain(const struct work *work,
                                         const struct pair_stock *stock)
{
    const struct contract *contract = contract_of(work);
    const struct shop *shop = &contract->shops[work->question->shop];
    if (stock->level.source < 0)
        return (struct pair_decision){.is_decided = false};
    const struct desired_input input = {
        .has_level = true,
        .level = stock->level.quantity,
        .source_state = contract->sources[stock->level.source].state,
        .shop_mode = shop->mode,
        .buffer = shop->buffer,
        .excluded = shop_excludes(shop, work->question->places[stock->pair].sku),
        .unseen_units = pair_unseen(contract, work->question->shop, stock)};
    return (struct pair_decision){.is_decided = true,
                                  .desired = desired_level(&input),
                                  .input = input,
                                  .stocks = stock,
                                  .stock_count = 1};
}

/* Its parts' stocks, less what left them, make so many; buffer and limits come then. */
static struct pair_decision decide_kit(const struct work *work, const struct kit *kit,
                                       const struct pair_stock *stocks)
{
    const struct contract *contract = contract_of(work);
    const struct shop *shop = &contract->shops[work->question->shop];
    struct kit_stock *left = pool_take(work->pool, kit->part_count * sizeof(*left));
    if (left == NULL)
        return (struct pair_decision){.failed = true};
    for (size_t part = 0; part < kit->part_count; part++) {
        bool exists = stocks[part].level.source >= 0;
        left[part] = (struct kit_stock){
            .exists = exists,
            .quantity =
                exists ? stocks[part].level.quantity -
                             pair_unseen(contract, work->question->shop, &stocks[part])
                       : 0};
    }
    const struct kit_level level = kit_level(kit, left);
    const struct desired_input input = {.has_level = level.exists,
                                        .level = level.exists ? level.quantity : 0,
                                        .source_state = shop->mode,
                                        .shop_mode = shop->mode,
                                        .buffer = shop->buffer,
                                        .excluded = shop_excludes(shop, kit->sku)};
    return (struct pair_decision){.is_decided = true,
                                  .desired = desired_level(&input),
                                  .input = input,
                                  .stocks = stocks,
                                  .stock_count = kit->part_count};
}

static enum status decide_all(const struct work *work, struct pair_decision *decisions,
                              struct error *error)
{
    for (size_t at = 0; at < work->stock_count;) {
        const struct pair_stock *stock = &work->stocks[at];
        const struct kit *kit =
            contract_kit(contract_of(work), work->question->places[stock->pair].sku);
        struct pair_decision *decision = &decisions[stock->pair];
        *decision =
            kit != NULL ? decide_kit(work, kit, stock) : decide_plain(work, stock);
        if (decision->failed)
            return out_of_memory(error);
        at += kit != NULL ? kit->part_count : 1;
    }
    return STATUS_OK;
}

enum status pair_decide(struct postgres *postgres, const struct pair_question *question,
                        struct pool *pool, struct pair_decision *decisions,
                        struct error *error)
{
    struct work work = {.postgres = postgres, .question = question, .pool = pool};
    enum status status = list_stocks(&work, error);
    if (status == STATUS_OK)
        status = ask_levels(&work, error);
    if (status == STATUS_OK)
        status = ask_units(&work, error);
    return status == STATUS_OK ? decide_all(&work, decisions, error) : status;
}
