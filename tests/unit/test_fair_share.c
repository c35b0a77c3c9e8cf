/* Room shared fairly: shares that nobody set. */
#include "common/domain/fair_share.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static size_t fill(struct share_use *use)
{
    while (share_ask(use, 1) == SHARE_GRANTED) {
        use->own++;
        use->used++;
    }
    return use->own;
}

static void test_one_alone_gets_half(void **state)
{
    (void)state;
    struct share_use use = {.total = 1000};
    assert_int_equal(fill(&use), 500);
    assert_int_equal(share_ask(&use, 1), SHARE_EXCEEDED);
}

static void test_whoever_comes_next_finds_room(void **state)
{
    (void)state;
    size_t used = 0;
    for (int owner = 0; owner < 8; owner++) {
        struct share_use use = {.total = 1000, .used = used};
        assert_int_equal(share_ask(&use, 1), SHARE_GRANTED);
        used += fill(&use);
    }
    assert_true(used < 1000);
}

static void test_full_is_nobodys_fault(void **state)
{
    (void)state;
    struct share_use use = {.total = 1000, .used = 990, .own = 0};
    assert_int_equal(share_ask(&use, 20), SHARE_FULL);
    use.own = 500;
    assert_int_equal(share_ask(&use, 20), SHARE_EXCEEDED);
    assert_int_equal(share_ask(&use, 1), SHARE_EXCEEDED);
}

static void test_overdrawn(void **state)
{
    (void)state;
    const struct share_use use = {.total = 10, .used = 12, .own = 0};
    assert_int_equal(share_ask(&use, 1), SHARE_FULL);
    assert_int_equal(share_ask(&use, SIZE_MAX), SHARE_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_alone_gets_half),
        cmocka_unit_test(test_whoever_comes_next_finds_room),
        cmocka_unit_test(test_full_is_nobodys_fault),
        cmocka_unit_test(test_overdrawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
