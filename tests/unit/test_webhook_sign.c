/* Signatures: every wrong bit is seen, and a signature has one spelling. */
#include "common/base/check.h"
#include "common/codec/webhook_sign.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct webhook_secrets ONE = {.current = {.bytes = "hush", .length = 4}};
static const struct webhook_secrets TWO = {.current = {.bytes = "new", .length = 3},
                                           .old = {.bytes = "hush", .length = 4}};

/* RFC 4231, case 2, in base64. */
static void test_known(void **state)
{
    (void)state;
    const struct webhook_secrets jefe = {.current = SPAN_OF("Jefe")};
    struct span body = SPAN_OF("what do ya want for nothing?");
    char text[WEBHOOK_SIGN_TEXT + 1];
    webhook_sign(jefe.current, body, text);
    assert_string_equal(text, "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
    assert_true(webhook_sign_is_good(&jefe, body, span_from(text)));
}

static void test_two_secrets(void **state)
{
    (void)state;
    char by_old[WEBHOOK_SIGN_TEXT + 1];
    char by_new[WEBHOOK_SIGN_TEXT + 1];
    struct span body = SPAN_OF("{}");
    webhook_sign(TWO.old, body, by_old);
    webhook_sign(TWO.current, body, by_new);
    assert_true(webhook_sign_is_good(&TWO, body, span_from(by_old)));
    assert_true(webhook_sign_is_good(&TWO, body, span_from(by_new)));
    assert_true(webhook_sign_is_good(&ONE, body, span_from(by_old)));
    assert_false(webhook_sign_is_good(&ONE, body, span_from(by_new)));
}

static void test_every_bit(void **state)
{
    (void)state;
    char body[] = "{\"id\":1}";
    char good[WEBHOOK_SIGN_TEXT + 1];
    const struct span whole = {body, sizeof body - 1};
    webhook_sign(ONE.current, whole, good);
    for (size_t bit = 0; bit < whole.length * 8; bit++) {
        body[bit / 8] = (char)(body[bit / 8] ^ (1 << bit % 8));
        assert_false(webhook_sign_is_good(&ONE, whole, span_from(good)));
        body[bit / 8] = (char)(body[bit / 8] ^ (1 << bit % 8));
    }
    for (size_t at = 0; at < WEBHOOK_SIGN_TEXT; at++)
        for (int byte = 0; byte < 256; byte++) {
            char kept = good[at];
            good[at] = (char)byte;
            bool is_good =
                webhook_sign_is_good(&ONE, whole, (struct span){good, WEBHOOK_SIGN_TEXT});
            assert_true(is_good == ((char)byte == kept));
            good[at] = kept;
        }
}

static void test_shapes(void **state)
{
    (void)state;
    char room[WEBHOOK_SIGN_TEXT + 4] = " ";
    struct span body = SPAN_OF("{}");
    webhook_sign(ONE.current, body, room + 1);
    for (size_t length = 0; length < WEBHOOK_SIGN_TEXT; length++)
        assert_false(webhook_sign_is_good(&ONE, body, (struct span){room + 1, length}));
    assert_false(webhook_sign_is_good(&ONE, body, span_from(room)));
    room[WEBHOOK_SIGN_TEXT + 1] = '=';
    assert_false(
        webhook_sign_is_good(&ONE, body, (struct span){room + 1, WEBHOOK_SIGN_TEXT + 1}));
    assert_false(webhook_sign_is_good(&ONE, body, (struct span){0}));
    assert_false(webhook_sign_is_good(&ONE, SPAN_OF("{} "), span_from(room + 1)));
}

static void test_marks(void **state)
{
    (void)state;
    assert_true(webhook_body_mark(SPAN_OF("{}")) == webhook_body_mark(SPAN_OF("{}")));
    assert_true(webhook_body_mark(SPAN_OF("{}")) != webhook_body_mark(SPAN_OF("{} ")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),     cmocka_unit_test(test_two_secrets),
        cmocka_unit_test(test_every_bit), cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_marks),
    };
    return cmocka_run_group_tests_name("webhook_sign", tests, NULL, NULL);
}
