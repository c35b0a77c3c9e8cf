/* common/runtime/fold: rows judged again come to what they came to, and to something else under
 * other ranks. */
#include "common/runtime/fold.h"

#include "common/base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000)

static struct source sources[2];
static struct location locations[1];
static struct location_name names[1];
static struct span gids[1];
static struct shop shops[1];
static struct contract contract;
static struct fold fold;
static struct verdict verdict;

static int start(void **state)
{
    (void)state;
    sources[0] = (struct source){.name = SPAN_OF("wms"), .rank = 1};
    sources[1] = (struct source){.name = SPAN_OF("erp"), .rank = 2};
    locations[0] = (struct location){.code = SPAN_OF("BER")};
    names[0] = (struct location_name){.name = SPAN_OF("BER")};
    gids[0] = SPAN_OF("gid");
    shops[0] = (struct shop){.name = SPAN_OF("demo"),
                             .mode = LEVEL_AVAILABLE,
                             .gids = gids,
                             .buffer = {.max = -1}};
    contract = (struct contract){.sources = sources,
                                 .source_count = 2,
                                 .locations = locations,
                                 .location_count = 1,
                                 .names = names,
                                 .name_count = 1,
                                 .shops = shops,
                                 .shop_count = 1,
                                 .idempotency_days = 35};
    fold_open(&fold, &contract);
    return 0;
}

static int end(void **state)
{
    (void)state;
    fold_close(&fold);
    return 0;
}

static enum outcome judged(enum event_type type, const char *source, int64_t quantity,
                           int64_t second)
{
    struct error error;
    const struct fold_row row = {.event = {.type = type,
                                           .source_name = span_from(source),
                                           .location_code = SPAN_OF("BER"),
                                           .sku = SPAN_OF("A"),
                                           .quantity = quantity,
                                           .occurred_at_us = second * SECOND}};
    assert_int_equal(fold_judge(&fold, &row, &verdict, &error), STATUS_OK);
    return verdict.outcome;
}

static void test_rank_decides(void **state)
{
    (void)state;
    assert_int_equal(judged(EVENT_COUNTED, "wms", 10, 1), OUTCOME_APPLIED);
    assert_int_equal(judged(EVENT_COUNTED, "erp", 50, 2), OUTCOME_SHADOWED);
    assert_int_equal(fold.level.quantity, 10);
    sources[1].rank = 0;
    fold_next_sku(&fold);
    assert_int_equal(judged(EVENT_COUNTED, "wms", 10, 1), OUTCOME_APPLIED);
    assert_int_equal(judged(EVENT_COUNTED, "erp", 50, 2), OUTCOME_APPLIED);
    assert_int_equal(judged(EVENT_ADJUSTED, "wms", -3, 3), OUTCOME_SHADOWED);
    assert_int_equal(fold.level.quantity, 50);
    assert_int_equal(reading_quantity(&fold.readings[0]), 7);
}

static void test_a_late_count_keeps_what_came_after_it(void **state)
{
    (void)state;
    assert_int_equal(judged(EVENT_ADJUSTED, "wms", 4, 10), OUTCOME_APPLIED);
    assert_int_equal(judged(EVENT_ADJUSTED, "wms", -1, 30), OUTCOME_APPLIED);
    assert_int_equal(judged(EVENT_COUNTED, "wms", 100, 20), OUTCOME_APPLIED);
    assert_int_equal(fold.level.quantity, 99);
    assert_int_equal(judged(EVENT_ADJUSTED, "wms", 5, 20), OUTCOME_STALE);
    fold_next_place(&fold);
    assert_false(fold.level.exists);
    assert_int_equal(judged(EVENT_COUNTED, "wms", 100, 20), OUTCOME_APPLIED);
    assert_int_equal(fold.level.quantity, 100); /* of another place */
}

static void test_who_is_not_in_the_file_is_refused(void **state)
{
    (void)state;
    assert_int_equal(judged(EVENT_COUNTED, "pos", 10, 1), OUTCOME_REJECTED);
    assert_int_equal(verdict.reason, REASON_UNKNOWN_SOURCE);
    names[0].name = SPAN_OF("HAM");
    assert_int_equal(judged(EVENT_COUNTED, "wms", 10, 1), OUTCOME_REJECTED);
    assert_int_equal(verdict.reason, REASON_UNKNOWN_LOCATION);
    assert_false(fold.level.exists);
    assert_false(fold_desired(&fold, 0, SPAN_OF("A")).known);
}

static void test_orders_that_a_source_has_not_seen_are_off(void **state)
{
    (void)state;
    (void)judged(EVENT_ORDERED, "demo", 2, 5);
    (void)judged(EVENT_COUNTED, "wms", 10, 7);
    assert_int_equal(fold_desired(&fold, 0, SPAN_OF("A")).quantity, 10);
    (void)judged(EVENT_ORDERED, "demo", 3, 8);
    (void)judged(EVENT_ORDERED, "demo", -1, 9);
    assert_int_equal(fold_desired(&fold, 0, SPAN_OF("A")).quantity, 8);
    (void)judged(EVENT_ORDERED, "demo", 11, 9);
    assert_int_equal(fold_desired(&fold, 0, SPAN_OF("A")).short_units, 3);
    (void)judged(EVENT_COUNTED, "wms", 6, 9);
    assert_int_equal(fold_desired(&fold, 0, SPAN_OF("A")).quantity, 6);
}

static void test_what_was_known_before(void **state)
{
    (void)state;
    const struct reading reading = {
        .exists = true, .has_count = true, .count = 20, .counted_at_us = 5 * SECOND};
    fold_know(&fold, SPAN_OF("nobody"), &reading);
    assert_false(fold.level.exists);
    fold_know(&fold, SPAN_OF("erp"), &reading);
    assert_int_equal(fold.level.quantity, 20);
    assert_int_equal(judged(EVENT_ADJUSTED, "erp", -1, 5), OUTCOME_STALE);
    assert_int_equal(judged(EVENT_ADJUSTED, "erp", -1, 6), OUTCOME_APPLIED);
    assert_int_equal(fold.level.quantity, 19);
}

static uint32_t chance = 7;

static int64_t below(uint32_t limit)
{
    chance = chance * 1664525U + 1013904223U;
    return (int64_t)((chance >> 8) % limit);
}

/* However an order of rows: the level is the reading of the best that spoke. */
static void test_any_rows_in_any_order(void **state)
{
    (void)state;
    for (int round = 0; round < 300; round++) {
        fold_next_sku(&fold);
        sources[0].rank = below(2) == 0 ? 1 : 3;
        for (int row = 0; row < 40; row++) {
            bool had = fold.level.exists;
            int64_t before = fold.level.quantity;
            enum outcome outcome =
                judged(below(3) == 0 ? EVENT_COUNTED : EVENT_ADJUSTED,
                       below(2) == 0 ? "wms" : "erp", below(50) - 20, below(20));
            int ruling = level_ruling_source(&contract, fold.readings);
            assert_true(outcome != OUTCOME_REJECTED);
            assert_int_equal(fold.level.exists, ruling >= 0);
            if (ruling >= 0)
                assert_int_equal(fold.level.quantity,
                                 reading_quantity(&fold.readings[ruling]));
            if (outcome == OUTCOME_UNCHANGED || outcome == OUTCOME_STALE ||
                outcome == OUTCOME_SHADOWED)
                assert_true(had == fold.level.exists && before == fold.level.quantity);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rank_decides, start, end),
        cmocka_unit_test_setup_teardown(test_a_late_count_keeps_what_came_after_it, start,
                                        end),
        cmocka_unit_test_setup_teardown(test_who_is_not_in_the_file_is_refused, start,
                                        end),
        cmocka_unit_test_setup_teardown(test_orders_that_a_source_has_not_seen_are_off,
                                        start, end),
        cmocka_unit_test_setup_teardown(test_what_was_known_before, start, end),
        cmocka_unit_test_setup_teardown(test_any_rows_in_any_order, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
