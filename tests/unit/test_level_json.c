/* Records of inventory.levels, read back by another JSON reader. */
#include "common/base/scope.h"
#include "common/codec/json_text.h"
#include "common/codec/level_json.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct level_record RECORD = {
    .sku = {"A \"1\"\\\xc3\x9f", 8},
    .location = {"BER", 3},
    .source = {"wms", 3},
    .level = {.exists = true,
              .quantity = -12,
              .occurred_at_us = 1795608000500000,
              .has_version = true,
              .version = INT64_MAX},
    .revision = 7,
};

static void release_json(json_t **slot)
{
    json_decref(*slot);
}

static void test_value(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf buf;
    buf_init(&buf, 4096);
    level_json_value(&RECORD, &buf);
    assert_true(span_is(
        buf_view(&buf),
        "{\"sku\":\"A \\\"1\\\"\\\\\xc3\x9f\",\"location\":\"BER\",\"quantity\":-12,"
        "\"source\":\"wms\",\"occurred_at\":\"2026-11-25T12:00:00.500000Z\","
        "\"version\":9223372036854775807,\"revision\":7}"));
}

static void test_version_is_null_where_there_is_none(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf buf;
    struct level_record record = RECORD;
    record.level.has_version = false;
    buf_init(&buf, 4096);
    level_json_value(&record, &buf);
    SCOPED(release_json)
    json_t *value = json_loadb(buf.bytes, buf.length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(value);
    assert_true(json_is_null(json_object_get(value, "version")));
    assert_int_equal(json_object_size(value), 7);
}

static void test_key(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf buf;
    buf_init(&buf, 4096);
    level_json_key(&RECORD, &buf);
    assert_true(span_is(buf_view(&buf), "[\"A \\\"1\\\"\\\\\xc3\x9f\",\"BER\"]"));
}

static void test_every_byte_of_a_text_comes_back(void **state)
{
    (void)state;
    char text[128];
    for (int byte = 0; byte < 128; byte++)
        text[byte] = (char)byte;
    SCOPED(buf_free) struct buf buf;
    buf_init(&buf, 4096);
    json_text(&buf, (struct span){text, sizeof(text)});
    for (size_t at = 0; at < buf.length; at++)
        assert_true((unsigned char)buf.bytes[at] >= 0x20);
    SCOPED(release_json)
    json_t *back =
        json_loadb(buf.bytes, buf.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert_int_equal(json_string_length(back), sizeof(text));
    assert_memory_equal(json_string_value(back), text, sizeof(text));
}

static void test_names_are_parted_by_commas(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf buf;
    buf_init(&buf, 4096);
    buf_byte(&buf, '{');
    json_name(&buf, "a");
    json_text(&buf, SPAN_OF("{"));
    json_name(&buf, "b");
    json_text(&buf, (struct span){0});
    json_name(&buf, "c");
    json_number(&buf, INT64_MIN);
    buf_byte(&buf, '}');
    assert_true(
        span_is(buf_view(&buf), "{\"a\":\"{\",\"b\":null,\"c\":-9223372036854775808}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value),
        cmocka_unit_test(test_version_is_null_where_there_is_none),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_every_byte_of_a_text_comes_back),
        cmocka_unit_test(test_names_are_parted_by_commas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
