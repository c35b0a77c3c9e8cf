/* Dead letters read off their headers, restored, edited; bytes made fit for a terminal. */
#include "common/base/scope.h"
#include "common/codec/headers.h"
#include "common/codec/letter.h"
#include "common/codec/printable.h"
#include "common/domain/letter_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void add_ours(struct buf *headers, const char *topic, const char *code)
{
    headers_add_text(headers, "__connect.errors.topic", topic);
    headers_add_text(headers, "__connect.errors.partition", "3");
    headers_add_text(headers, "__connect.errors.offset", "17");
    headers_add_text(headers, "__connect.errors.exception.message", "what is wrong");
    headers_add_text(headers, "parstock.reason", code);
}

static void test_what_came_and_what_was_added(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf headers = {0};
    buf_init(&headers, 4096);
    headers_add_text(&headers, "traceparent", "00-a");
    size_t received = headers.length;
    add_ours(&headers, "inventory.stock-changes", "bad_sku");
    struct letter letter = {.partition = 1, .offset = 2, .headers = buf_view(&headers)};
    assert_true(letter_read(&letter));
    assert_true(span_is(letter.topic, "inventory.stock-changes"));
    assert_true(span_is(letter.reason, "bad_sku"));
    assert_true(span_is(letter.message, "what is wrong"));
    assert_int_equal(letter.origin_partition, 3);
    assert_int_equal(letter.origin_offset, 17);
    assert_int_equal(letter.received.length, received);
    assert_null(letter.retry_of.bytes);
    char place[LETTER_PLACE_MAX];
    letter_place("inventory.dead-letters", &letter, place);
    assert_string_equal(place, "inventory.dead-letters/1/2");
}

/* A producer may send such headers itself: ours come last, and only they are believed. */
static void test_headers_of_that_name_from_outside(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf headers = {0};
    buf_init(&headers, 4096);
    add_ours(&headers, "somewhere.else", "too_old");
    size_t received = headers.length;
    headers_add_text(&headers, "__connect.errors.topic", "inventory.stock-changes");
    struct letter half = {.headers = buf_view(&headers)};
    assert_false(letter_read(&half)); /* what came before is not taken for the rest */
    assert_null(half.reason.bytes);
    buf_clear(&headers);
    add_ours(&headers, "somewhere.else", "too_old");
    add_ours(&headers, "inventory.stock-changes", "bad_sku");
    struct letter letter = {.headers = buf_view(&headers)};
    assert_true(letter_read(&letter));
    assert_true(span_is(letter.topic, "inventory.stock-changes"));
    assert_true(span_is(letter.reason, "bad_sku"));
    assert_int_equal(letter.received.length, received);
}

static void test_no_letter(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf headers = {0};
    buf_init(&headers, 4096);
    struct letter letter = {.headers = SPAN_OF("")};
    assert_false(letter_read(&letter));
    headers_add_text(&headers, "__connect.errors.topic", "t");
    headers_add_text(&headers, "__connect.errors.partition", "three");
    headers_add_text(&headers, "__connect.errors.offset", "17");
    headers_add_text(&headers, "parstock.reason", "bad_sku");
    letter = (struct letter){.headers = buf_view(&headers)};
    assert_false(letter_read(&letter));
}

static void test_a_retry_names_its_letter_once(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf headers = {0};
    SCOPED(buf_free) struct buf out = {0};
    struct span name;
    struct span value;
    buf_init(&headers, 4096);
    buf_init(&out, 4096);
    headers_add(&headers, SPAN_OF("own"), (struct span){0});
    headers_add_text(&headers, LETTER_RETRY_HEADER, "d/0/1");
    add_ours(&headers, "inventory.stock-changes", "bad_sku");
    struct letter letter = {.headers = buf_view(&headers)};
    assert_true(letter_read(&letter));
    assert_true(span_is(letter.retry_of, "d/0/1"));
    letter_retry_headers(&letter, SPAN_OF("d/0/2"), &out);
    struct span left = buf_view(&out);
    assert_true(headers_next(&left, &name, &value));
    assert_true(span_is(name, "own") && value.bytes == NULL);
    assert_true(headers_next(&left, &name, &value));
    assert_true(span_is(name, LETTER_RETRY_HEADER) && span_is(value, "d/0/2"));
    assert_int_equal(left.length, 0);
}

/* ---- editing ------------------------------------------------------------------------ */

static const struct {
    const char *value;
    bool structured;
    const char *set;
    const char *wanted; /* NULL: refused */
    int exit_code;
} EDITS[] = {
    {"{\"a\":1,\"sku\":\"x\"}", false, "sku=Y \"Z\"", "{\"a\":1,\"sku\":\"Y \\\"Z\\\"\"}",
     0},
    {"{\"quantity\":\"7\"}", false, "quantity=-7", "{\"quantity\":-7}", 0},
    {"{\"quantity\":7,\"id\":\"e\"}", false, "id=", "{\"quantity\":7}", 0},
    {"{}", false, "reference=a=b", "{\"reference\":\"a=b\"}", 0},
    {"{\"data\":{\"sku\":\"x\"}}", true, "sku=Y", "{\"data\":{\"sku\":\"Y\"}}", 0},
    {"{\"data\":{\"sku\":\"x\"}}", false, "sku=Y",
     "{\"data\":{\"sku\":\"x\"},\"sku\":\"Y\"}", 0},
    {"{}", false, "quantity=seven", NULL, EXIT_USAGE},
    {"{}", false, "colour=red", NULL, EXIT_USAGE},
    {"{}", false, "quantity", NULL, EXIT_USAGE},
    {"[]", false, "quantity=1", NULL, EXIT_DATA},
    {"{\"a\":1,\"a\":2}", false, "quantity=1", NULL, EXIT_DATA},
    {"{", false, "quantity=1", NULL, EXIT_DATA},
    {"", false, "quantity=1", NULL, EXIT_DATA},
};

static void test_fields_are_set(void **state)
{
    (void)state;
    for (size_t at = 0; at < sizeof(EDITS) / sizeof(EDITS[0]); at++) {
        SCOPED(buf_free) struct buf value = {0};
        struct error error = {0};
        buf_init(&value, 4096);
        buf_text(&value, EDITS[at].value);
        enum status status =
            letter_set(&value, EDITS[at].structured, EDITS[at].set, &error);
        assert_int_equal(status == STATUS_OK, EDITS[at].wanted != NULL);
        assert_string_equal(value.bytes, EDITS[at].wanted != NULL ? EDITS[at].wanted
                                                                  : EDITS[at].value);
        assert_int_equal(error.exit_code, EDITS[at].exit_code);
    }
}

/* ---- a terminal ------------------------------------------------------------------------ */

static const struct {
    struct span bytes;
    size_t most;
    const char *wanted;
} SHOWN[] = {
    {{"plain \xc3\xa4", 8}, 100, "plain \xc3\xa4"},
    {{"a\nb\tc\r\x1b[0m\x7f", 11}, 100, "a\\nb\\tc\\r\\x1b[0m\\x7f"},
    {{"\xff\xfe\0", 3}, 100, "\\xff\\xfe\\x00"},
    {{"\xc2\x9b"
      "31m",
      5},
     100,
     "\\u{9b}31m"},
    {{"a\xe2\x80\xae"
      "b",
      5},
     100,
     "a\\u{202e}b"},
    {{"\\x1b", 4}, 100, "\\\\x1b"},
    {{"abcdef", 6}, 3, "abc..."},
    {{"abc", 3}, 3, "abc"},
    {{NULL, 0}, 3, ""},
};

static void test_nothing_acts_on_a_terminal(void **state)
{
    (void)state;
    for (size_t at = 0; at < sizeof(SHOWN) / sizeof(SHOWN[0]); at++) {
        SCOPED(buf_free) struct buf out = {0};
        buf_init(&out, 4096);
        buf_text(&out, "");
        printable_add(&out, SHOWN[at].bytes, SHOWN[at].most);
        assert_true(span_is(buf_view(&out), SHOWN[at].wanted));
    }
}

/* ---- sent or not ------------------------------------------------------------------------ */

static void test_every_case_has_its_rule(void **state)
{
    (void)state;
    for (int bits = 0; bits < 16; bits++) {
        const struct letter_case of = {.is_of_events = (bits & 1) != 0,
                                       .was_sent = (bits & 2) != 0,
                                       .would_be_refused = (bits & 4) != 0,
                                       .is_forced = (bits & 8) != 0};
        const struct letter_rule *rule = letter_rule(&of);
        bool is_free = of.is_forced || (!of.was_sent && !of.would_be_refused);
        assert_int_equal(rule->is_sent, of.is_of_events && is_free);
        assert_true(rule->id[0] != '\0' && rule->why[0] != '\0');
    }
    size_t rows = 0;
    while (letter_rule_at(rows) != NULL)
        rows++;
    assert_int_equal(rows, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_came_and_what_was_added),
        cmocka_unit_test(test_headers_of_that_name_from_outside),
        cmocka_unit_test(test_no_letter),
        cmocka_unit_test(test_a_retry_names_its_letter_once),
        cmocka_unit_test(test_fields_are_set),
        cmocka_unit_test(test_nothing_acts_on_a_terminal),
        cmocka_unit_test(test_every_case_has_its_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
