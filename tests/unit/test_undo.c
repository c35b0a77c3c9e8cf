/* Taking counts and adjustments back: after it the source's reading, and what its next events
 * become, are those of a world in which the batch never was. */
#include "common/base/check.h"
#include "common/domain/judge.h"
#include "common/domain/undo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define EVENTS_MAX 64
#define ROUNDS 20000

static const struct source SOURCE = {.rank = 1, .order_lag_seconds = 60};
static const struct contract CONTRACT = {
    .sources = &SOURCE, .source_count = 1, .idempotency_days = 35};

/* One place of one source, as apply keeps it. */
struct world {
    struct reading reading;
    struct level level;
    struct event adjustments[EVENTS_MAX];
    size_t adjustment_count;
};

static int64_t later_than(const struct world *world, int64_t us)
{
    int64_t sum = 0;
    for (size_t at = 0; at < world->adjustment_count; at++)
        if (world->adjustments[at].occurred_at_us > us)
            sum += world->adjustments[at].quantity;
    return sum;
}

static struct verdict take(struct world *world, const struct event *event)
{
    bool needs = reading_needs_later(&world->reading, event);
    const struct question question = {
        .event = event,
        .contract = &CONTRACT,
        .readings = &world->reading,
        .level = &world->level,
        .adjusted_later = needs ? later_than(world, event->occurred_at_us) : 0,
        .recorded_at_ms = -1};
    struct verdict verdict = judge(&question);
    if (!verdict.recorded)
        return verdict;
    world->reading = verdict.reading;
    world->level = verdict.level;
    if (event->type == EVENT_ADJUSTED) {
        assert_true(world->adjustment_count < EVENTS_MAX);
        world->adjustments[world->adjustment_count++] = *event;
    }
    return verdict;
}

static struct undo_row row_of(const struct event *event, const struct verdict *verdict,
                              const struct level *before)
{
    return (struct undo_row){.event = *event,
                             .outcome = verdict->outcome,
                             .is_own = true,
                             .rules = true,
                             .has_before = before->exists,
                             .before = before->quantity};
}

/* Takes the event, and notes the row of the ledger that it leaves. */
static void note(struct world *world, struct undo_past *past, const struct event *event,
                 bool is_batch)
{
    const struct level before = world->level;
    const struct verdict verdict = take(world, event);
    struct undo_row row = row_of(event, &verdict, &before);
    row.is_batch = is_batch;
    assert_false(undo_past_add(past, &row));
}

static unsigned random_at;

static int64_t dice(int64_t least, int64_t most)
{
    random_at = random_at * 1103515245u + 12345u;
    return least + (int64_t)((random_at >> 8) % (unsigned)(most - least + 1));
}

static struct event random_event(enum event_type type, bool versions)
{
    struct event event = {.type = type,
                          .quantity = dice(-20, 100),
                          .occurred_at_us = dice(1, 40) * 1000000,
                          .has_version = versions && dice(0, 4) > 0,
                          .has_sees_orders_until = dice(0, 3) == 0};
    event.version = event.has_version ? dice(0, 12) : 0;
    event.sees_orders_until_us = event.has_sees_orders_until ? dice(1, 40) * 1000000 : 0;
    return event;
}

static struct undo_now now_of(const struct world *world)
{
    struct undo_now now = {.source = &SOURCE,
                           .reading = world->reading,
                           .is_ledger_whole = true,
                           .now_us = 100 * 1000000,
                           .horizon_us = INT64_C(35) * 86400 * 1000000};
    for (size_t at = 0; at < world->adjustment_count; at++) {
        int64_t us = world->adjustments[at].occurred_at_us;
        if (!now.has_first_adjusted || us < now.first_adjusted_us)
            now.first_adjusted_us = us;
        now.has_first_adjusted = true;
    }
    return now;
}

static void take_steps(struct world *world, const struct undo_step *steps, size_t count,
                       bool is_chain)
{
    int changes = 0;
    for (size_t at = 0; at < count; at++) {
        const struct level before = world->level;
        const struct event event = {
            .type = steps[at].type,
            .quantity = steps[at].quantity,
            .occurred_at_us = steps[at].occurred_at_us,
            .has_version = steps[at].has_version,
            .version = steps[at].version,
            .has_sees_orders_until = steps[at].has_sees_orders_until,
            .sees_orders_until_us = steps[at].sees_orders_until_us};
        const struct verdict verdict = take(world, &event);
        assert_true(verdict.recorded || !is_chain);
        changes += world->level.quantity != before.quantity;
    }
    /* Nobody ever sees a level that is neither the old one nor the new one. */
    assert_true(changes <= 1 || !is_chain);
}

static void assert_same(const struct reading *left, const struct reading *right)
{
    assert_int_equal(left->exists, right->exists);
    assert_int_equal(reading_quantity(left), reading_quantity(right));
    assert_int_equal(left->has_count, right->has_count);
    assert_int_equal(left->has_version, right->has_version);
    assert_int_equal(left->version, right->version);
    assert_int_equal(left->counted_at_us, right->counted_at_us);
    assert_int_equal(left->has_sees_orders_until, right->has_sees_orders_until);
    if (left->has_sees_orders_until)
        assert_int_equal(left->sees_orders_until_us, right->sees_orders_until_us);
}

/* ---- counts --------------------------------------------------------------------------- */

/* A world, a batch of counts on top of it, and the batch taken back. */
struct story {
    struct world without;
    struct world with;
    struct undo_past past;
};

static void tell_before(struct story *story, bool versions)
{
    int64_t events = dice(1, 6);
    for (int64_t at = 0; at < events; at++) {
        enum event_type type =
            at == 0 || dice(0, 1) == 0 ? EVENT_COUNTED : EVENT_ADJUSTED;
        const struct event event = random_event(type, versions);
        note(&story->with, &story->past, &event, false);
    }
    story->without = story->with;
}

static void test_counts_are_taken_back_exactly(void **state)
{
    (void)state;
    int told = 0;
    for (unsigned seed = 1; seed <= ROUNDS; seed++) {
        struct story story = {0};
        struct undo_step steps[UNDO_STEPS_MAX] = {0};
        random_at = seed;
        bool versions = dice(0, 1) == 0;
        tell_before(&story, versions);
        for (int64_t at = dice(1, 3); at > 0; at--) {
            const struct event event = random_event(EVENT_COUNTED, dice(0, 1) == 0);
            note(&story.with, &story.past, &event, true);
        }
        const struct undo_now now = now_of(&story.with);
        const struct undo_rule *rule = undo_rule(&story.past, &now);
        if (story.past.counts == 0) {
            assert_string_equal(rule->id, "no_effect");
            continue;
        }
        assert_string_equal(rule->id, "counts");
        take_steps(&story.with, steps, undo_steps(&story.past, &now, steps), true);
        assert_same(&story.with.reading, &story.without.reading);
        assert_int_equal(story.with.level.quantity, story.without.level.quantity);
        /* Whatever the source says next becomes what it would have become. */
        for (int at = 0; at < 3; at++) {
            const struct event next =
                random_event(dice(0, 1) == 0 ? EVENT_COUNTED : EVENT_ADJUSTED, versions);
            assert_int_equal(take(&story.with, &next).outcome,
                             take(&story.without, &next).outcome);
            assert_same(&story.with.reading, &story.without.reading);
        }
        told++;
    }
    assert_true(told > ROUNDS / 3);
}

/* A count of the source that comes between any two steps rules in the end. */
static void test_a_count_in_between_wins(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= ROUNDS; seed++) {
        struct story story = {0};
        struct undo_step steps[UNDO_STEPS_MAX] = {0};
        random_at = seed;
        bool versions = dice(0, 1) == 0;
        struct event first = {.type = EVENT_COUNTED,
                              .quantity = 10,
                              .occurred_at_us = 1000000,
                              .has_version = versions,
                              .version = versions ? 5 : 0};
        struct event bad = first;
        bad.quantity = 99;
        bad.occurred_at_us = 9000000;
        bad.version = versions ? 6 : 0;
        struct event genuine = first;
        genuine.quantity = 42;
        genuine.occurred_at_us = 10000000;
        genuine.version = versions ? 8 : 0;
        note(&story.with, &story.past, &first, false);
        note(&story.with, &story.past, &bad, true);
        const struct undo_now now = now_of(&story.with);
        size_t count = undo_steps(&story.past, &now, steps);
        size_t cut = (size_t)dice(0, (int64_t)count);
        take_steps(&story.with, steps, cut, true);
        assert_true(take(&story.with, &genuine).recorded);
        take_steps(&story.with, steps + cut, count - cut, false);
        assert_int_equal(story.with.level.quantity, 42);
        assert_int_equal(story.with.reading.counted_at_us, genuine.occurred_at_us);
    }
}

static void test_the_greatest_version_of_all(void **state)
{
    (void)state;
    struct story story = {0};
    struct undo_step steps[UNDO_STEPS_MAX] = {0};
    const struct event first = {.type = EVENT_COUNTED,
                                .quantity = 4,
                                .occurred_at_us = 5,
                                .has_version = true,
                                .version = 7};
    const struct event bad = {.type = EVENT_COUNTED,
                              .quantity = 0,
                              .occurred_at_us = 9,
                              .has_version = true,
                              .version = INT64_MAX};
    note(&story.with, &story.past, &first, false);
    story.without = story.with;
    note(&story.with, &story.past, &bad, true);
    const struct undo_now now = now_of(&story.with);
    take_steps(&story.with, steps, undo_steps(&story.past, &now, steps), true);
    assert_same(&story.with.reading, &story.without.reading);
}

/* ---- adjustments -------------------------------------------------------------------------- */

static void test_adjustments_get_their_opposites(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= ROUNDS; seed++) {
        struct story story = {0};
        struct undo_step steps[UNDO_STEPS_MAX] = {0};
        random_at = seed;
        tell_before(&story, true);
        for (int64_t at = dice(1, 4); at > 0; at--) {
            const struct event event = random_event(EVENT_ADJUSTED, false);
            note(&story.with, &story.past, &event, true);
        }
        const struct undo_now now = now_of(&story.with);
        if (undo_rule(&story.past, &now)->fate != UNDO_DO)
            continue;
        take_steps(&story.with, steps, undo_steps(&story.past, &now, steps), false);
        assert_int_equal(story.with.level.quantity, story.without.level.quantity);
        const struct event next = random_event(EVENT_COUNTED, true);
        (void)take(&story.with, &next);
        (void)take(&story.without, &next);
        assert_int_equal(story.with.level.quantity, story.without.level.quantity);
    }
}

/* Units were sold between: the opposite says that the source has not seen them. */
static void test_what_was_sold_between_stays_taken_off(void **state)
{
    (void)state;
    struct undo_step steps[UNDO_STEPS_MAX] = {0};
    struct story story = {0};
    struct undo_span span;
    const struct event first = {
        .type = EVENT_COUNTED, .quantity = 9, .occurred_at_us = 100 * 1000000};
    const struct event bad = {
        .type = EVENT_ADJUSTED, .quantity = 5, .occurred_at_us = 900 * 1000000};
    note(&story.with, &story.past, &first, false);
    note(&story.with, &story.past, &bad, true);
    struct undo_now now = now_of(&story.with);
    assert_true(undo_span(&story.past, &now, &span));
    assert_int_equal(span.from_us, (100 - 60) * 1000000);
    assert_int_equal(span.to_us, (900 - 60) * 1000000);
    assert_int_equal(undo_steps(&story.past, &now, steps), 1);
    assert_false(steps[0].has_sees_orders_until);
    now.has_units_between = true;
    assert_int_equal(undo_steps(&story.past, &now, steps), 1);
    assert_int_equal(steps[0].sees_orders_until_us, span.from_us);
    now.has_gone_between = true;
    assert_string_equal(undo_rule(&story.past, &now)->id, "units_between");
}

/* ---- refusals -------------------------------------------------------------------------------- */

struct refusal {
    const char *id;
    void (*make)(struct story *story, struct undo_now *now);
};

static const struct event COUNT = {
    .type = EVENT_COUNTED, .quantity = 5, .occurred_at_us = 1000000};
static const struct event BAD = {
    .type = EVENT_COUNTED, .quantity = 50, .occurred_at_us = 2000000};
static const struct event MOVE = {
    .type = EVENT_ADJUSTED, .quantity = -1, .occurred_at_us = 3000000};

static void make_moved(struct story *story, struct undo_now *now)
{
    struct undo_row row = {.event = MOVE, .is_own = true};
    note(&story->with, &story->past, &COUNT, false);
    note(&story->with, &story->past, &BAD, true);
    *now = now_of(&story->with);
    assert_true(undo_past_add(&story->past, &row));
    assert_false(undo_past_add(&story->past, &row)); /* the first one is named */
}

static void make_swallowed(struct story *story, struct undo_now *now)
{
    struct undo_row row = {.event = MOVE, .is_own = true, .outcome = OUTCOME_STALE};
    note(&story->with, &story->past, &COUNT, false);
    note(&story->with, &story->past, &BAD, true);
    *now = now_of(&story->with);
    assert_true(undo_past_add(&story->past, &row)); /* the bad count made it stale */
}

static void make_first_seen(struct story *story, struct undo_now *now)
{
    note(&story->with, &story->past, &BAD, true);
    *now = now_of(&story->with);
}

static void make_mixed(struct story *story, struct undo_now *now)
{
    note(&story->with, &story->past, &COUNT, false);
    note(&story->with, &story->past, &BAD, true);
    note(&story->with, &story->past, &MOVE, true);
    *now = now_of(&story->with);
}

static void make_lost(struct story *story, struct undo_now *now)
{
    make_first_seen(story, now);
    now->source = NULL;
}

static void make_undone(struct story *story, struct undo_now *now)
{
    const struct undo_row row = {.event = COUNT, .is_own = true, .is_undo = true};
    make_first_seen(story, now);
    assert_false(undo_past_add(&story->past, &row));
}

static void make_unknown(struct story *story, struct undo_now *now)
{
    const struct level known = {.exists = true, .quantity = 3};
    struct undo_row row = row_of(&BAD, &(struct verdict){0}, &known);
    row.is_batch = true;
    (void)take(&story->with, &BAD);
    (void)undo_past_add(&story->past, &row);
    *now = now_of(&story->with);
    now->is_ledger_whole = false;
    now->has_others = true;
}

static void make_too_old(struct story *story, struct undo_now *now)
{
    note(&story->with, &story->past, &COUNT, false);
    note(&story->with, &story->past, &MOVE, true);
    *now = now_of(&story->with);
    now->horizon_us = 1000000;
}

static const struct refusal REFUSALS[] = {
    {"moved", make_moved},
    {"moved", make_swallowed},
    {"first_seen", make_first_seen},
    {"mixed", make_mixed},
    {"source_lost", make_lost},
    {"undone", make_undone},
    {"unknown_before", make_unknown},
    {"too_old", make_too_old},
};

static void test_every_refusal(void **state)
{
    (void)state;
    for (size_t at = 0; at < sizeof(REFUSALS) / sizeof(REFUSALS[0]); at++) {
        struct story story = {0};
        struct undo_now now;
        REFUSALS[at].make(&story, &now);
        const struct undo_rule *rule = undo_rule(&story.past, &now);
        assert_string_equal(rule->id, REFUSALS[at].id);
        assert_true(rule->fate != UNDO_DO);
    }
    for (size_t at = 1; undo_rule_at(at) != NULL; at++)
        assert_true(undo_rule_at(at)->number > undo_rule_at(at - 1)->number);
}

/* The last count before is gone with the ledger: the level stands for it. */
/* Of another source that rules: what the batch said there is a line of its own, and so is
 * what took it back; what it says by itself moves the pair. */
static void test_another_source_of_the_batch_moves_nothing(void **state)
{
    const struct undo_row own = {.event = {.type = EVENT_COUNTED},
                                 .outcome = OUTCOME_APPLIED,
                                 .is_own = true,
                                 .is_batch = true,
                                 .is_beside = true};
    struct undo_row other = {.event = {.type = EVENT_COUNTED},
                             .outcome = OUTCOME_APPLIED,
                             .rules = true,
                             .is_beside = true};
    struct undo_past past = {0};
    (void)state;
    assert_false(undo_past_add(&past, &own));
    assert_false(undo_past_add(&past, &other));
    assert_false(past.is_moved);
    other.is_beside = false;
    assert_true(undo_past_add(&past, &other));
    assert_true(past.is_moved);
}

static void test_the_level_stands_for_what_is_gone(void **state)
{
    (void)state;
    struct undo_step steps[UNDO_STEPS_MAX] = {0};
    struct story story = {0};
    const struct level known = {.exists = true, .quantity = 30};
    struct undo_row row = row_of(&BAD, &(struct verdict){0}, &known);
    row.is_batch = true;
    (void)take(&story.with, &BAD);
    (void)undo_past_add(&story.past, &row);
    struct undo_now now = now_of(&story.with);
    now.is_ledger_whole = false;
    now.whole_since_us = 500000;
    now.adjusted_since = 4;
    assert_string_equal(undo_rule(&story.past, &now)->id, "counts");
    size_t count = undo_steps(&story.past, &now, steps);
    assert_int_equal(steps[count - 1].quantity, 26);
    assert_int_equal(steps[count - 1].occurred_at_us, 500000);
    assert_false(steps[count - 1].has_sees_orders_until);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_are_taken_back_exactly),
        cmocka_unit_test(test_a_count_in_between_wins),
        cmocka_unit_test(test_the_greatest_version_of_all),
        cmocka_unit_test(test_adjustments_get_their_opposites),
        cmocka_unit_test(test_what_was_sold_between_stays_taken_off),
        cmocka_unit_test(test_every_refusal),
        cmocka_unit_test(test_another_source_of_the_batch_moves_nothing),
        cmocka_unit_test(test_the_level_stands_for_what_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
