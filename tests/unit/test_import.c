/* workers/import: the bar, and texts of rows that are no text. */
#include "common/codec/json_text.h"
#include "workers/import/import_progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_the_bar(void **state)
{
    char line[PROGRESS_LINE_MAX];
    (void)state;
    progress_line(&(struct progress_facts){.doing = "publishing",
                                           .bytes = 25,
                                           .bytes_total = 100,
                                           .rows = 300000,
                                           .elapsed_us = 2000000},
                  line);
    assert_string_equal(line, "publishing [######..................] 25% 300000 rows, "
                              "150000/s, 0:00:06 left");
    progress_line(&(struct progress_facts){.doing = "judging", .bytes_total = 100}, line);
    assert_string_equal(line, "judging [........................] 0% 0 rows, 0/s");
    /* a file that grew meanwhile, an empty one, a very slow one */
    progress_line(&(struct progress_facts){.doing = "judging",
                                           .bytes = 200,
                                           .bytes_total = 100,
                                           .rows = 1,
                                           .elapsed_us = 1000000},
                  line);
    assert_string_equal(line, "judging [########################] 100% 1 rows, 1/s");
    progress_line(&(struct progress_facts){.doing = "judging"}, line);
    assert_non_null(strstr(line, "100%"));
    progress_line(&(struct progress_facts){.doing = "judging",
                                           .bytes = 1000000,
                                           .bytes_total = INT64_MAX / 1000,
                                           .rows = 1,
                                           .elapsed_us = 1000000},
                  line);
    assert_non_null(strstr(line, "99:59:59 left"));
}

static void test_what_is_no_text_is_marked(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 256);
    json_text_lossy(&out, SPAN_OF("a\xff\"\xc3\xa4\xc3"));
    assert_string_equal(out.bytes, "\"a\xef\xbf\xbd\\\"\xc3\xa4\xef\xbf\xbd\"");
    buf_clear(&out);
    json_text_lossy(&out, SPAN_OF("plain"));
    assert_string_equal(out.bytes, "\"plain\"");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_bar),
        cmocka_unit_test(test_what_is_no_text_is_marked),
    };
    return cmocka_run_group_tests_name("import", tests, NULL, NULL);
}
