#include "common/runtime/fold.h"

#include "common/base/check.h"
#include "common/domain/unseen.h"

#include <stdlib.h>

#define CAPACITY_FIRST 64

/* ---- memory --------------------------------------------------------------------------- */

static bool add_change(struct fold_changes *changes, const struct fold_change *change)
{
    if (changes->count == changes->capacity) {
        size_t capacity = changes->capacity > 0 ? changes->capacity * 2 : CAPACITY_FIRST;
        if (changes->count >= FOLD_CHANGES_MAX)
            return false;
        struct fold_change *items =
            realloc(changes->items, capacity * sizeof(*changes->items));
        if (items == NULL)
            return false;
        changes->items = items;
        changes->capacity = capacity;
    }
    changes->items[changes->count++] = *change;
    return true;
}

static void release(struct fold_changes *changes)
{
    free(changes->items);
    *changes = (struct fold_changes){0};
}

void fold_open(struct fold *fold, const struct contract *contract)
{
    *fold = (struct fold){.contract = contract};
    fold_next_sku(fold);
}

void fold_close(struct fold *fold)
{
    release(&fold->adjustments);
    release(&fold->orders);
    release(&fold->everywhere);
}

void fold_next_place(struct fold *fold)
{
    memset(fold->readings, 0, sizeof(fold->readings));
    fold->level = (struct level){.source = -1};
    fold->adjustments.count = 0;
    fold->orders.count = 0;
}

void fold_next_sku(struct fold *fold)
{
    fold_next_place(fold);
    fold->everywhere.count = 0;
}

void fold_know(struct fold *fold, struct span source, const struct reading *reading)
{
    const struct contract *contract = fold->contract;
    int slot = contract_source(contract, source);
    if (slot < 0 && contract_shop(contract, source) >= 0)
        slot = (int)contract->source_count + contract_shop(contract, source);
    if (slot < 0)
        return;
    fold->readings[slot] = *reading;
    fold->level = level_ruling(contract, fold->readings);
}

/* ---- judging --------------------------------------------------------------------------- */

/* Names to indexes of this contract, or why the event would be refused. */
static enum reason look_up(const struct contract *contract, struct event *event)
{
    bool of_shop = event_is_of_shop(event->type);
    event->source = of_shop ? contract_shop(contract, event->source_name)
                            : contract_source(contract, event->source_name);
    if (event->source < 0)
        return REASON_UNKNOWN_SOURCE;
    event->location = -1;
    if (event->location_code.length == 0)
        return REASON_NONE;
    event->location = contract_location(contract, event->location_code);
    if (event->location < 0)
        return REASON_UNKNOWN_LOCATION;
    if (!of_shop &&
        !source_speaks_for(&contract->sources[event->source], event->location))
        return REASON_UNKNOWN_LOCATION;
    return REASON_NONE;
}

static int64_t adjusted_later(const struct fold *fold, const struct event *event)
{
    int slot = judge_slot(fold->contract, event);
    int64_t sum = 0;
    if (!reading_needs_later(&fold->readings[slot], event))
        return 0;
    for (size_t at = 0; at < fold->adjustments.count; at++) {
        const struct fold_change *change = &fold->adjustments.items[at];
        if (change->slot == slot && change->at_us > event->occurred_at_us)
            sum += change->units;
    }
    return sum;
}

static bool remember(struct fold *fold, const struct event *event,
                     const struct verdict *verdict)
{
    const struct fold_change change = {
        .at_us = event->occurred_at_us, .units = event->quantity, .slot = event->source};
    fold->readings[verdict->slot] = verdict->reading;
    fold->level = verdict->level;
    if (event->type == EVENT_ADJUSTED)
        return add_change(&fold->adjustments, &change);
    if (event->type != EVENT_ORDERED || event->quantity == 0)
        return true;
    return add_change(event->location < 0 ? &fold->everywhere : &fold->orders, &change);
}

enum status fold_judge(struct fold *fold, const struct fold_row *row,
                       struct verdict *verdict_out, struct error *error)
{
    struct event event = row->event;
    const enum reason reason = look_up(fold->contract, &event);
    struct question question = {.reason = reason};
    if (reason == REASON_NONE)
        question = (struct question){
            .seen = SEEN_NEVER,
            .event = &event,
            .contract = fold->contract,
            .readings = fold->readings,
            .level = &fold->level,
            .adjusted_later = adjusted_later(fold, &event),
            .recorded_at_ms = row->recorded_at_ms > 0 ? row->recorded_at_ms : -1};
    *verdict_out = judge(&question);
    if (!verdict_out->recorded || remember(fold, &event, verdict_out))
        return STATUS_OK;
    return error_set(error, STATUS_FATAL,
                     "out of memory, or more than %zu adjustments or orders of one SKU "
                     "at one location: ask for a shorter span",
                     FOLD_CHANGES_MAX);
}

/* ---- what a shop should show ------------------------------------------------------------ */

static void add_orders(const struct fold_changes *orders, int64_t after_us,
                       struct shop_units *units)
{
    for (size_t at = 0; at < orders->count; at++) {
        const struct fold_change *order = &orders->items[at];
        if (order->at_us <= after_us)
            continue;
        if (order->units > 0)
            units[order->slot].ordered += order->units;
        else
            units[order->slot].cancelled -= order->units;
    }
}

static int64_t unseen_of(const struct fold *fold, size_t shop)
{
    const struct contract *contract = fold->contract;
    struct shop_units units[CONTRACT_SHOPS_MAX] = {0};
    int64_t after_us = unseen_after_us(contract->shops[shop].mode,
                                       &contract->sources[fold->level.source],
                                       &fold->readings[fold->level.source]);
    add_orders(&fold->orders, after_us, units);
    add_orders(&fold->everywhere, after_us, units);
    return unseen_units(contract, shop, units);
}

struct desired fold_desired(const struct fold *fold, size_t shop, struct span sku)
{
    const struct contract *contract = fold->contract;
    ASSERT(shop < contract->shop_count);
    if (!fold->level.exists || fold->level.source < 0 ||
        contract_kit(contract, sku) != NULL)
        return (struct desired){.rule = DESIRED_NO_LEVEL};
    const struct desired_input input = {
        .has_level = true,
        .level = fold->level.quantity,
        .source_state = contract->sources[fold->level.source].state,
        .shop_mode = contract->shops[shop].mode,
        .buffer = contract->shops[shop].buffer,
        .excluded = shop_excludes(&contract->shops[shop], sku),
        .unseen_units = unseen_of(fold, shop)};
    return desired_level(&input);
}
