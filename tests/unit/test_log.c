/* common/runtime/log: every line is one JSON object, whatever is passed in. */
#include "common/runtime/log.h"

#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT_MAX 400000

static int saved_stderr = -1;
static int memory = -1;
static char text[TEXT_MAX];

static void catch_begin(void)
{
    saved_stderr = dup(STDERR_FILENO);
    memory = memfd_create("log", 0);
    assert_true(memory >= 0);
    dup2(memory, STDERR_FILENO);
}

static const char *catch_end(void)
{
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    ssize_t length = pread(memory, text, sizeof(text) - 1, 0);
    assert_true(length >= 0);
    text[length] = '\0';
    close(memory);
    return text;
}

static json_t *only_line(const char *lines)
{
    json_error_t where;
    json_t *line = json_loads(lines, JSON_REJECT_DUPLICATES, &where);
    if (line == NULL)
        fail_msg("not JSON: %s: %s", where.text, lines);
    assert_int_equal(lines[strlen(lines) - 1], '\n');
    return line;
}

static void opened(const char *level)
{
    struct error error = {0};
    assert_int_equal(log_open("tester", level, &error), STATUS_OK);
}

static void test_a_line_holds_its_fields(void **state)
{
    (void)state;
    opened("info");
    catch_begin();
    log_info("taken", LOG_TEXT("topic", "stock"), LOG_INT("partition", -3), LOG_END);
    json_t *line = only_line(catch_end());
    assert_string_equal(json_string_value(json_object_get(line, "level")), "info");
    assert_string_equal(json_string_value(json_object_get(line, "component")), "tester");
    assert_string_equal(json_string_value(json_object_get(line, "msg")), "taken");
    assert_string_equal(json_string_value(json_object_get(line, "topic")), "stock");
    assert_int_equal(json_integer_value(json_object_get(line, "partition")), -3);
    const char *ts = json_string_value(json_object_get(line, "ts"));
    assert_int_equal(strlen(ts), strlen("2026-01-01T00:00:00.000Z"));
    assert_int_equal(ts[10], 'T');
    assert_int_equal(ts[19], '.');
    assert_int_equal(ts[23], 'Z');
    json_decref(line);
}

struct escape {
    const char *given;
    const char *expected;
};

static void test_values_are_escaped(void **state)
{
    (void)state;
    static const struct escape CASES[] = {
        {"say \"no\" \\ \n\r\t\x01\x7f", "say \"no\" \\ \n\r\t\x01\x7f"},
        {"gr\xc3\xb6\xc3\x9f", "gr\xc3\xb6\xc3\x9f"},
        {"\xf0\x9f\x93\xa6", "\xf0\x9f\x93\xa6"},
        {"bad \xff end", "bad \xef\xbf\xbd end"},
        {"cut \xc3", "cut \xef\xbf\xbd"},
        {"overlong \xc0\xaf", "overlong \xef\xbf\xbd\xef\xbf\xbd"},
        {"overlong \xe0\x80\x80", "overlong \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"surrogate \xed\xa0\x80", "surrogate \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"past \xf4\x90\x80\x80",
         "past \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    };
    opened("info");
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        catch_begin();
        log_warn("case", LOG_TEXT("value", CASES[i].given), LOG_END);
        json_t *line = only_line(catch_end());
        assert_string_equal(json_string_value(json_object_get(line, "value")),
                            CASES[i].expected);
        json_decref(line);
    }
}

static void test_a_huge_value_is_cut(void **state)
{
    (void)state;
    static char huge[300000];
    memset(huge, 0x01, sizeof(huge) - 1); /* each becomes six characters */
    opened("info");
    catch_begin();
    log_error("huge", LOG_TEXT("value", huge), LOG_INT("after", 1), LOG_END);
    json_t *line = only_line(catch_end());
    assert_true(json_string_length(json_object_get(line, "value")) < 9000);
    assert_int_equal(json_integer_value(json_object_get(line, "after")), 1);
    json_decref(line);
}

static void test_levels_below_are_silent(void **state)
{
    (void)state;
    opened("warn");
    assert_true(log_enabled(LOG_LEVEL_ERROR));
    assert_false(log_enabled(LOG_LEVEL_INFO));
    catch_begin();
    log_info("not shown", LOG_END);
    log_debug("not shown", LOG_END);
    assert_string_equal(catch_end(), "");
}

static void test_an_unknown_level_is_configuration(void **state)
{
    (void)state;
    struct error error = {0};
    assert_int_equal(log_open("tester", "loud", &error), STATUS_FATAL);
    assert_int_equal(error_exit_code(&error), EXIT_CONFIG);
    assert_non_null(strstr(error.text, "PARSTOCK_LOG"));
}

static void *write_lines(void *argument)
{
    (void)argument;
    for (int i = 0; i < 200; i++)
        log_info("together", LOG_INT("i", i), LOG_END);
    return NULL;
}

static void test_lines_of_threads_stay_whole(void **state)
{
    (void)state;
    pthread_t threads[4];
    opened("info");
    catch_begin();
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, NULL), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    (void)catch_end();
    int count = 0;
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        json_t *parsed = json_loadb(line, (size_t)(end - line), 0, NULL);
        assert_non_null(parsed);
        json_decref(parsed);
        count++;
    }
    assert_int_equal(count, 800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_holds_its_fields),
        cmocka_unit_test(test_values_are_escaped),
        cmocka_unit_test(test_a_huge_value_is_cut),
        cmocka_unit_test(test_levels_below_are_silent),
        cmocka_unit_test(test_an_unknown_level_is_configuration),
        cmocka_unit_test(test_lines_of_threads_stay_whole),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
