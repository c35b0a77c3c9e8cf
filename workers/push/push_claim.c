#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "common/runtime/pair_decide.h"
#include "workers/push/push.h"

#include <stdio.h>
#include <sys/random.h>

/* More was sold than there is: the debt stays to be seen (PAIR_IS_OFF). */
static bool is_in_debt(const struct claimed_pair *pair)
{
    return pair->short_units > 0 && pair->desired == 0 && pair->shown < 0;
}

/* Nothing is to be written: nothing is known, or the shop shows it. */
static bool is_at_par(const struct claimed_pair *pair)
{
    return !pair->has_desired ||
           (pair->has_shown && (pair->shown == pair->desired || is_in_debt(pair)));
}

static bool is_idle(const struct pusher *pusher, const struct claimed_pair *pair)
{
    return pusher->shop->activates && strcmp(pair->fault, "not_stocked") == 0;
}

static void sort_pairs(const struct pusher *pusher, struct push_sorted *sorted)
{
    const struct claimed_pair *pairs = pusher->claimed.pairs;
    size_t count = pusher->claimed.count;
    for (size_t at = 0; at < count; at++) {
        const struct claimed_pair *pair = &pairs[at];
        if (is_idle(pusher, pair))
            sorted->idle[sorted->idle_count++] = pair;
        else if (pair->fault[0] != '\0')
            sorted->faulty[sorted->faulty_count++] = pair;
        else if (is_at_par(pair))
            continue;
        else if (!pair->has_shown)
            sorted->unread[sorted->unread_count++] = pair;
        else
            sorted->ready[sorted->ready_count++] = pair;
    }
}

void push_make_key(unsigned char key[16], char text[37])
{
    ASSERT(getrandom(key, 16, 0) == 16);
    key[6] = (unsigned char)((key[6] & 0x0fu) | 0x40u);
    key[8] = (unsigned char)((key[8] & 0x3fu) | 0x80u);
    static const char HEX[] = "0123456789abcdef";
    size_t out = 0;
    for (size_t at = 0; at < 16; at++) {
        if (at == 4 || at == 6 || at == 8 || at == 10)
            text[out++] = '-';
        text[out++] = HEX[key[at] >> 4];
        text[out++] = HEX[key[at] & 0x0fu];
    }
    text[out] = '\0';
}

static void encode(struct pusher *pusher, const struct push_sorted *sorted,
                   const char *key)
{
    struct set_pair pairs[PUSH_PAIRS_MAX];
    for (size_t at = 0; at < sorted->ready_count; at++)
        pairs[at] = (struct set_pair){.item = sorted->ready[at]->item,
                                      .location = sorted->ready[at]->gid,
                                      .change_from = sorted->ready[at]->shown,
                                      .quantity = sorted->ready[at]->desired};
    char reference[64];
    (void)snprintf(reference, sizeof reference, "gid://parstock/Write/%s", key);
    const struct shop *shop = pusher->shop;
    const struct set_request request = {
        .document = shopify_document("set_quantities.graphql"),
        .name = shop->mode == LEVEL_ON_HAND ? SPAN_OF("on_hand") : SPAN_OF("available"),
        .reason = shop->reason,
        .reference = span_from(reference),
        .key = span_from(key),
        .pairs = pairs,
        .pair_count = sorted->ready_count,
    };
    buf_clear(&pusher->body);
    shopify_encode_set(&request, &pusher->body);
    ASSERT(!pusher->body.failed);
}

static void remember(struct pusher *pusher, const struct push_sorted *sorted, int64_t id,
                     const char *key)
{
    struct open_write *write = &pusher->write;
    write->id = id;
    write->key = pool_span(&pusher->pool, span_from(key));
    write->body = buf_view(&pusher->body);
    write->attempts = 0;
    write->age_ms = 0;
    write->count = sorted->ready_count;
    for (size_t at = 0; at < sorted->ready_count; at++) {
        write->skus[at] = sorted->ready[at]->sku;
        write->locations[at] = sorted->ready[at]->location;
        write->quantities[at] = sorted->ready[at]->desired;
        write->traceparents[at] = sorted->ready[at]->traceparent;
    }
    pusher->maybe_applied = false;
    pusher->resends = 0;
}

/* Within the claiming transaction: faults, then key and bytes of the write. */
static enum status store(struct pusher *pusher, const struct push_sorted *sorted,
                         char key[37], int64_t *id_out, struct error *error)
{
    enum status status = STATUS_OK;
    if (sorted->faulty_count > 0)
        status = store_faults(pusher->postgres, pusher->lease.shop, sorted->faulty,
                              sorted->faulty_count, error);
    if (status != STATUS_OK || sorted->ready_count == 0)
        return status;
    unsigned char bytes[16];
    push_make_key(bytes, key);
    encode(pusher, sorted, key);
    const struct new_write write = {.key = bytes,
                                    .body = buf_view(&pusher->body),
                                    .pairs = sorted->ready,
                                    .count = sorted->ready_count};
    return store_write(pusher->postgres, &pusher->lease, &write, id_out, error);
}

/* ---- deciding once more --------------------------------------------------------------- */

/* False: what stands there holds, and there is something to do. */
static bool take_decision(struct claimed_pair *pair, const struct pair_decision *decision)
{
    bool was_undecided = pair->undecided || is_at_par(pair);
    pair->undecided = false;
    if (!decision->is_decided)
        return was_undecided;
    bool is_same = pair->short_units == decision->desired.short_units &&
                   pair->has_desired == decision->desired.known &&
                   (!pair->has_desired || pair->desired == decision->desired.quantity);
    pair->has_desired = decision->desired.known;
    pair->desired = decision->desired.quantity;
    pair->short_units = decision->desired.short_units;
    return was_undecided || !is_same;
}

/*
 * The number in the row is a first word: since it was written an order may have come, or a
 * read may have found units gone. What is sent is decided here, while the rows are held.
 */
static enum status decide_again(struct pusher *pusher, struct error *error)
{
    struct claim *claimed = &pusher->claimed;
    struct place places[PUSH_PAIRS_MAX];
    struct pair_decision decisions[PUSH_PAIRS_MAX];
    SCOPED(pool_free) struct pool work;
    bool any = false;
    pool_init(&work, PUSH_POOL_MAX);
    for (size_t at = 0; at < claimed->count; at++)
        places[at] = (struct place){claimed->pairs[at].sku, claimed->pairs[at].location};
    const struct contract *contract = pusher->settings->contract;
    const struct pair_question question = {.contract = contract,
                                           .shop =
                                               (size_t)(pusher->shop - contract->shops),
                                           .places = places,
                                           .count = claimed->count};
    enum status status =
        pair_decide(pusher->postgres, &question, &work, decisions, error);
    for (size_t at = 0; status == STATUS_OK && at < claimed->count; at++)
        any = take_decision(&claimed->pairs[at], &decisions[at]) || any;
    if (status != STATUS_OK || !any)
        return status;
    return store_decided(pusher->postgres, pusher->lease.shop, claimed->pairs,
                         claimed->count, error);
}

/* The lease's row is locked by a statement of its own: so callers claim one after another,
 * and each looks for pairs once the one before it has taken its own. */
static enum status begin(struct pusher *pusher, struct error *error)
{
    enum status status = postgres_script(pusher->postgres, "BEGIN", error);
    if (status == STATUS_OK)
        status = store_lease_renew(pusher->postgres, &pusher->lease, error);
    if (status == STATUS_OK && !pusher->lease.lost)
        status = store_claim(pusher->postgres, &pusher->lease, &pusher->claimed, error);
    if (status == STATUS_OK)
        status =
            store_doubt(pusher->postgres, pusher->lease.shop, &pusher->claimed, error);
    return status;
}

/* One transaction; on anything but success the connection is given up with it. */
static enum status claim(struct pusher *pusher, struct push_sorted *sorted,
                         struct error *error)
{
    struct claim *claimed = &pusher->claimed;
    char key[37] = "";
    int64_t id = 0;
    claimed->places = &pusher->places;
    claimed->mode = pusher->shop->mode;
    claimed->limit = atomic_load(&pusher->crew->limit);
    claimed->pool = &pusher->pool;
    claimed->count = 0;
    enum status status = begin(pusher, error);
    if (status != STATUS_OK)
        return status;
    if (pusher->lease.lost)
        return postgres_script(pusher->postgres, "ROLLBACK", error);
    status = decide_again(pusher, error);
    if (status != STATUS_OK)
        return status;
    sort_pairs(pusher, sorted);
    status = push_hold_zeroes(pusher, sorted, error);
    if (status == STATUS_OK)
        status = store(pusher, sorted, key, &id, error);
    if (status == STATUS_OK)
        status = postgres_script(pusher->postgres, "COMMIT", error);
    if (status == STATUS_OK && id != 0)
        remember(pusher, sorted, id, key);
    return status;
}

static void warn_faults(const struct pusher *pusher, const struct push_sorted *sorted)
{
    if (sorted->faulty_count == 0)
        return;
    log_warn("pairs can't be written; 'catalog check' says why",
             LOG_TEXT("shop", pusher->name),
             LOG_INT("pairs", (int64_t)sorted->faulty_count),
             LOG_TEXT("first_fault", sorted->faulty[0]->fault), LOG_END);
}

void push_claim(struct pusher *pusher)
{
    struct push_sorted sorted = {0};
    struct error error = {0};
    int64_t began_us = clock_monotonic_us();
    pool_reset(&pusher->pool);
    if (claim(pusher, &sorted, &error) != STATUS_OK) {
        push_trouble(pusher, "postgres", &error);
        return;
    }
    if (pusher->lease.lost) {
        push_lost(pusher);
        return;
    }
    pusher->lease_end_us = began_us + pusher->lease.length_ms * 1000;
    atomic_store(&pusher->crew->is_busy, pusher->claimed.count == pusher->claimed.limit);
    warn_faults(pusher, &sorted);
    /* Reads are the leader's, once its write is settled: they are claimed again then. */
    if (sorted.ready_count > 0 || pusher->number > 0)
        return;
    if (sorted.idle_count > 0)
        push_activate(pusher, sorted.idle, sorted.idle_count);
    else if (sorted.unread_count > 0)
        push_read(pusher, sorted.unread, sorted.unread_count);
}
