/* Records of inventory.incidents. */
#include "common/codec/incident_json.h"

#include "common/base/scope.h"
#include "common/codec/headers.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct incident_sighting SIGHTING = {
    .class = INCIDENT_ID_REUSED,
    .subject = {.source = {"w\"ms", 4}},
    .first = {.topic = {"t", 1},
              .partition = 3,
              .offset = 10,
              .recorded_at_us = 1795608000000000,
              .sku = {"A", 1},
              .location = {"BER", 3},
              .event_id = {"e-1", 3},
              .traceparent = {"00-first", 8}},
    .latest = {.topic = {"t", 1},
               .partition = 4,
               .offset = 12,
               .recorded_at_us = 1795608000500000,
               .sku = {"B", 1},
               .location = {"HAM", 3},
               .traceparent = {"00-latest", 9}},
    .occurrences = 2,
};

static struct incident sample(void)
{
    return (struct incident){.id = SPAN_OF("inc-0123456789abcdef"),
                             .state = INCIDENT_OPENED,
                             .class = SPAN_OF("id_reused"),
                             .cause = SPAN_OF("source_conflict"),
                             .severity = SPAN_OF("error"),
                             .evidence = SPAN_OF("{\"source\": \"wms\"}"),
                             .remediation = SPAN_OF("do"),
                             .runbook_url = SPAN_OF("docs/runbooks/id-reused.md"),
                             .handoff = SPAN_OF("none"),
                             .actor = SPAN_OF("apply"),
                             .opened_at_us = 1795608000000000,
                             .at_us = 1795608000500000,
                             .occurrences = 2,
                             .revision = 1};
}

static void test_value(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf buf;
    const struct incident incident = sample();
    buf_init(&buf, 4096);
    incident_json_value(&incident, &buf);
    assert_string_equal(
        buf.bytes,
        "{\"incident_id\":\"inc-0123456789abcdef\",\"state\":\"opened\","
        "\"class\":\"id_reused\",\"cause\":\"source_conflict\",\"root_cause\":null,"
        "\"remediation\":\"do\",\"severity\":\"error\",\"shop\":null,\"sku\":null,"
        "\"location\":null,\"evidence\":{\"source\": \"wms\"},"
        "\"runbook_url\":\"docs/runbooks/id-reused.md\",\"handoff\":\"none\","
        "\"opened_at\":\"2026-11-25T12:00:00Z\",\"at\":\"2026-11-25T12:00:00.500000Z\","
        "\"actor\":\"apply\"}");
}

static void test_evidence(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf buf;
    buf_init(&buf, 4096);
    incident_json_evidence(&SIGHTING, &buf);
    assert_string_equal(
        buf.bytes,
        "{\"source\":\"w\\\"ms\",\"first\":{\"topic\":\"t\",\"partition\":3,\"offset\":10,"
        "\"recorded_at\":\"2026-11-25T12:00:00Z\",\"sku\":\"A\",\"location\":\"BER\","
        "\"id\":\"e-1\"},\"latest\":{\"topic\":\"t\",\"partition\":4,\"offset\":12,"
        "\"recorded_at\":\"2026-11-25T12:00:00.500000Z\",\"sku\":\"B\","
        "\"location\":\"HAM\",\"id\":null}}");
    json_t *value = json_loadb(buf.bytes, buf.length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(value);
    json_decref(value);
}

static void test_id_is_the_same_for_the_same_and_short(void **state)
{
    (void)state;
    char first[INCIDENT_ID_MAX];
    char again[INCIDENT_ID_MAX];
    struct incident_sighting other = SIGHTING;
    incident_json_id(&SIGHTING, first);
    incident_json_id(&other, again);
    assert_string_equal(first, again);
    assert_string_equal(first,
                        "inc-e577f8464c6910e4"); /* stands in rows: never changes */
    other.first.offset++;
    incident_json_id(&other, again);
    assert_string_not_equal(first, again);
}

static struct span header_of(struct span headers, const char *wanted)
{
    struct span name;
    struct span value;
    struct span found = {0};
    while (headers_next(&headers, &name, &value))
        if (span_is(name, wanted))
            found = value;
    return found;
}

static void test_record(void **state)
{
    (void)state;
    struct outbox_row row;
    struct pool pool;
    struct incident incident = sample();
    pool_init(&pool, 65536);
    assert_true(incident_json_record(&incident, &SIGHTING, &pool, &row));
    assert_int_equal(row.kind, OUTBOX_INCIDENT);
    assert_string_equal(outbox_topic(row.kind), "incidents");
    assert_true(span_is(row.key, "inc-0123456789abcdef"));
    assert_int_equal(row.partition, 3); /* opened by the first */
    assert_int_equal(row.offset, 10);
    assert_int_equal(row.timestamp_ms, 0);
    assert_true(span_is(header_of(row.headers, "ce_id"), "inc-0123456789abcdef/1"));
    assert_true(span_is(header_of(row.headers, "ce_specversion"), "1.0"));
    assert_true(span_is(header_of(row.headers, "ce_source"), "parstock/apply"));
    assert_true(span_is(header_of(row.headers, "ce_type"), "inventory.incident.v1"));
    assert_true(span_is(header_of(row.headers, "content-type"), "application/json"));
    assert_true(span_is(header_of(row.headers, "traceparent"), "00-latest"));
    incident.state = INCIDENT_UPDATED;
    incident.revision = 2;
    assert_true(incident_json_record(&incident, &SIGHTING, &pool, &row));
    assert_int_equal(row.partition, 4); /* brought by the latest */
    assert_int_equal(row.offset, 12);
    assert_true(span_is(header_of(row.headers, "ce_id"), "inc-0123456789abcdef/2"));
    pool_free(&pool);
}

static void test_a_pool_that_is_full_is_said(void **state)
{
    (void)state;
    struct outbox_row row;
    struct pool pool;
    const struct incident incident = sample();
    pool_init(&pool, 16);
    assert_false(incident_json_record(&incident, &SIGHTING, &pool, &row));
    pool_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value),
        cmocka_unit_test(test_evidence),
        cmocka_unit_test(test_id_is_the_same_for_the_same_and_short),
        cmocka_unit_test(test_record),
        cmocka_unit_test(test_a_pool_that_is_full_is_said),
    };
    return cmocka_run_group_tests_name("incident_json", tests, NULL, NULL);
}
