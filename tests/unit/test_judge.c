/*
 * The outcome rules: one example a row, and random histories against a second account of
 * the same rules that keeps every event instead of a reading.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/domain/judge.h"

#define US 1000000LL
#define DAY_US (86400 * US)
#define BASE_US (1764072000 * US)

static const struct source SOURCES[] = {
    {.name = {"wms", 3}, .rank = 1},
    {.name = {"erp", 3}, .rank = 2},
};
static const struct location LOCATIONS[] = {{.code = {"BER", 3}}};
static const struct shop SHOPS[] = {{.name = {"demo", 4}}};
static const struct contract CONTRACT = {
    .sources = SOURCES,
    .source_count = 2,
    .locations = LOCATIONS,
    .location_count = 1,
    .shops = SHOPS,
    .shop_count = 1,
    .idempotency_days = 35,
};

/* State of one place, kept by the test as the shell keeps it. */
struct place {
    struct reading readings[3];
    struct level level;
};

static struct event event_of(enum event_type type, int source, int64_t quantity,
                             int64_t at_us)
{
    return (struct event){.type = type,
                          .source = source,
                          .source_name = type >= EVENT_OBSERVED ? SHOPS[0].name
                                                                : SOURCES[source].name,
                          .sku = SPAN_OF("A-1"),
                          .location_code = LOCATIONS[0].code,
                          .quantity = quantity,
                          .occurred_at_us = at_us};
}

static struct verdict ask(const struct place *place, const struct event *event,
                          struct question question)
{
    question.event = event;
    question.contract = &CONTRACT;
    question.readings = place->readings;
    question.level = &place->level;
    if (question.recorded_at_ms == 0)
        question.recorded_at_ms = BASE_US / 1000;
    return judge(&question);
}

static struct verdict tell(struct place *place, struct event event)
{
    struct verdict verdict = ask(place, &event, (struct question){0});
    if (verdict.recorded) {
        place->readings[verdict.slot] = verdict.reading;
        place->level = verdict.level;
    }
    return verdict;
}

static void expect(struct verdict verdict, enum outcome outcome, const char *rule)
{
    assert_string_equal(judge_rule_by_number(verdict.rule)->id, rule);
    assert_int_equal(verdict.outcome, outcome);
}

/* ---- one example a row ------------------------------------------------------------------------ */

static void test_invalid_keeps_its_reason(void **state)
{
    (void)state;
    struct verdict verdict = judge(&(struct question){.reason = REASON_NOT_JSON});
    expect(verdict, OUTCOME_REJECTED, "invalid");
    assert_int_equal(verdict.reason, REASON_NOT_JSON);
    assert_false(verdict.recorded);
}

static void test_misplaced_comes_before_the_ledger(void **state)
{
    (void)state;
    struct verdict verdict =
        judge(&(struct question){.misplaced = true, .seen = SEEN_OTHER});
    expect(verdict, OUTCOME_REKEYED, "misplaced");
    assert_false(verdict.recorded);
}

static void test_seen(void **state)
{
    (void)state;
    struct place place = {.level = {.source = -1}};
    struct event event = event_of(EVENT_COUNTED, 0, 5, BASE_US);
    expect(ask(&place, &event, (struct question){.seen = SEEN_SAME}), OUTCOME_DUPLICATE,
           "seen_before");
    struct verdict reused = ask(&place, &event, (struct question){.seen = SEEN_OTHER});
    expect(reused, OUTCOME_REJECTED, "id_reused");
    assert_int_equal(reused.reason, REASON_ID_REUSED);
}

static struct event versioned(int64_t quantity, int64_t at_us, int64_t version)
{
    struct event event = event_of(EVENT_COUNTED, 0, quantity, at_us);
    event.has_version = true;
    event.version = version;
    return event;
}

static void test_versions_order_counts(void **state)
{
    (void)state;
    struct place place = {.level = {.source = -1}};
    expect(tell(&place, versioned(5, BASE_US, 7)), OUTCOME_APPLIED, "change");
    expect(tell(&place, versioned(6, BASE_US + US, 7)), OUTCOME_STALE, "older_version");
    expect(tell(&place, versioned(6, BASE_US - US, 8)), OUTCOME_APPLIED, "change");
    assert_int_equal(place.level.quantity, 6);
    assert_int_equal(place.level.version, 8);
}

static void test_time_orders_counts_without_versions(void **state)
{
    (void)state;
    struct place place = {.level = {.source = -1}};
    (void)tell(&place, versioned(5, BASE_US, 7));
    expect(tell(&place, event_of(EVENT_COUNTED, 0, 9, BASE_US - 1)), OUTCOME_STALE,
           "older_count");
    expect(tell(&place, event_of(EVENT_COUNTED, 0, 9, BASE_US)), OUTCOME_APPLIED,
           "change");
    assert_false(place.level.has_version);
}

static void test_adjustment_inside_the_count(void **state)
{
    (void)state;
    struct place place = {.level = {.source = -1}};
    (void)tell(&place, event_of(EVENT_COUNTED, 0, 5, BASE_US));
    expect(tell(&place, event_of(EVENT_ADJUSTED, 0, 1, BASE_US)), OUTCOME_STALE,
           "inside_count");
    expect(tell(&place, event_of(EVENT_ADJUSTED, 0, 1, BASE_US + 1)), OUTCOME_APPLIED,
           "change");
    assert_int_equal(place.level.quantity, 6);
}

static void test_too_old_is_measured_from_the_record(void **state)
{
    (void)state;
    struct place place = {.level = {.source = -1}};
    struct event event = event_of(EVENT_ADJUSTED, 0, 1, BASE_US - 35 * DAY_US - 1);
    struct verdict verdict = ask(&place, &event, (struct question){0});
    expect(verdict, OUTCOME_REJECTED, "too_old");
    assert_int_equal(verdict.reason, REASON_TOO_OLD);
    event.occurred_at_us++;
    expect(ask(&place, &event, (struct question){0}), OUTCOME_APPLIED, "change");
    event.occurred_at_us--;
    expect(ask(&place, &event, (struct question){.recorded_at_ms = -1}), OUTCOME_APPLIED,
           "change");
}

static void test_a_count_is_never_too_old(void **state)
{
    (void)state;
    struct place place = {.level = {.source = -1}};
    expect(tell(&place, event_of(EVENT_COUNTED, 0, 1, BASE_US - 400 * DAY_US)),
           OUTCOME_APPLIED, "change");
}

static void test_level_out_of_range(void **state)
{
    (void)state;
    struct place place = {.level = {.source = -1}};
    (void)tell(&place, event_of(EVENT_COUNTED, 0, EVENT_QUANTITY_MAX, BASE_US));
    struct verdict over = tell(&place, event_of(EVENT_ADJUSTED, 0, 1, BASE_US + 1));
    expect(over, OUTCOME_REJECTED, "level_out_of_range");
    assert_int_equal(over.reason, REASON_LEVEL_OUT_OF_RANGE);
    expect(tell(&place, event_of(EVENT_ADJUSTED, 0, -1, BASE_US + 1)), OUTCOME_APPLIED,
           "change");
    assert_int_equal(place.level.quantity, EVENT_QUANTITY_MAX - 1);
}

static void test_rank_rules_not_arrival(void **state)
{
    (void)state;
    struct place place = {.level = {.source = -1}};
    expect(tell(&place, event_of(EVENT_COUNTED, 1, 9, BASE_US)), OUTCOME_APPLIED,
           "change");
    expect(tell(&place, event_of(EVENT_COUNTED, 0, 9, BASE_US - DAY_US)),
           OUTCOME_UNCHANGED, "same_level");
    assert_int_equal(place.level.source, 0);
    expect(tell(&place, event_of(EVENT_COUNTED, 1, 4, BASE_US + US)), OUTCOME_SHADOWED,
           "shadowed");
    assert_int_equal(place.level.quantity, 9);
    assert_int_equal(place.readings[1].count, 4);
}

static void test_zero(void **state)
{
    (void)state;
    struct place place = {.level = {.source = -1}};
    expect(tell(&place, event_of(EVENT_ADJUSTED, 1, 0, BASE_US)), OUTCOME_APPLIED,
           "change");
    assert_true(place.level.exists);
    expect(tell(&place, event_of(EVENT_ADJUSTED, 1, 0, BASE_US + 1)), OUTCOME_UNCHANGED,
           "zero");
    (void)tell(&place, event_of(EVENT_COUNTED, 1, 7, BASE_US + 2));
    /* wms has said nothing yet: a change by nothing must not make it rule with 0 */
    expect(tell(&place, event_of(EVENT_ADJUSTED, 0, 0, BASE_US + 3)), OUTCOME_UNCHANGED,
           "zero");
    assert_int_equal(place.level.quantity, 7);
    assert_int_equal(place.level.source, 1);
}

static void test_shop_events_never_rule(void **state)
{
    (void)state;
    struct place place = {.level = {.source = -1}};
    expect(tell(&place, event_of(EVENT_OBSERVED, 0, 3, BASE_US)), OUTCOME_APPLIED,
           "change");
    expect(tell(&place, event_of(EVENT_OBSERVED, 0, 3, BASE_US)), OUTCOME_UNCHANGED,
           "same_observation");
    expect(tell(&place, event_of(EVENT_OBSERVED, 0, 3, BASE_US - 1)), OUTCOME_STALE,
           "older_observation");
    expect(tell(&place, event_of(EVENT_ORDERED, 0, 2, BASE_US - DAY_US)), OUTCOME_APPLIED,
           "change");
    expect(tell(&place, event_of(EVENT_ORDERED, 0, 0, BASE_US)), OUTCOME_UNCHANGED,
           "zero");
    assert_false(place.level.exists);
    assert_int_equal(place.readings[2].count, 3);
    assert_int_equal(place.readings[2].adjusted, 2);
}

static void test_rules_are_well_formed(void **state)
{
    (void)state;
    int last = 0;
    const struct rule *rule;
    for (size_t at = 0; (rule = judge_rule(at)) != NULL; at++) {
        assert_true(rule->number > last && rule->id[0] != '\0' && rule->why[0] != '\0');
        last = rule->number;
    }
    assert_true(last > 0);
    assert_null(judge_rule_by_number(11));
}

/* ---- random histories --------------------------------------------------------------------------- */

#define STEPS 40
#define HISTORIES 20000

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Every recorded event of one source: the second account. */
struct account {
    struct event events[STEPS];
    size_t count;
};

static const struct event *last_count(const struct account *account)
{
    for (size_t at = account->count; at > 0; at--)
        if (account->events[at - 1].type == EVENT_COUNTED)
            return &account->events[at - 1];
    return NULL;
}

static int64_t sum_after(const struct account *account, bool all, int64_t at_us)
{
    int64_t sum = 0;
    for (size_t at = 0; at < account->count; at++)
        if (account->events[at].type == EVENT_ADJUSTED &&
            (all || account->events[at].occurred_at_us > at_us))
            sum += account->events[at].quantity;
    return sum;
}

static int64_t account_quantity(const struct account *account)
{
    const struct event *count = last_count(account);
    if (count == NULL)
        return sum_after(account, true, 0);
    return count->quantity + sum_after(account, false, count->occurred_at_us);
}

static bool account_is_stale(const struct account *account, const struct event *event)
{
    const struct event *count = last_count(account);
    if (count == NULL)
        return false;
    if (event->type == EVENT_ADJUSTED)
        return event->occurred_at_us <= count->occurred_at_us;
    if (event->has_version && count->has_version)
        return event->version <= count->version;
    return event->occurred_at_us < count->occurred_at_us;
}

static struct event random_event(uint64_t *seed)
{
    struct event event =
        event_of(next_random(seed) % 2 == 0 ? EVENT_COUNTED : EVENT_ADJUSTED,
                 (int)(next_random(seed) % 2), (int64_t)(next_random(seed) % 9) - 3,
                 BASE_US + (int64_t)(next_random(seed) % 12));
    event.has_version = event.type == EVENT_COUNTED && next_random(seed) % 3 == 0;
    event.version = event.has_version ? (int64_t)(next_random(seed) % 6) : 0;
    return event;
}

static void step(struct place *place, struct account accounts[2],
                 const struct event *event)
{
    struct account *account = &accounts[event->source];
    const struct reading *reading = &place->readings[event->source];
    struct question question = {0};
    if (reading_needs_later(reading, event))
        question.adjusted_later = sum_after(account, false, event->occurred_at_us);
    struct verdict verdict = ask(place, event, question);
    assert_int_equal(verdict.outcome == OUTCOME_STALE, account_is_stale(account, event));
    if (!verdict.recorded)
        return;
    place->readings[verdict.slot] = verdict.reading;
    place->level = verdict.level;
    if (place->readings[event->source].exists)
        account->events[account->count++] = *event;
}

static void run_history(uint64_t seed)
{
    struct place place = {.level = {.source = -1}};
    struct account accounts[2] = {0};
    for (int at = 0; at < STEPS; at++) {
        struct event event = random_event(&seed);
        step(&place, accounts, &event);
        int ruling = accounts[0].count > 0 ? 0 : 1;
        if (accounts[ruling].count == 0)
            continue;
        assert_true(place.level.exists);
        assert_int_equal(place.level.source, ruling);
        assert_int_equal(place.level.quantity, account_quantity(&accounts[ruling]));
    }
}

static void test_histories_agree_with_a_list_of_events(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= HISTORIES; seed++)
        run_history(seed * 0x9e3779b97f4a7c15U);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_invalid_keeps_its_reason),
        cmocka_unit_test(test_misplaced_comes_before_the_ledger),
        cmocka_unit_test(test_seen),
        cmocka_unit_test(test_versions_order_counts),
        cmocka_unit_test(test_time_orders_counts_without_versions),
        cmocka_unit_test(test_adjustment_inside_the_count),
        cmocka_unit_test(test_too_old_is_measured_from_the_record),
        cmocka_unit_test(test_a_count_is_never_too_old),
        cmocka_unit_test(test_level_out_of_range),
        cmocka_unit_test(test_rank_rules_not_arrival),
        cmocka_unit_test(test_zero),
        cmocka_unit_test(test_shop_events_never_rule),
        cmocka_unit_test(test_rules_are_well_formed),
        cmocka_unit_test(test_histories_agree_with_a_list_of_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
