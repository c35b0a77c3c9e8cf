#include "workers/apply/shops.h"

#include "common/base/check.h"
#include "common/domain/desired.h"
#include "workers/apply/traces.h"

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "apply: out of memory for one batch");
}

/* ---- which places, and what is to be asked --------------------------------------------------- */

static bool is_touched_by_shop(const struct batch *batch, const struct place_state *state)
{
    const struct contract *contract = batch->contract;
    for (size_t shop = 0; shop < contract->shop_count; shop++)
        if (state->touched[contract->source_count + shop])
            return true;
    return false;
}

static bool is_news(const struct batch *batch, const struct place_state *state)
{
    return batch_is_level_written(state) || is_touched_by_shop(batch, state);
}

static bool is_to_decide(const struct batch *batch, const struct place_state *state)
{
    return state->location >= 0 && state->level.exists && state->level.source >= 0 &&
           contract_kit(batch->contract, state->place.sku) == NULL &&
           is_news(batch, state);
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

/* The shop's newest observation of the place; NULL = none. What a shop in mode on_hand shows
 * is another quantity than the one that is written. */
static const struct event *observed_by(const struct batch *batch,
                                       const struct place_state *state, size_t shop)
{
    if (batch->contract->shops[shop].mode != LEVEL_AVAILABLE)
        return NULL;
    for (int32_t at = state->last_item; at >= 0; at = batch->items[at].before_item) {
        const struct item *item = &batch->items[at];
        if (item->verdict.recorded && item->event.type == EVENT_OBSERVED &&
            item->event.source == (int)shop)
            return &item->event;
    }
    return NULL;
}

static struct desired_write *add_decided(struct batch *batch,
                                         const struct shop_place *place,
                                         struct desired_write *row)
{
    const struct contract *contract = batch->contract;
    const struct place_state *state = &batch->places[place->place];
    struct span trace = trace_of_place(batch, state);
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
                                   .observed = observed != NULL ? observed->quantity : 0,
                                   .traceparent = trace};
    }
    return row;
}

/* ---- kits: they and their parts sell from one stock ------------------------------------------ */

/* SKUs that share the stock of a place's: kits of it; or a kit's parts, and itself. */
static size_t list_beside(const struct contract *contract, struct span sku,
                          struct span *skus)
{
    size_t count = 0;
    size_t kits = 0;
    const struct kit_use *uses = contract_kits_of(contract, sku, &kits);
    const struct kit *kit = contract_kit(contract, sku);
    for (size_t use = 0; use < kits; use++, count++)
        if (skus != NULL)
            skus[count] = contract->kits[uses[use].kit].sku;
    for (size_t part = 0; kit != NULL && part < kit->part_count; part++, count++)
        if (skus != NULL)
            skus[count] = kit->parts[part].sku;
    if (kit != NULL && skus != NULL)
        skus[count] = kit->sku;
    return count + (kit != NULL ? 1 : 0);
}

/* An order that has no location yet may take units anywhere: push decides all its pairs. */
static bool is_of_everywhere(const struct batch *batch, const struct place_state *state)
{
    return state->location < 0 && is_touched_by_shop(batch, state);
}

static enum status everywhere_effects(struct batch *batch, struct store_effects *effects,
                                      struct error *error)
{
    size_t most = 0;
    for (size_t at = 0; at < batch->place_count; at++)
        if (is_of_everywhere(batch, &batch->places[at]))
            most += 1 + list_beside(batch->contract, batch->places[at].place.sku, NULL);
    struct span *skus = pool_take(&batch->pool, (most + 1) * sizeof(*skus));
    if (skus == NULL)
        return out_of_memory(error);
    size_t count = 0;
    for (size_t at = 0; at < batch->place_count; at++) {
        struct span sku = batch->places[at].place.sku;
        if (!is_of_everywhere(batch, &batch->places[at]))
            continue;
        skus[count++] = sku;
        count += list_beside(batch->contract, sku, skus + count);
    }
    effects->everywhere = skus;
    effects->everywhere_count = count;
    return STATUS_OK;
}

static bool is_beside(const struct batch *batch, const struct place_state *state)
{
    return state->location >= 0 && is_news(batch, state);
}

static enum status add_beside(struct batch *batch, const struct place_state *state,
                              struct desired_write **row, struct error *error)
{
    const struct contract *contract = batch->contract;
    size_t count = list_beside(contract, state->place.sku, NULL);
    struct span *skus = pool_take(&batch->pool, (count + 1) * sizeof(*skus));
    if (skus == NULL)
        return out_of_memory(error);
    (void)list_beside(contract, state->place.sku, skus);
    struct span trace = trace_of_place(batch, state);
    for (size_t at = 0; at < count; at++)
        for (size_t shop = 0; shop < contract->shop_count; shop++)
            if (contract->shops[shop].gids[state->location].bytes != NULL)
                *(*row)++ =
                    (struct desired_write){.shop = contract->shops[shop].name,
                                           .place = {skus[at], state->place.location},
                                           .undecided = true,
                                           .traceparent = trace};
    return STATUS_OK;
}

static size_t most_pairs(const struct batch *batch)
{
    size_t most = batch->shop_place_count;
    for (size_t at = 0; at < batch->place_count; at++)
        if (is_beside(batch, &batch->places[at]))
            most += list_beside(batch->contract, batch->places[at].place.sku, NULL);
    return most * batch->contract->shop_count;
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
    enum status status = STATUS_OK;
    for (size_t at = 0; at < batch->place_count && status == STATUS_OK; at++)
        if (is_beside(batch, &batch->places[at]))
            status = add_beside(batch, &batch->places[at], &end, error);
    ASSERT(end <= rows + most);
    effects->desired = rows;
    effects->desired_count = (size_t)(end - rows);
    effects->is_traced = batch->is_traced;
    return status == STATUS_OK ? everywhere_effects(batch, effects, error) : status;
}

enum status shops_effects(struct batch *batch, struct store_effects *effects,
                          struct error *error)
{
    if (batch->contract->shop_count == 0)
        return STATUS_OK;
    enum status status = units_effects(batch, effects, error);
    return status == STATUS_OK ? pairs_effects(batch, effects, error) : status;
}
