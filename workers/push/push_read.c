#include "common/base/check.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "workers/push/push.h"

/* The pairs of one location, and what the shop shows of them. */
struct reading {
    const struct claimed_pair *pairs[PUSH_PAIRS_MAX];
    struct span items[PUSH_PAIRS_MAX];
    struct shopify_level levels[PUSH_PAIRS_MAX];
    size_t count;
};

/* What a level read says of a pair; the catalogue is not trusted further than it. */
static void judge(const struct claimed_pair *pair, const struct shopify_level *level,
                  struct read_pair *out)
{
    *out = (struct read_pair){.sku = pair->sku, .location = pair->location, .fault = ""};
    if (!level->item_there || !span_equal(level->sku, pair->raw_sku))
        out->fault = "unmapped";
    else if (!level->tracked)
        out->fault = "untracked";
    else if (!level->level_there || !level->active || !level->has_quantity)
        out->fault = "not_stocked";
    out->has_shown = out->fault[0] == '\0';
    out->shown = out->has_shown ? level->quantity : 0;
}

static void gather(struct reading *reading, const struct claimed_pair *const *pairs,
                   size_t count, struct span gid)
{
    reading->count = 0;
    for (size_t at = 0; at < count; at++) {
        if (!span_equal(pairs[at]->gid, gid))
            continue;
        reading->pairs[reading->count] = pairs[at];
        reading->items[reading->count++] = pairs[at]->item;
    }
}

static bool ask(struct pusher *pusher, struct reading *reading)
{
    bool on_hand = pusher->shop->mode == LEVEL_ON_HAND;
    const struct levels_wanted wanted = {.items = reading->items,
                                         .count = reading->count,
                                         .name = on_hand ? "on_hand" : "available",
                                         .pool = &pusher->pool};
    struct error error = {0};
    if (shopify_read_levels(pusher->shopify, &wanted, reading->pairs[0]->gid,
                            reading->levels, &error) == STATUS_OK)
        return true;
    push_trouble(pusher, "shop", &error);
    return false;
}

static bool keep(struct pusher *pusher, const struct reading *reading)
{
    struct read_pair pairs[PUSH_PAIRS_MAX];
    struct error error = {0};
    for (size_t at = 0; at < reading->count; at++)
        judge(reading->pairs[at], &reading->levels[at], &pairs[at]);
    const struct shown_levels levels = {.mode = pusher->shop->mode,
                                        .since_us = pusher->claimed.at_us,
                                        .pairs = pairs,
                                        .count = reading->count};
    if (store_shown(pusher->postgres, &pusher->lease, &levels, &error) != STATUS_OK) {
        push_trouble(pusher, "postgres", &error);
        return false;
    }
    if (pusher->lease.lost) {
        push_lost(pusher);
        return false;
    }
    metric_add(pusher->metrics.pairs_read, (int64_t)reading->count);
    log_info("pairs read", LOG_TEXT("shop", pusher->name),
             LOG_INT("pairs", (int64_t)reading->count), LOG_END);
    return true;
}

/* Was this location's group handled before the pair at `at`? */
static bool is_done(const struct claimed_pair *const *pairs, size_t at)
{
    for (size_t before = 0; before < at; before++)
        if (span_equal(pairs[before]->gid, pairs[at]->gid))
            return true;
    return false;
}

void push_read(struct pusher *pusher, const struct claimed_pair *const *pairs,
               size_t count)
{
    struct reading reading;
    ASSERT(count > 0 && count <= PUSH_PAIRS_MAX);
    for (size_t at = 0; at < count; at++) {
        if (is_done(pairs, at))
            continue;
        gather(&reading, pairs, count, pairs[at]->gid);
        /* Not enough points: what is left is claimed again in the next step. */
        if (!push_may_pay(pusher, (int64_t)reading.count * SHOPIFY_READ_POINTS))
            return;
        if (!ask(pusher, &reading) || !keep(pusher, &reading))
            return;
    }
    push_ready(pusher);
}
