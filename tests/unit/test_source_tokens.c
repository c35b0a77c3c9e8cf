/* Tokens: who speaks, told by the whole token and by nothing else. */
#include "common/runtime/source_tokens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct source SOURCES[] = {
    {.name = {"wms", 3}}, {.name = {"erp-1", 5}}, {.name = {"pos", 3}}};
static const struct contract CONTRACT = {.sources = SOURCES, .source_count = 3};

static int find(const struct source_tokens *tokens, const char *value)
{
    const struct http_head head = {
        .headers = {{.name = {"Authorization", 13}, .value = span_from(value)}},
        .header_count = 1};
    return source_tokens_find(tokens, &head);
}

static void test_who_speaks(void **state)
{
    (void)state;
    struct source_tokens tokens;
    struct error error = {0};
    setenv("PARSTOCK_SOURCE_WMS_TOKEN", "first", 1);
    setenv("PARSTOCK_SOURCE_ERP_1_TOKEN", "second", 1);
    assert_int_equal(source_tokens_load(&CONTRACT, &tokens, &error), STATUS_OK);
    assert_int_equal(tokens.speaking, 2);
    assert_int_equal(find(&tokens, "Bearer first"), 0);
    assert_int_equal(find(&tokens, "bearer  second"), 1);
    static const char *const NOBODY[] = {"Bearer",         "Bearer ",
                                         "Bearer firs",    "Bearer firstx",
                                         "Bearer first x", "Bearer First",
                                         "first",          "Basic first",
                                         "Bearerfirst",    "",
                                         "Bearer second,", "Bearer first, second"};
    for (size_t at = 0; at < sizeof(NOBODY) / sizeof(NOBODY[0]); at++)
        assert_int_equal(find(&tokens, NOBODY[at]), -1);
    const struct http_head none = {.header_count = 0};
    assert_int_equal(source_tokens_find(&tokens, &none), -1);
    const struct http_head twice = {
        .headers = {{{"Authorization", 13}, {"Bearer first", 12}},
                    {{"authorization", 13}, {"Bearer first", 12}}},
        .header_count = 2};
    assert_int_equal(source_tokens_find(&tokens, &twice), -1);
}

static void test_the_same_for_two_is_refused(void **state)
{
    (void)state;
    struct source_tokens tokens;
    struct error error = {0};
    setenv("PARSTOCK_SOURCE_POS_TOKEN", "first", 1);
    assert_int_equal(source_tokens_load(&CONTRACT, &tokens, &error), STATUS_FATAL);
    assert_int_equal(error_exit_code(&error), EXIT_CONFIG);
    assert_non_null(strstr(error.text, "'wms'"));
    assert_null(strstr(error.text, "first"));
    unsetenv("PARSTOCK_SOURCE_POS_TOKEN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_speaks),
        cmocka_unit_test(test_the_same_for_two_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
