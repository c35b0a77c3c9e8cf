#include "workers/apply/shops.h"

#include "common/base/check.h"
#include "common/domain/desired.h"

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "apply: out of memory for one batch");
}

/* ---- which places, and what is to be asked --------------------------------------------------- */

/* The newest recorded event of that type that a shop sent of the place; NULL = none. */
static const struct event *shop_event(const struct batch *batch,
                                      const struct place_state *state,
                                      enum event_type type, size_t shop)
{
    for (int32_t at = state->last_item; at >= 0; at = batch->items[at].before_item) {
        const struct item *item = &batch->items[at];
        if (item->verdict.recorded && item->event.type == type &&
            item->event.source == (int)shop)
            return &item->event;
    }
    return NULL;
}

static bool is_touched_by_shop(const struct batch *batch, const struct place_state *state)
{
    const struct contract *contract = batch->contract;
    for (size_t shop = 0; shop < contract->shop_count; shop++)
        if (state->touched[contract->source_count + shop])
            return true;
    return false;
}

static bool is_to_decide(const struct batch *batch, const struct place_state *state)
{
    return state->location >= 0 && state->level.exists && state->level.source >= 0 &&
           contract_kit(batch->contract, state->place.sku) == NULL &&
           (batch_is_level_written(state) || is_touched_by_shop(batch, state));
}

static bool is_mode_used(const struct contract *contract, int location,
                         enum level_state mode)
{
    for (size_t shop = 0; shop < contract->shop_count; shop++)
        if (contract->shops[shop].mode == mode &&
            contract->shops[shop].gids[location].bytes != NULL)
            return true;
    return false;
}

static bool ask(struct batch *batch, const struct place_state *state,
                enum level_state mode, struct shop_units **units_out)
{
    const struct contract *contract = batch->contract;
    size_t size = contract->shop_count * sizeof(**units_out);
    *units_out = NULL;
    if (!is_mode_used(contract, state->location, mode))
        return true;
    *units_out = pool_take(&batch->pool, size);
    if (*units_out == NULL)
        return false;
    batch->unseen[batch->unseen_count++] = (struct unseen_question){
        .place = state->place,
        .after_us = unseen_after_us(mode, &contract->sources[state->level.source],
                                    &state->readings[state->level.source]),
        .units = *units_out};
    return true;
}

enum status shops_ask(struct batch *batch, struct error *error)
{
    batch->unseen_count = 0;
    batch->shop_place_count = 0;
    if (batch->contract->shop_count == 0)
        return STATUS_OK;
    size_t most = batch->place_count + 1;
    batch->unseen = pool_take(&batch->pool, 2 * most * sizeof(*batch->unseen));
    batch->shop_places = pool_take(&batch->pool, most * sizeof(*batch->shop_places));
    if (batch->unseen == NULL || batch->shop_places == NULL)
        return out_of_memory(error);
    for (size_t at = 0; at < batch->place_count; at++) {
        const struct place_state *state = &batch->places[at];
        if (!is_to_decide(batch, state))
            continue;
        struct shop_place *place = &batch->shop_places[batch->shop_place_count++];
        place->place = (uint32_t)at;
        if (!ask(batch, state, LEVEL_ON_HAND, &place->units[LEVEL_ON_HAND]) ||
            !ask(batch, state, LEVEL_AVAILABLE, &place->units[LEVEL_AVAILABLE]))
            return out_of_memory(error);
    }
    return STATUS_OK;
}

/* ---- units ------------------------------------------------------------------------------------- */

/* Orders of this batch are not in the table yet. */
static void add_own_orders(struct batch *batch, const struct place_state *state,
                           enum level_state mode, struct shop_units *units)
{
    int source = state->level.source;
    int64_t after_us = unseen_after_us(mode, &batch->contract->sources[source],
                                       &state->readings[source]);
    for (int32_t at = state->last_item; at >= 0; at = batch->items[at].before_item) {
        const struct event *event = &batch->items[at].event;
        if (!batch->items[at].verdict.recorded || event->type != EVENT_ORDERED ||
            event->occurred_at_us <= after_us)
            continue;
        struct shop_units *of_shop = &units[event->source];
        if (event->quantity > 0)
            of_shop->ordered += event->quantity;
        else
            of_shop->cancelled -= event->quantity;
    }
}

static enum status units_effects(struct batch *batch, struct store_effects *effects,
                                 struct error *error)
{
    struct units_write *rows =
        pool_take(&batch->pool, (batch->count + 1) * sizeof(*rows));
    if (rows == NULL)
        return out_of_memory(error);
    effects->units = rows;
    for (size_t at = 0; at < batch->count; at++) {
        const struct item *item = &batch->items[at];
        if (item->verdict.recorded && item->event.type == EVENT_ORDERED &&
            item->event.quantity != 0)
            rows[effects->units_count++] = (struct units_write){.event = &item->event};
    }
    return STATUS_OK;
}

/* ---- pairs -------------------------------------------------------------------------------------- */

static struct desired desired_of(const struct batch *batch,
                                 const struct shop_place *place, size_t at)
{
    const struct contract *contract = batch->contract;
    const struct shop *shop = &contract->shops[at];
    const struct place_state *state = &batch->places[place->place];
    const struct desired_input input = {
        .has_level = state->level.exists,
        .level = state->level.quantity,
        .source_state = contract->sources[state->level.source].state,
        .shop_mode = shop->mode,
        .buffer = shop->buffer,
        .excluded = shop_excludes(shop, state->place.sku),
        .unseen_units = unseen_units(contract, at, place->units[shop->mode]),
    };
    return desired_level(&input);
}

/* A level seen in mode on_hand is another quantity than the one that is written. */
static const struct event *observed_by(const struct batch *batch,
                                       const struct place_state *state, size_t shop)
{
    if (batch->contract->shops[shop].mode != LEVEL_AVAILABLE)
        return NULL;
    return shop_event(batch, state, EVENT_OBSERVED, shop);
}

static struct desired_write *add_decided(struct batch *batch,
                                         const struct shop_place *place,
                                         struct desired_write *row)
{
    const struct contract *contract = batch->contract;
    const struct place_state *state = &batch->places[place->place];
    for (int mode = 0; mode < 2; mode++)
        if (place->units[mode] != NULL)
            add_own_orders(batch, state, (enum level_state)mode, place->units[mode]);
    for (size_t shop = 0; shop < contract->shop_count; shop++) {
        if (contract->shops[shop].gids[state->location].bytes == NULL)
            continue;
        const struct desired desired = desired_of(batch, place, shop);
        const struct event *observed = observed_by(batch, state, shop);
        *row++ =
            (struct desired_write){.shop = contract->shops[shop].name,
                                   .place = state->place,
                                   .known = desired.known,
                                   .quantity = desired.quantity,
                                   .short_units = desired.short_units,
                                   .is_observed = observed != NULL,
                                   .observed = observed != NULL ? observed->quantity : 0};
    }
    return row;
}

/* ---- kits: they and their parts sell from one stock ------------------------------------------ */

/* Location -1: wherever the shops have one. */
struct everywhere {
    struct span sku;
    int location;
};

static struct desired_write *add_undecided(const struct batch *batch,
                                           const struct everywhere *where,
                                           struct desired_write *row)
{
    const struct contract *contract = batch->contract;
    for (size_t shop = 0; shop < contract->shop_count; shop++)
        for (size_t at = 0; at < contract->location_count; at++) {
            if (contract->shops[shop].gids[at].bytes == NULL ||
                (where->location >= 0 && (size_t)where->location != at))
                continue;
            *row++ = (struct desired_write){
                .shop = contract->shops[shop].name,
                .place = {where->sku, contract->locations[at].code},
                .undecided = true};
        }
    return row;
}

/* Pairs of other SKUs that the place's news concerns: kits of it, or parts of a kit. */
static struct desired_write *add_beside(const struct batch *batch,
                                        const struct place_state *state,
                                        struct desired_write *row)
{
    const struct contract *contract = batch->contract;
    size_t kits = 0;
    const struct kit_use *uses = contract_kits_of(contract, state->place.sku, &kits);
    const struct kit *kit = contract_kit(contract, state->place.sku);
    for (size_t use = 0; use < kits; use++)
        row = add_undecided(
            batch,
            &(struct everywhere){contract->kits[uses[use].kit].sku, state->location},
            row);
    for (size_t part = 0; kit != NULL && part < kit->part_count; part++)
        row = add_undecided(
            batch, &(struct everywhere){kit->parts[part].sku, state->location}, row);
    if (kit != NULL)
        row = add_undecided(batch, &(struct everywhere){kit->sku, state->location}, row);
    return row;
}

static bool is_news(const struct batch *batch, const struct place_state *state)
{
    return batch_is_level_written(state) || is_touched_by_shop(batch, state);
}

static size_t pairs_beside(const struct batch *batch, const struct place_state *state)
{
    const struct contract *contract = batch->contract;
    size_t kits = 0;
    (void)contract_kits_of(contract, state->place.sku, &kits);
    const struct kit *kit = contract_kit(contract, state->place.sku);
    size_t skus = kits + (kit != NULL ? kit->part_count + 1 : 0);
    return skus * contract->shop_count *
           (state->location >= 0 ? 1 : contract->location_count);
}

/* An order that has no location yet may take units anywhere: push decides those pairs. */
static bool is_of_everywhere(const struct batch *batch, const struct place_state *state)
{
    return state->location < 0 && is_touched_by_shop(batch, state);
}

static size_t most_pairs(const struct batch *batch)
{
    const struct contract *contract = batch->contract;
    size_t most = batch->shop_place_count * contract->shop_count;
    for (size_t at = 0; at < batch->place_count; at++)
        most += pairs_beside(batch, &batch->places[at]) +
                (is_of_everywhere(batch, &batch->places[at])
                     ? contract->shop_count * contract->location_count
                     : 0);
    return most;
}

static enum status pairs_effects(struct batch *batch, struct store_effects *effects,
                                 struct error *error)
{
    size_t most = most_pairs(batch);
    struct desired_write *rows = pool_take(&batch->pool, (most + 1) * sizeof(*rows));
    if (rows == NULL)
        return out_of_memory(error);
    struct desired_write *end = rows;
    for (size_t at = 0; at < batch->shop_place_count; at++)
        end = add_decided(batch, &batch->shop_places[at], end);
    for (size_t at = 0; at < batch->place_count; at++)
        if (is_of_everywhere(batch, &batch->places[at]))
            end = add_undecided(
                batch, &(struct everywhere){batch->places[at].place.sku, -1}, end);
    for (size_t at = 0; at < batch->place_count; at++)
        if (is_news(batch, &batch->places[at]))
            end = add_beside(batch, &batch->places[at], end);
    ASSERT(end <= rows + most);
    effects->desired = rows;
    effects->desired_count = (size_t)(end - rows);
    return STATUS_OK;
}

enum status shops_effects(struct batch *batch, struct store_effects *effects,
                          struct error *error)
{
    if (batch->contract->shop_count == 0)
        return STATUS_OK;
    enum status status = units_effects(batch, effects, error);
    return status == STATUS_OK ? pairs_effects(batch, effects, error) : status;
}
