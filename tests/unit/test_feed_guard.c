/* common/domain/feed_guard: where each limit lies, exactly. */
#include "common/domain/feed_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PERCENT(number) ((number) * (FEED_GUARD_WHOLE / 100))

static const struct {
    struct feed_effect effect;
    enum feed_guard guard;
} BY_DEFAULT[] = {
    {{0}, FEED_GUARD_NONE},
    /* a share is asked about from 20 levels on */
    {{.changed = 19, .zeroed = 19, .stocked = 19, .known = 19}, FEED_GUARD_NONE},
    {{.changed = 20, .zeroed = 20, .stocked = 20, .known = 20}, FEED_GUARD_ZEROED_SHARE},
    /* exactly the limit is allowed */
    {{.changed = 20, .zeroed = 20, .stocked = 200, .known = 200}, FEED_GUARD_NONE},
    {{.changed = 20, .zeroed = 20, .stocked = 199, .known = 200},
     FEED_GUARD_ZEROED_SHARE},
    {{.changed = 30, .stocked = 100, .known = 100}, FEED_GUARD_NONE},
    {{.changed = 31, .stocked = 100, .known = 100}, FEED_GUARD_CHANGED_SHARE},
    /* a feed of changes alone is held against all that its source speaks of */
    {{.named = 100, .changed = 100, .stocked = 100, .known = 1000}, FEED_GUARD_NONE},
    {{.named = 1000000, .fresh = 1000000}, FEED_GUARD_NONE},
    {{.changed = 600000000,
      .zeroed = 600000000,
      .stocked = 1000000000,
      .known = 1000000000},
     FEED_GUARD_ZEROED_SHARE},
};

static void test_by_default(void **state)
{
    const struct feed_limits limits = feed_limits_default();
    (void)state;
    for (size_t at = 0; at < sizeof(BY_DEFAULT) / sizeof(*BY_DEFAULT); at++)
        assert_int_equal(feed_guard_judge(&limits, &BY_DEFAULT[at].effect),
                         BY_DEFAULT[at].guard);
}

static void test_numbers_of_levels_know_no_least(void **state)
{
    const struct feed_limits limits = {.changed_levels = 3,
                                       .changed_share = FEED_GUARD_WHOLE,
                                       .zeroed_levels = 0,
                                       .zeroed_share = FEED_GUARD_WHOLE};
    const struct feed_effect three = {.changed = 3, .stocked = 9, .known = 9};
    const struct feed_effect four = {.changed = 4, .stocked = 9, .known = 9};
    const struct feed_effect one = {.changed = 1, .zeroed = 1, .stocked = 9, .known = 9};
    (void)state;
    assert_int_equal(feed_guard_judge(&limits, &three), FEED_GUARD_NONE);
    assert_int_equal(feed_guard_judge(&limits, &four), FEED_GUARD_CHANGED_LEVELS);
    assert_int_equal(feed_guard_judge(&limits, &one), FEED_GUARD_ZEROED_LEVELS);
}

static void test_a_hundred_percent_turns_a_share_off(void **state)
{
    const struct feed_limits limits = {.changed_levels = -1,
                                       .changed_share = PERCENT(100),
                                       .zeroed_levels = -1,
                                       .zeroed_share = PERCENT(100)};
    const struct feed_effect all = {
        .changed = 500, .zeroed = 500, .stocked = 500, .known = 500};
    (void)state;
    assert_int_equal(feed_guard_judge(&limits, &all), FEED_GUARD_NONE);
}

static void test_every_guard_has_a_name_and_a_reason(void **state)
{
    (void)state;
    for (int guard = 0; guard < FEED_GUARD_COUNT; guard++) {
        assert_true(strlen(feed_guard_row((enum feed_guard)guard)->id) > 3);
        assert_true(strlen(feed_guard_row((enum feed_guard)guard)->why) > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_default),
        cmocka_unit_test(test_numbers_of_levels_know_no_least),
        cmocka_unit_test(test_a_hundred_percent_turns_a_share_off),
        cmocka_unit_test(test_every_guard_has_a_name_and_a_reason),
    };
    return cmocka_run_group_tests_name("feed_guard", tests, NULL, NULL);
}
