/* Alerts as bytes: each kind's body is JSON of the shape that the receiver documents. */
#include "common/codec/alert_json.h"

#include "common/base/check.h"
#include "common/base/scope.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char VALUE[] =
    "{\"incident_id\":\"inc-1\",\"state\":\"opened\",\"class\":\"drift\",\"cause\":"
    "\"unknown\",\"root_cause\":null,\"remediation\":\"look <here> & there\","
    "\"severity\":\"error\",\"shop\":\"demo\",\"sku\":\"CUP \\\"ß\\\"\","
    "\"location\":null,\"evidence\":{\"occurrences\":3,\"route\":\"r\"},"
    "\"runbook_url\":\"docs/runbooks/drift.md\",\"handoff\":\"none\","
    "\"opened_at\":\"2026-11-25T12:00:00Z\",\"at\":\"2026-11-25T12:00:01Z\","
    "\"actor\":\"drift\"}";

static struct pool pool;
static struct alert_incident incident;

static int set_up(void **state)
{
    const char *why = NULL;
    (void)state;
    pool_init(&pool, (size_t)1 << 20);
    assert_true(alert_incident_decode(span_from(VALUE), &pool, &incident, &why));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pool_free(&pool);
    return 0;
}

static struct alert_message message(const struct alert_route *route,
                                    enum alert_action action)
{
    return (struct alert_message){.route = route,
                                  .secret = "key",
                                  .action = action,
                                  .incident = &incident,
                                  .value = span_from(VALUE),
                                  .revision = 7,
                                  .severity = ALERT_WARNING,
                                  .since_us = INT64_C(1795608000000000),
                                  .now_us = INT64_C(1795608060000000)};
}

static json_t *body(enum alert_kind kind, enum alert_action action)
{
    SCOPED(buf_free) struct buf out = {0};
    const struct alert_route route = {
        .name = SPAN_OF("r"), .kind = kind, .resend_seconds = 60};
    const struct alert_message one = message(&route, action);
    buf_init(&out, (size_t)1 << 20);
    alert_json_body(&one, &out);
    assert_false(out.failed);
    json_t *root = json_loadb(out.bytes, out.length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    return root;
}

static const char *text_at(json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static void test_a_change_is_read(void **state)
{
    (void)state;
    assert_true(span_is(incident.id, "inc-1") && span_is(incident.sku, "CUP \"ß\""));
    assert_int_equal(incident.state, INCIDENT_OPENED);
    assert_int_equal(incident.severity, ALERT_ERROR);
    assert_null(incident.root_cause.bytes);
    assert_null(incident.location.bytes);
    assert_int_equal(incident.occurrences, 3);
    assert_int_equal(incident.at_us - incident.opened_at_us, 1000000);
    assert_true(span_is(incident.route, "r"));
}

static void test_what_is_no_change_is_refused(void **state)
{
    (void)state;
    static const char *const WRONG[] = {"",
                                        "[]",
                                        "{",
                                        "null",
                                        "{\"incident_id\":\"i\"}",
                                        "{\"incident_id\":\"i\",\"incident_id\":\"i\"}"};
    static const char *const PARTS[] = {"\"opened\"",  "\"error\"",  "\"inc-1\"",
                                        "\"unknown\"", "2026-11-25", "\"drift\""};
    struct alert_incident out;
    const char *why = NULL;
    for (size_t at = 0; at < COUNT_OF(WRONG); at++) {
        assert_false(alert_incident_decode(span_from(WRONG[at]), &pool, &out, &why));
        assert_non_null(why);
    }
    for (size_t at = 0; at < COUNT_OF(PARTS); at++) { /* each needed, each broken once */
        char broken[sizeof(VALUE)];
        memcpy(broken, VALUE, sizeof(VALUE));
        char *place = strstr(broken, PARTS[at]);
        memset(place, ' ', strlen(PARTS[at]));
        place[0] = '0';
        assert_false(alert_incident_decode(span_from(broken), &pool, &out, &why));
    }
    assert_false(alert_incident_decode((struct span){0}, &pool, &out, &why));
}

static void test_revisions(void **state)
{
    (void)state;
    int64_t revision = 0;
    assert_true(alert_revision_parse(SPAN_OF("inc-1/12"), &revision));
    assert_int_equal(revision, 12);
    static const char *const WRONG[] = {"",    "12",   "/12", "i/",
                                        "i/0", "i/-1", "i/x", "i/1 "};
    for (size_t at = 0; at < COUNT_OF(WRONG); at++)
        assert_false(alert_revision_parse(span_from(WRONG[at]), &revision));
}

static void test_pagerduty(void **state)
{
    (void)state;
    json_t *opens = body(ALERT_PAGERDUTY, ALERT_TRIGGER);
    json_t *payload = json_object_get(opens, "payload");
    assert_string_equal(text_at(opens, "routing_key"), "key");
    assert_string_equal(text_at(opens, "event_action"), "trigger");
    assert_string_equal(text_at(opens, "dedup_key"), "inc-1");
    assert_string_equal(text_at(payload, "summary"), "ERROR drift CUP \"ß\" at demo");
    assert_string_equal(text_at(payload, "severity"), "error");
    json_decref(opens);
    json_t *ends = body(ALERT_PAGERDUTY, ALERT_END);
    assert_string_equal(text_at(ends, "event_action"), "resolve");
    assert_int_equal(json_object_size(ends), 3);
    json_decref(ends);
    json_t *again = body(ALERT_PAGERDUTY, ALERT_AGAIN);
    assert_string_equal(text_at(again, "event_action"), "trigger");
    json_decref(again);
}

static void test_alertmanager(void **state)
{
    (void)state;
    json_t *list = body(ALERT_ALERTMANAGER, ALERT_TRIGGER);
    json_t *alert = json_array_get(list, 0);
    json_t *labels = json_object_get(alert, "labels");
    assert_string_equal(text_at(labels, "severity"), "warning"); /* as it is told */
    assert_string_equal(text_at(labels, "sku"), "CUP \"ß\"");
    assert_null(json_object_get(labels, "location"));
    assert_string_equal(text_at(alert, "startsAt"), "2026-11-25T12:00:00Z");
    assert_string_equal(text_at(alert, "endsAt"), "2026-11-25T12:05:00Z");
    json_t *over = body(ALERT_ALERTMANAGER, ALERT_END);
    json_t *ended = json_array_get(over, 0);
    assert_true(json_equal(json_object_get(ended, "labels"), labels));
    assert_string_equal(text_at(ended, "endsAt"), "2026-11-25T12:01:00Z");
    json_decref(over);
    json_decref(list);
}

static void test_slack_escapes(void **state)
{
    (void)state;
    json_t *root = body(ALERT_SLACK, ALERT_TRIGGER);
    json_t *block = json_array_get(json_object_get(root, "blocks"), 0);
    const char *text = text_at(json_object_get(block, "text"), "text");
    assert_non_null(strstr(text, "look &lt;here&gt; &amp; there"));
    assert_null(strpbrk(text, "<>"));
    json_decref(root);
}

static void test_webhook(void **state)
{
    (void)state;
    json_t *root = body(ALERT_WEBHOOK, ALERT_ACK);
    assert_string_equal(text_at(root, "id"), "inc-1/7/acknowledge");
    json_t *data = json_object_get(root, "data");
    assert_string_equal(text_at(data, "action"), "acknowledge");
    assert_string_equal(text_at(json_object_get(data, "incident"), "sku"), "CUP \"ß\"");
    json_decref(root);
}

/* HMAC-SHA256 by RFC 4231's way of testing: a known answer, made with another program. */
static void test_signature(void **state)
{
    (void)state;
    char room[ALERT_SIGNATURE_MAX];
    alert_sign("secret", INT64_C(1795608060000000), SPAN_OF("{}"), room);
    assert_string_equal(
        room,
        "t=1795608060,v1=ff1f8772f95167c79d98ac2d338f3fe8cf44379416df23488da74e6f39a754d1");
}

static void test_long_texts_are_cut_between_characters(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf sku = {0};
    SCOPED(buf_free) struct buf out = {0};
    const struct alert_route route = {.name = SPAN_OF("r"), .kind = ALERT_PAGERDUTY};
    struct alert_incident large = incident;
    buf_init(&sku, 100000);
    buf_init(&out, (size_t)1 << 20);
    buf_byte(&sku, 'a');
    for (int at = 0; at < 2000; at++)
        buf_text(&sku, "ß");
    large.sku = buf_view(&sku);
    struct alert_message one = message(&route, ALERT_TRIGGER);
    one.incident = &large;
    alert_json_body(&one, &out);
    json_t *root = json_loadb(out.bytes, out.length, 0, NULL);
    assert_non_null(root); /* jansson takes whole characters only */
    const char *summary = text_at(json_object_get(root, "payload"), "summary");
    assert_true(strlen(summary) <= 1000 && strlen(summary) > 990);
    json_decref(root);
}

static void test_a_summary_is_an_incident(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf out = {0};
    struct alert_incident read;
    const char *why = NULL;
    const struct alert_summary summary = {
        .id = SPAN_OF("sum-1"),
        .route = SPAN_OF("r"),
        .opened = 12,
        .others = 2,
        .since_us = INT64_C(1795608000000000),
        .now_us = INT64_C(1795608060000000),
        .severity = ALERT_CRITICAL,
        .class_count = 2,
        .classes = {SPAN_OF("drift"), SPAN_OF("push_refused")},
        .counts = {10, 2},
        .first_count = 2,
        .first = {SPAN_OF("inc-1"), SPAN_OF("inc-2")}};
    buf_init(&out, (size_t)1 << 20);
    alert_json_summary(&summary, &out);
    assert_true(alert_incident_decode(buf_view(&out), &pool, &read, &why));
    assert_true(span_is(read.root_cause,
                        "12 incidents: 10 drift, 2 push_refused; 2 others acknowledged "
                        "or resolved; first inc-1, inc-2"));
    assert_int_equal(read.severity, ALERT_CRITICAL);
    assert_non_null(strstr(out.bytes, "--since 2026-11-25T12:00:00Z"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_change_is_read),
        cmocka_unit_test(test_what_is_no_change_is_refused),
        cmocka_unit_test(test_revisions),
        cmocka_unit_test(test_pagerduty),
        cmocka_unit_test(test_alertmanager),
        cmocka_unit_test(test_slack_escapes),
        cmocka_unit_test(test_webhook),
        cmocka_unit_test(test_signature),
        cmocka_unit_test(test_long_texts_are_cut_between_characters),
        cmocka_unit_test(test_a_summary_is_an_incident),
    };
    return cmocka_run_group_tests_name("alert_json", tests, set_up, tear_down);
}
