/* common/runtime/verb: the row that the first word names, by how many words follow it. */
#include "common/runtime/verb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct row {
    struct verb_words words;
    int64_t number;
};

static const struct row ROWS[] = {
    {{"list", 0, 0}, 1}, {{"show", 1, 1}, 2}, {{"ack", 0, 3}, 3}};

#define WORDS_MAX 8

/* Of a command line in one string, whose first `flags` words were flags. */
static int64_t number_of(const char *line, int flags)
{
    char room[128];
    char *words[WORDS_MAX];
    char *left = NULL;
    int count = 0;
    (void)snprintf(room, sizeof(room), "%s", line);
    for (char *word = strtok_r(room, " ", &left); word != NULL && count < WORDS_MAX;
         word = strtok_r(NULL, " ", &left))
        words[count++] = word;
    const struct parsed parsed = {.argc = count, .argv = words, .first = 1 + flags};
    const struct row *row = VERB_FIND(ROWS, &parsed);
    return row != NULL ? row->number : 0;
}

static void test_a_row_by_its_word(void **state)
{
    (void)state;
    assert_int_equal(number_of("incidents list", 0), 1);
    assert_int_equal(number_of("incidents --all list", 1), 1);
    assert_int_equal(number_of("incidents lis", 0), 0);
    assert_int_equal(number_of("incidents lists", 0), 0);
    assert_int_equal(number_of("incidents", 0), 0);
    assert_int_equal(number_of("incidents --all", 1), 0);
}

static void test_the_number_of_words_must_fit(void **state)
{
    (void)state;
    assert_int_equal(number_of("incidents show", 0), 0);
    assert_int_equal(number_of("incidents show a", 0), 2);
    assert_int_equal(number_of("incidents show a b", 0), 0);
    assert_int_equal(number_of("incidents ack", 0), 3);
    assert_int_equal(number_of("incidents ack a b c", 0), 3);
    assert_int_equal(number_of("incidents ack a b c d", 0), 0);
    assert_int_equal(number_of("incidents list a", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_row_by_its_word),
        cmocka_unit_test(test_the_number_of_words_must_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
