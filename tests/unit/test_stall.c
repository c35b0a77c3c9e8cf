/* A partition that moves, or has nothing to read, is never taken anew; one that stands still
 * though the topic has more of it is, at waits that grow. */
#include "common/domain/stall.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct stall_reader IDLE = {.since_ms = 0, .is_empty = true};
static const struct stall_reader BUSY = {.since_ms = 0, .is_empty = false};

static void test_due(void **state)
{
    (void)state;
    struct stall stall = {0};
    stall_begin(&stall, 100, 1000);
    assert_false(stall_is_due(&stall, &IDLE, 1000 + STALL_WAIT_FIRST_MS - 1));
    assert_true(stall_is_due(&stall, &IDLE, 1000 + STALL_WAIT_FIRST_MS));
    assert_false(stall_is_due(&stall, &BUSY, 1000 + STALL_WAIT_FIRST_MS));
    assert_true(
        stall_is_due(&stall, &BUSY, 1000 + STALL_BUSY_FACTOR * STALL_WAIT_FIRST_MS));
    stall_see(&stall, 100, 9000);
    assert_true(stall_is_due(&stall, &IDLE, 1000 + STALL_WAIT_FIRST_MS));
    stall_see(&stall, 101, 9000);
    assert_false(stall_is_due(&stall, &IDLE, 1000 + STALL_WAIT_FIRST_MS));
}

/* A lane that waits for Postgres takes nothing: that is not the partition's stand-still. */
static void test_a_reader_that_was_away(void **state)
{
    (void)state;
    struct stall stall = {0};
    const struct stall_reader back = {.since_ms = 500000, .is_empty = true};
    stall_begin(&stall, 100, 0);
    assert_false(stall_is_due(&stall, &back, 500000 + STALL_WAIT_FIRST_MS - 1));
    assert_true(stall_is_due(&stall, &back, 500000 + STALL_WAIT_FIRST_MS));
}

static void test_judged(void **state)
{
    (void)state;
    static const struct {
        int64_t reached;
        struct stall_topic topic;
        bool stands_still;
    } CASES[] = {
        {100, {0, 100}, false},   /* nothing to read */
        {100, {100, 100}, false}, /* all of it is gone, and it was read */
        {100, {0, 101}, true},    /* more of it */
        {100, {130, 170}, true},  /* its place is gone */
        {100, {0, 40}, true},     /* another topic under the same name */
        {-1, {0, 0}, false},      /* from the start, of an empty one */
        {-1, {7, 7}, false},      {-1, {0, 1}, true},
    };
    for (size_t at = 0; at < sizeof(CASES) / sizeof(CASES[0]); at++) {
        struct stall stall = {0};
        stall_begin(&stall, CASES[at].reached, 0);
        assert_int_equal(stall_judge(&stall, &CASES[at].topic, 20000),
                         CASES[at].stands_still);
        assert_false(stall_is_due(&stall, &IDLE, 20001));
    }
}

/* Taken anew in vain, as where a fetch takes longer than the wait: it has ever more time. */
static void test_waits_grow_and_are_forgotten(void **state)
{
    (void)state;
    const struct stall_topic more = {0, 500};
    struct stall stall = {0};
    int64_t now_ms = 0;
    stall_begin(&stall, 100, now_ms);
    for (int64_t wait_ms = STALL_WAIT_FIRST_MS; wait_ms < STALL_WAIT_MAX_MS;
         wait_ms *= 2) {
        assert_false(stall_is_due(&stall, &IDLE, now_ms + wait_ms - 1));
        now_ms += wait_ms;
        assert_true(stall_is_due(&stall, &IDLE, now_ms));
        assert_true(stall_judge(&stall, &more, now_ms));
        stall_begin(&stall, 100, now_ms);
    }
    assert_true(stall.wait_ms >= STALL_WAIT_MAX_MS);
    assert_true(stall.wait_ms < 2 * STALL_WAIT_MAX_MS);
    assert_true(stall_judge(&stall, &more, now_ms));
    assert_true(stall.wait_ms < 2 * STALL_WAIT_MAX_MS);
    stall_see(&stall, 101, now_ms);
    assert_int_equal(stall.wait_ms, STALL_WAIT_FIRST_MS);
}

/* Nothing to read: asked now and then, at the same pace for ever. */
static void test_an_idle_one_is_left_alone(void **state)
{
    (void)state;
    const struct stall_topic read = {0, 100};
    struct stall stall = {0};
    stall_begin(&stall, 100, 0);
    for (int64_t now_ms = 0; now_ms < 100 * STALL_WAIT_FIRST_MS; now_ms += 500)
        if (stall_is_due(&stall, &IDLE, now_ms))
            assert_false(stall_judge(&stall, &read, now_ms));
    assert_int_equal(stall.wait_ms, STALL_WAIT_FIRST_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_due),
        cmocka_unit_test(test_a_reader_that_was_away),
        cmocka_unit_test(test_judged),
        cmocka_unit_test(test_waits_grow_and_are_forgotten),
        cmocka_unit_test(test_an_idle_one_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
