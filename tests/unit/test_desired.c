/* The desired level: each rule, and the order in which they work. */
#include "common/domain/desired.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct expectation {
    const char *name;
    struct desired_input input;
    struct desired desired;
};

#define NO_BUFFER                                                                        \
    {                                                                                    \
        .max = -1                                                                        \
    }

static const struct expectation EXPECTATIONS[] = {
    {"no level", {.buffer = NO_BUFFER}, {.rule = DESIRED_NO_LEVEL}},
    {"excluded wins over a level",
     {.has_level = true, .level = 5, .buffer = NO_BUFFER, .excluded = true},
     {.rule = DESIRED_EXCLUDED}},
    {"the level itself",
     {.has_level = true, .level = 5, .buffer = NO_BUFFER},
     {.known = true, .quantity = 5, .rule = DESIRED_LEVEL}},
    {"available written as on_hand",
     {.has_level = true,
      .level = 5,
      .buffer = NO_BUFFER,
      .source_state = LEVEL_AVAILABLE},
     {.known = true, .quantity = 5, .rule = DESIRED_LEVEL_BELOW}},
    {"unseen units count in mode available",
     {.has_level = true,
      .level = 5,
      .buffer = NO_BUFFER,
      .shop_mode = LEVEL_AVAILABLE,
      .unseen_units = 2},
     {.known = true, .quantity = 3, .orders = 2, .rule = DESIRED_ORDERS}},
    {"unseen units count in mode on_hand too: which they are, unseen.h says",
     {.has_level = true, .level = 5, .buffer = NO_BUFFER, .unseen_units = 2},
     {.known = true, .quantity = 3, .orders = 2, .rule = DESIRED_ORDERS}},
    {"fixed buffer",
     {.has_level = true, .level = 5, .buffer = {.fixed = 2, .max = -1}},
     {.known = true, .quantity = 3, .buffer = 2, .rule = DESIRED_BUFFER}},
    {"percent is rounded up",
     {.has_level = true, .level = 101, .buffer = {.percent = 10, .max = -1}},
     {.known = true, .quantity = 90, .buffer = 11, .rule = DESIRED_BUFFER}},
    {"percent of what orders left",
     {.has_level = true,
      .level = 100,
      .shop_mode = LEVEL_AVAILABLE,
      .unseen_units = 50,
      .buffer = {.percent = 10, .max = -1}},
     {.known = true, .quantity = 45, .orders = 50, .buffer = 5, .rule = DESIRED_BUFFER}},
    {"buffer is raised to min",
     {.has_level = true, .level = 10, .buffer = {.percent = 10, .min = 4, .max = -1}},
     {.known = true, .quantity = 6, .buffer = 4, .rule = DESIRED_BUFFER}},
    {"buffer is lowered to max",
     {.has_level = true, .level = 1000, .buffer = {.fixed = 5, .percent = 50, .max = 7}},
     {.known = true, .quantity = 993, .buffer = 7, .rule = DESIRED_BUFFER}},
    {"floor behind the buffer",
     {.has_level = true, .level = 3, .buffer = {.fixed = 4, .max = -1}},
     {.known = true, .quantity = 0, .buffer = 4, .rule = DESIRED_FLOOR}},
    {"a negative level",
     {.has_level = true, .level = -7, .buffer = NO_BUFFER},
     {.known = true, .quantity = 0, .rule = DESIRED_FLOOR}},
    {"a negative level in mode available",
     {.has_level = true, .level = -7, .buffer = NO_BUFFER, .shop_mode = LEVEL_AVAILABLE},
     {.known = true, .quantity = 0, .rule = DESIRED_FLOOR}},
    {"the shop's limit",
     {.has_level = true, .level = DESIRED_MAX, .buffer = NO_BUFFER},
     {.known = true, .quantity = DESIRED_MAX, .rule = DESIRED_LEVEL}},
    {"past the shop's limit",
     {.has_level = true, .level = DESIRED_MAX + 1LL, .buffer = NO_BUFFER},
     {.known = true, .quantity = DESIRED_MAX, .rule = DESIRED_CAP}},
    {"the cap comes after the buffer",
     {.has_level = true, .level = DESIRED_MAX + 5LL, .buffer = {.fixed = 5, .max = -1}},
     {.known = true, .quantity = DESIRED_MAX, .buffer = 5, .rule = DESIRED_BUFFER}},
};

static void test_rules(void **state)
{
    (void)state;
    for (size_t at = 0; at < sizeof EXPECTATIONS / sizeof *EXPECTATIONS; at++) {
        const struct expectation *expected = &EXPECTATIONS[at];
        struct desired desired = desired_level(&expected->input);
        if (desired.known != expected->desired.known ||
            desired.quantity != expected->desired.quantity ||
            desired.orders != expected->desired.orders ||
            desired.buffer != expected->desired.buffer ||
            desired.rule != expected->desired.rule)
            fail_msg("%s: known %d quantity %ld orders %ld buffer %ld rule %s",
                     expected->name, desired.known, (long)desired.quantity,
                     (long)desired.orders, (long)desired.buffer,
                     desired_rule_id(desired.rule));
    }
}

/* Whatever the input, the shop is never shown more than the level or less than 0. */
static void test_bounds(void **state)
{
    (void)state;
    for (int64_t level = -3; level <= 400; level++)
        for (int64_t percent = 0; percent <= 100; percent += 7)
            for (int64_t unseen = 0; unseen <= 9; unseen += 3) {
                struct desired_input input = {
                    .has_level = true,
                    .level = level,
                    .shop_mode = LEVEL_AVAILABLE,
                    .unseen_units = unseen,
                    .buffer = {.percent = percent, .max = -1},
                };
                struct desired desired = desired_level(&input);
                assert_true(desired.known && desired.quantity >= 0);
                assert_true(desired.quantity <= (level > unseen ? level - unseen : 0));
            }
}

/* The steps of every expectation come to the number, each from what the one before left. */
static void test_steps_sum(void **state)
{
    (void)state;
    for (size_t at = 0; at < sizeof EXPECTATIONS / sizeof *EXPECTATIONS; at++) {
        const struct expectation *expected = &EXPECTATIONS[at];
        struct desired_step steps[DESIRED_STEPS_MAX];
        size_t count = desired_steps(&expected->input, steps);
        int64_t sum = 0;
        assert_true(expected->desired.known ? count >= 3 : count == 0);
        for (size_t step = 0; step < count; step++) {
            sum += steps[step].change;
            assert_int_equal(steps[step].result, sum);
        }
        assert_int_equal(sum, expected->desired.quantity);
    }
}

static void test_steps_name_their_rules(void **state)
{
    (void)state;
    struct desired_step steps[DESIRED_STEPS_MAX];
    const struct desired_input input = {.has_level = true,
                                        .level = 10,
                                        .source_state = LEVEL_AVAILABLE,
                                        .unseen_units = 8,
                                        .buffer = {.fixed = 5, .max = -1}};
    assert_int_equal(desired_steps(&input, steps), 4);
    assert_int_equal(steps[0].rule, DESIRED_LEVEL_BELOW);
    assert_int_equal(steps[0].change, 10);
    assert_int_equal(steps[1].rule, DESIRED_ORDERS);
    assert_int_equal(steps[1].change, -8);
    assert_int_equal(steps[2].rule, DESIRED_BUFFER);
    assert_int_equal(steps[2].change, -5);
    assert_int_equal(steps[3].rule, DESIRED_FLOOR);
    assert_int_equal(steps[3].change, 3);
    assert_int_equal(steps[3].result, 0);
}

static void test_every_rule_has_its_text(void **state)
{
    (void)state;
    for (int rule = 0; rule < DESIRED_RULE_COUNT; rule++) {
        assert_non_null(desired_rule_id((enum desired_rule)rule));
        assert_non_null(desired_rule_why((enum desired_rule)rule));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_steps_sum),
        cmocka_unit_test(test_steps_name_their_rules),
        cmocka_unit_test(test_every_rule_has_its_text),
    };
    return cmocka_run_group_tests_name("desired", tests, NULL, NULL);
}
