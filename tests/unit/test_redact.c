/* What must not leave the house does not, however it is written, and the rest is untouched. */
#include "common/codec/redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TEXT_MAX 65536

static struct redact redact;
static struct pool pool;

static int set_up(void **state)
{
    (void)state;
    redact = (struct redact){0};
    pool_init(&pool, TEXT_MAX);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pool_free(&pool);
    return 0;
}

static void expect(const char *text, const char *clean)
{
    struct buf out;
    buf_init(&out, TEXT_MAX);
    buf_text(&out, "");
    redact_text(&redact, span_from(text), &out);
    assert_string_equal(out.bytes, clean);
    buf_free(&out);
}

static void test_known_secrets(void **state)
{
    (void)state;
    assert_true(redact_add(&redact, SPAN_OF("s3cret")));
    assert_true(redact_add(&redact, SPAN_OF("s3cret-longer")));
    assert_true(redact_add(&redact, SPAN_OF("abc"))); /* would hit ordinary words */
    assert_int_equal(redact.count, 2);
    expect("s3cret", "[redacted]");
    expect("a s3crets3cret-longer b abc", "a [redacted][redacted] b abc");
    expect("s3cre", "s3cre");
    expect("", "");
}

static void test_passwords_of_connection_strings(void **state)
{
    (void)state;
    static const char *const ROWS[][2] = {
        {"postgresql://app:hunter22@db:5432/stock", "hunter22"},
        {"postgres://app:p%40ss%2Fword@db/stock", "p@ss/word"},
        {"postgres://app:p%40ss%2Fword@db/stock", "p%40ss%2Fword"},
        {"postgres://app:at@sign@db/stock", "at@sign"},
        {"host=db user=app password=plainword dbname=x", "plainword"},
        {"host=db password = 'quoted word' dbname=x", "quoted word"},
        {"postgres://db/stock?user=a&password=inquery&x=1", "inquery"},
    };
    for (size_t at = 0; at < sizeof ROWS / sizeof ROWS[0]; at++) {
        redact = (struct redact){0};
        assert_true(redact_add_dsn(&redact, span_from(ROWS[at][0]), &pool));
        expect(ROWS[at][1], "[redacted]");
    }
    redact = (struct redact){0};
    assert_true(redact_add_dsn(&redact, SPAN_OF("host=/run/pg dbname=stock"), &pool));
    assert_true(redact_add_dsn(&redact, SPAN_OF("postgres://db/stock"), &pool));
    assert_int_equal(redact.count, 0);
}

static void test_shapes(void **state)
{
    (void)state;
    expect("token shpat_0123456789abcdef0123456789abcdef!", "token [redacted]!");
    expect("ship_to shpat_short", "ship_to shpat_short");
    expect("of jane.doe+x@example.co.uk, thanks", "of [redacted], thanks");
    expect("SKU@5 a@b @ x@ @y.z gid://shopify/Item/1",
           "SKU@5 a@b @ x@ @y.z gid://shopify/Item/1");
}

/* A secret put anywhere into anything is not in what comes out. */
static void test_no_surrounding_saves_a_secret(void **state)
{
    (void)state;
    static const char SECRET[] = "Zq9!unlikely";
    uint64_t dice = 7;
    assert_true(redact_add(&redact, SPAN_OF("Zq9!unlikely")));
    for (int round = 0; round < 2000; round++) {
        char text[128];
        size_t length = 0;
        struct buf out;
        dice = dice * 6364136223846793005U + 1442695040888963407U;
        size_t place = dice >> 33 & 31;
        for (; length < place; length++)
            text[length] = "Zq9!unlikely@. shpat_"[(dice >> (length % 40)) % 21];
        memcpy(text + length, SECRET, sizeof SECRET);
        buf_init(&out, TEXT_MAX);
        redact_text(&redact, span_from(text), &out);
        assert_null(strstr(out.bytes, SECRET));
        buf_free(&out);
    }
}

static void test_too_many_are_said(void **state)
{
    (void)state;
    static char texts[REDACT_SECRETS_MAX + 1][16];
    for (size_t at = 0; at <= REDACT_SECRETS_MAX; at++) {
        (void)snprintf(texts[at], sizeof texts[at], "secret-%zu", at);
        assert_int_equal(redact_add(&redact, span_from(texts[at])),
                         at < REDACT_SECRETS_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_known_secrets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_passwords_of_connection_strings, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_shapes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_surrounding_saves_a_secret, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_too_many_are_said, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
