/*
 * The guard over levels that are taken to zero: a source that lost its rows says 0 for all of
 * them, and a shop that shows nothing sells nothing. What waits to be zeroed counts as what was:
 * such a feed is stopped before the first of its zeroes is written. What goes beyond the contract's limit
 * within the time between two comparisons is held, other levels are written on, and a person
 * hears of it once.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/json_text.h"
#include "common/io/store_zeroing.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "workers/push/push.h"

#define LEVELS_EVERY_US 60000000
#define ZEROES_EVERY_US 1000000
#define EVIDENCE_BYTES_MAX ((size_t)4 * 1024)

static bool is_zeroing(const struct claimed_pair *pair)
{
    return pair->desired <= 0 && pair->has_shown && pair->shown > 0;
}

/* ---- within a claim --------------------------------------------------------------------- */

static enum status count_levels(struct pusher *pusher, struct error *error)
{
    if (pusher->levels_us != 0 && clock_monotonic_us() < pusher->levels_us)
        return STATUS_OK;
    enum status status = store_zeroing_levels(pusher->postgres, pusher->lease.shop,
                                              &pusher->levels, error);
    if (status == STATUS_OK)
        pusher->levels_us = clock_monotonic_us() + LEVELS_EVERY_US;
    return status;
}

static enum status count_zeroes(struct pusher *pusher, struct error *error)
{
    if (pusher->zeroes_us != 0 && clock_monotonic_us() < pusher->zeroes_us)
        return STATUS_OK;
    enum status status = store_zeroing_waiting(pusher->postgres, pusher->lease.shop,
                                               &pusher->zeroes, error);
    if (status == STATUS_OK)
        pusher->zeroes_us = clock_monotonic_us() + ZEROES_EVERY_US;
    return status;
}

static int64_t window_of(const struct pusher *pusher)
{
    return pusher->settings->contract->drift_interval_seconds;
}

struct zeroing_question {
    int64_t asked; /* of the claim */
    bool fires;
    enum guard guard;
};

/* A count that is a moment old may hold what was written since: it is good for going on, not
 * for stopping. */
static enum status ask_guard(struct pusher *pusher, const struct zeroing *zeroing,
                             struct zeroing_question *question, struct error *error)
{
    const struct guard_limits *limits = &pusher->settings->contract->guards;
    enum status status = count_levels(pusher, error);
    for (int round = 0; round < 2 && status == STATUS_OK; round++) {
        status = count_zeroes(pusher, error);
        int64_t asking =
            pusher->zeroes > question->asked ? pusher->zeroes : question->asked;
        int64_t zeroed = zeroing->zeroed + asking;
        const struct guard_window window = {.levels = pusher->levels,
                                            .zeroed = zeroed > 0 ? zeroed : 0};
        question->fires = guard_of_window(limits, &window, &question->guard);
        if (!question->fires)
            break;
        pusher->zeroes_us = 0;
    }
    return status;
}

/* Moves them to those that are left alone; the order of the others stays. */
static void hold(struct pusher *pusher, struct push_sorted *sorted)
{
    struct claimed_pair *pairs = pusher->claimed.pairs;
    size_t kept = 0;
    for (size_t at = 0; at < sorted->ready_count; at++) {
        const struct claimed_pair *pair = sorted->ready[at];
        if (!is_zeroing(pair)) {
            sorted->ready[kept++] = pair;
            continue;
        }
        memcpy(pairs[pair - pairs].fault, ZEROING_FAULT, sizeof ZEROING_FAULT);
        sorted->faulty[sorted->faulty_count++] = pair;
    }
    sorted->ready_count = kept;
}

static enum status stop(struct pusher *pusher, enum guard guard, struct error *error)
{
    enum status status = store_zeroing_stop(pusher->postgres, pusher->lease.shop,
                                            guard_kind(guard)->id, error);
    if (status == STATUS_OK)
        atomic_store(&pusher->crew->look_soon, true);
    return status;
}

enum status push_hold_zeroes(struct pusher *pusher, struct push_sorted *sorted,
                             struct error *error)
{
    struct span shop = pusher->lease.shop;
    struct zeroing zeroing = {0};
    struct zeroing_question question = {0};
    for (size_t at = 0; at < sorted->ready_count; at++)
        question.asked += is_zeroing(sorted->ready[at]);
    if (question.asked == 0)
        return STATUS_OK;
    enum status status =
        store_zeroing(pusher->postgres, shop, window_of(pusher), &zeroing, error);
    if (status == STATUS_OK && !zeroing.is_stopped)
        status = ask_guard(pusher, &zeroing, &question, error);
    if (status != STATUS_OK)
        return status;
    if (!zeroing.is_stopped && !question.fires)
        return store_zeroing_add(pusher->postgres, shop, window_of(pusher),
                                 question.asked, error);
    hold(pusher, sorted);
    return zeroing.is_stopped ? STATUS_OK : stop(pusher, question.guard, error);
}

/* ---- within a look ---------------------------------------------------------------------- */

static struct span evidence_of(const struct zeroing_stop *stopped, struct pool *pool)
{
    SCOPED(buf_free) struct buf text = {0};
    buf_init(&text, EVIDENCE_BYTES_MAX);
    buf_byte(&text, '{');
    json_member_number(&text, "held", stopped->held);
    json_member_time(&text, "stopped_at", stopped->stopped_at_us);
    buf_byte(&text, '}');
    return pool_buf(pool, &text);
}

static struct span proposal_of(struct span shop, struct pool *pool)
{
    SCOPED(buf_free) struct buf text = {0};
    buf_init(&text, EVIDENCE_BYTES_MAX);
    buf_byte(&text, '{');
    json_member_text(&text, "do", SPAN_OF("release"));
    json_member_text(&text, "scope", SPAN_OF("zeroing"));
    json_member_text(&text, "shop", shop);
    buf_byte(&text, '}');
    return pool_buf(pool, &text);
}

static enum status see(struct pusher *pusher, const struct zeroing_stop *stopped,
                       struct pool *pool, struct incident_set *set, struct error *error)
{
    const struct incident_subject subject = {.shop = pusher->lease.shop};
    const struct incident_origin origin = {.offset = stopped->stopped_at_us,
                                           .recorded_at_us = stopped->stopped_at_us};
    bool taken = incident_set_add(set, INCIDENT_ZEROING_STOPPED, &subject, &origin);
    ASSERT(taken); /* the set was empty */
    struct incident_sighting *sighting = &set->items[set->count - 1];
    sighting->evidence = evidence_of(stopped, pool);
    sighting->proposal = proposal_of(pusher->lease.shop, pool);
    if (sighting->evidence.bytes == NULL || sighting->proposal.bytes == NULL)
        return error_set(error, STATUS_RETRY, "push: out of memory for incidents");
    return store_zeroing_told(pusher->postgres, pusher->lease.shop, error);
}

enum status push_look_zeroing(struct pusher *pusher, struct pool *pool,
                              struct incident_set *set, bool *over_out,
                              struct error *error)
{
    struct postgres *postgres = pusher->postgres;
    struct span shop = pusher->lease.shop;
    struct zeroing_stop stopped = {0};
    int64_t held = 0;
    *over_out = false;
    enum status status = store_zeroing_wake(postgres, shop, error);
    if (status == STATUS_OK)
        status = store_zeroing_stopped(postgres, shop, &stopped, error);
    if (status != STATUS_OK || !stopped.is_there)
        return status;
    if (!stopped.is_told)
        return see(pusher, &stopped, pool, set, error);
    *over_out = stopped.held == 0;
    return *over_out ? store_zeroing_release(postgres, shop, &held, error) : STATUS_OK;
}
