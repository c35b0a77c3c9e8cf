/* Sessions that the browser keeps, the token of a form, and the fields of a form. */
#include "common/codec/form.h"
#include "common/codec/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECRET SPAN_OF("a secret of some length")
#define NOW INT64_C(1800000000)

static struct session sample(void)
{
    struct session session = {.name = "anna \xc3\xa4", .ends_s = NOW + 10};
    memcpy(session.nonce, "0123456789abcdef", sizeof(session.nonce));
    return session;
}

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    const struct session session = sample();
    struct session read = {0};
    char text[SESSION_TEXT_MAX];
    session_write(SECRET, &session, text);
    assert_true(session_read(SECRET, span_from(text), NOW, &read));
    assert_string_equal(read.name, session.name);
    assert_int_equal(read.ends_s, session.ends_s);
    assert_memory_equal(read.nonce, session.nonce, sizeof(read.nonce));
    assert_false(session_read(SECRET, span_from(text), NOW + 10, &read));
    assert_false(session_read(SPAN_OF("another secret"), span_from(text), NOW, &read));
}

static void test_no_byte_of_it_can_be_changed(void **state)
{
    (void)state;
    const struct session session = sample();
    struct session read;
    char text[SESSION_TEXT_MAX];
    session_write(SECRET, &session, text);
    size_t length = strlen(text);
    for (size_t at = 0; at < length; at++) {
        char was = text[at];
        text[at] = was == '0' ? '1' : '0';
        assert_false(session_read(SECRET, span_from(text), NOW, &read));
        text[at] = was;
    }
    for (size_t cut = 0; cut < length; cut++)
        assert_false(session_read(SECRET, (struct span){text, cut}, NOW, &read));
}

static void test_a_token_is_of_one_session(void **state)
{
    (void)state;
    const struct session session = sample();
    struct session other = sample();
    char token[SESSION_TOKEN_MAX];
    other.nonce[0] = 'x';
    session_token(SECRET, &session, token);
    assert_true(session_token_is_good(SECRET, &session, span_from(token)));
    assert_false(session_token_is_good(SECRET, &other, span_from(token)));
    assert_false(session_token_is_good(SECRET, &session, SPAN_OF("")));
    assert_false(session_token_is_good(SPAN_OF("x"), &session, span_from(token)));
}

static void test_cookies(void **state)
{
    (void)state;
    assert_true(span_is(cookie_value(SPAN_OF("a=1; b=2"), "b"), "2"));
    assert_true(span_is(cookie_value(SPAN_OF("b=2"), "b"), "2"));
    assert_true(span_is(cookie_value(SPAN_OF("bb=1; b==; c"), "b"), "="));
    assert_null(cookie_value(SPAN_OF("ab=1; ;; c"), "b").bytes);
    assert_null(cookie_value((struct span){0}, "b").bytes);
}

static const struct {
    const char *form;
    const char *name;
    const char *wanted; /* NULL: it has none */
    bool is_read;
} FIELDS[] = {
    {"a=1&b=2", "b", "2", true},
    {"a=1&b=2", "c", NULL, true},
    {"a=x+y%2Bz%26", "a", "x y+z&", true},
    {"a", "a", "", true},
    {"a=1&a=2", "a", "1", true},
    {"%61=1", "a", "1", true},
    {"a=%zz", "a", NULL, false},
    {"a=%4", "a", NULL, false},
    {"a=12345678901234567", "a", NULL, false}, /* no room */
    {"b=%zz&a=1", "a", "1", true},
    {"", "a", NULL, true},
};

static void test_fields_of_a_form(void **state)
{
    (void)state;
    for (size_t at = 0; at < sizeof(FIELDS) / sizeof(FIELDS[0]); at++) {
        char room[16];
        struct span value;
        bool is_read = form_field(span_from(FIELDS[at].form), FIELDS[at].name, room,
                                  sizeof(room), &value);
        assert_int_equal(is_read, FIELDS[at].is_read);
        if (!is_read)
            continue;
        assert_int_equal(value.bytes != NULL, FIELDS[at].wanted != NULL);
        if (FIELDS[at].wanted != NULL)
            assert_true(span_is(value, FIELDS[at].wanted));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_no_byte_of_it_can_be_changed),
        cmocka_unit_test(test_a_token_is_of_one_session),
        cmocka_unit_test(test_cookies),
        cmocka_unit_test(test_fields_of_a_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
