/* Records as lines of an archive: what is written is read again, bytes and all. */
#include "common/base/scope.h"
#include "common/codec/headers.h"
#include "common/codec/record_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROOM ((size_t)1024 * 1024)

static void check_round(const struct archived_record *record)
{
    SCOPED(buf_free) struct buf line;
    SCOPED(pool_free) struct pool pool;
    struct archived_record again;
    struct error error = {0};
    buf_init(&line, ROOM);
    pool_init(&pool, ROOM);
    record_json_write(record, &line);
    assert_false(line.failed);
    assert_int_equal(record_json_read(buf_view(&line), &pool, &again, &error), STATUS_OK);
    assert_true(span_equal(again.topic, record->topic));
    assert_int_equal(again.partition, record->partition);
    assert_int_equal(again.offset, record->offset);
    assert_int_equal(again.timestamp_ms, record->timestamp_ms);
    assert_true(span_equal(again.key, record->key));
    assert_int_equal(again.key.bytes == NULL, record->key.bytes == NULL);
    assert_true(span_equal(again.value, record->value));
    assert_int_equal(again.value.bytes == NULL, record->value.bytes == NULL);
    assert_true(span_equal(again.headers, record->headers));
}

static void test_every_kind_of_bytes(void **state)
{
    (void)state;
    static const struct span KINDS[] = {
        {NULL, 0},
        {"", 0},
        {"A-1", 3},
        {"\xff", 1},
        {"\xff\xfe", 2},
        {"\0", 1},
        {"a\0b", 3},
        {"\"\\\n\x01", 4},
        {"\xc3\xa4", 2},
        {"\xc3", 1},
        {"\xff\xfe\xfd\xfc", 4},
        {"{\"a\":1}", 7},
        {"====", 4},
    };
    size_t count = sizeof(KINDS) / sizeof(KINDS[0]);
    SCOPED(buf_free) struct buf headers;
    buf_init(&headers, ROOM);
    for (size_t at = 0; at < count; at++) {
        headers_add(&headers, SPAN_OF("name"), KINDS[at]);
        check_round(&(struct archived_record){.topic = SPAN_OF("inventory.stock-changes"),
                                              .partition = (int32_t)at,
                                              .offset = INT64_MAX,
                                              .timestamp_ms = -1,
                                              .key = KINDS[at],
                                              .value = KINDS[count - 1 - at],
                                              .headers = buf_view(&headers)});
    }
}

/* A value whose escapes would double it goes as base64: a line has an end. */
static void test_a_long_value(void **state)
{
    (void)state;
    static char value[64 * 1024];
    memset(value, '"', sizeof(value));
    const struct archived_record record = {.topic = SPAN_OF("t"),
                                           .key = SPAN_OF("A"),
                                           .value = {value, sizeof(value)},
                                           .headers = SPAN_OF("")};
    SCOPED(buf_free) struct buf line;
    buf_init(&line, ROOM);
    record_json_write(&record, &line);
    assert_true(line.length < (size_t)128 * 1024);
    check_round(&record);
}

static void test_what_is_no_record(void **state)
{
    (void)state;
#define REST "\"key\":null,\"value\":null,\"headers\":[]}"
    static const struct {
        const char *line;
        const char *says;
    } CASES[] = {
        {"", "not a JSON object"},
        {"[]", "not a JSON object"},
        {"{\"partition\":0,\"offset\":0,\"timestamp_ms\":0," REST, "/topic"},
        {"{\"topic\":\"t\",\"partition\":-1,\"offset\":0,\"timestamp_ms\":0," REST,
         "/partition"},
        {"{\"topic\":\"t\",\"partition\":0,\"offset\":-1,\"timestamp_ms\":0," REST,
         "/offset"},
        {"{\"topic\":\"t\",\"partition\":0,\"offset\":0,\"timestamp_ms\":1.5," REST,
         "/timestamp_ms"},
        {"{\"topic\":\"t\",\"partition\":0,\"offset\":0,\"timestamp_ms\":0,\"key\":{\"base64\":\"*\"},"
         "\"value\":null,\"headers\":[]}",
         "/key"},
        {"{\"topic\":\"t\",\"partition\":0,\"offset\":0,\"timestamp_ms\":0,\"key\":{\"base64\":\"A===\"},"
         "\"value\":null,\"headers\":[]}",
         "/key"},
        {"{\"topic\":\"t\",\"partition\":0,\"offset\":0,\"timestamp_ms\":0,\"key\":null,\"value\":7,"
         "\"headers\":[]}",
         "/value"},
        {"{\"topic\":\"t\",\"partition\":0,\"offset\":0,\"timestamp_ms\":0,\"key\":null,\"value\":null,"
         "\"headers\":[[\"a\"]]}",
         "/headers"},
        {"{\"topic\":\"t\",\"partition\":0,\"offset\":0,\"timestamp_ms\":0,\"key\":null,\"value\":null}",
         "/headers"},
    };
    for (size_t at = 0; at < sizeof(CASES) / sizeof(CASES[0]); at++) {
        SCOPED(pool_free) struct pool pool;
        struct archived_record record;
        struct error error = {0};
        pool_init(&pool, ROOM);
        assert_int_equal(
            record_json_read(span_from(CASES[at].line), &pool, &record, &error),
            STATUS_REJECT);
        if (strstr(error.text, CASES[at].says) == NULL)
            fail_msg("%s: %s", CASES[at].line, error.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_of_bytes),
        cmocka_unit_test(test_a_long_value),
        cmocka_unit_test(test_what_is_no_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
