/* common/runtime/life: readiness, and the end that wakes every wait. */
#include "common/runtime/life.h"

#include "common/base/buf.h"
#include "common/runtime/log.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void test_memory_is_hidden(void **state)
{
    (void)state;
    struct rlimit core;
    assert_int_equal(getrlimit(RLIMIT_CORE, &core), 0);
    assert_int_equal(core.rlim_cur, 0);
    assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
}

static void test_ready_is_when_every_part_is(void **state)
{
    (void)state;
    assert_false(life_is_ready()); /* no part has spoken yet */
    life_ready("postgres", true, NULL);
    assert_true(life_is_ready());
    life_ready("kafka", false, "connection refused");
    assert_false(life_is_ready());
    struct buf out;
    buf_init(&out, 4096);
    life_ready_write(&out);
    assert_string_equal(out.bytes,
                        "postgres: ready\nkafka: not ready: connection refused\n");
    buf_free(&out);
    life_ready("kafka", true, NULL);
    assert_true(life_is_ready());
}

static void test_the_clocks_go_forward(void **state)
{
    (void)state;
    int64_t before = clock_monotonic_us();
    life_wait_ms(1);
    assert_true(clock_monotonic_us() >= before + 1000);
    assert_true(clock_now_us() > 1700000000LL * 1000000);
}

static void test_back_off_counts_up_to_a_maximum(void **state)
{
    (void)state;
    int tries = 0;
    life_back_off(&tries);
    assert_int_equal(tries, 1);
    life_end(); /* from here on no wait takes time */
    for (int i = 0; i < 100; i++)
        life_back_off(&tries);
    assert_int_equal(tries, 7);
}

static void *wait_long(void *argument)
{
    life_wait_ms(3600 * 1000);
    return argument;
}

/* Ends by the signal, or the test hangs for an hour: no clock decides. */
static void ended_by(int number)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        pthread_t threads[3];
        for (size_t i = 0; i < 3; i++)
            (void)pthread_create(&threads[i], NULL, wait_long, NULL);
        (void)kill(getpid(), number);
        for (size_t i = 0; i < 3; i++)
            (void)pthread_join(threads[i], NULL);
        _exit(life_ending() && !life_is_ready() ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_a_signal_wakes_every_wait(void **state)
{
    (void)state;
    ended_by(SIGTERM);
    ended_by(SIGINT);
}

static int begin(void **state)
{
    struct error error = {0};
    (void)state;
    return life_begin(&error) == STATUS_OK &&
                   log_open("test", "error", &error) == STATUS_OK
               ? 0
               : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_hidden),
        cmocka_unit_test(test_ready_is_when_every_part_is),
        cmocka_unit_test(test_the_clocks_go_forward),
        cmocka_unit_test(test_a_signal_wakes_every_wait),
        cmocka_unit_test(test_back_off_counts_up_to_a_maximum),
    };
    return cmocka_run_group_tests_name("life", tests, begin, NULL);
}
