/* common/codec/week_json: one canonical form, read back strictly; a changed number is seen. */
#include "common/codec/week_json.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/domain/verdict.h"
#include "tests/unit/week_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct fixture f;
static struct pool pool;
static struct buf text;
static struct error error;

static int start(void **state)
{
    (void)state;
    fixture_make(&f);
    pool_init(&pool, (size_t)8 << 20);
    buf_init(&text, WEEK_JSON_MAX);
    error = (struct error){0};
    return 0;
}

static int stop(void **state)
{
    (void)state;
    pool_free(&pool);
    buf_free(&text);
    return 0;
}

static const struct week_decision DECISION = {
    .monday = FIXTURE_MONDAY,
    .number = 2,
    .verdict = WEEK_NOT_DECIDABLE,
    .rule = {"location_skipped", 16},
    .handoff = {"none", 4},
    .by = {"Ada", 3},
    .why = {"HAM was closed \"for\" stocktaking", 32},
    .at_us = INT64_C(1796000000123456),
    .inputs = {FIXTURE_DIGEST, 64},
    .contract = {FIXTURE_DIGEST, 64},
};

static void test_inputs_come_back_and_judge_the_same(void **state)
{
    (void)state;
    struct week_inputs back;
    char digest[WEEK_DIGEST_MAX];
    char again[WEEK_DIGEST_MAX];
    week_json_inputs(&f.inputs, &text);
    assert_false(text.failed);
    assert_int_equal(week_json_inputs_decode(buf_view(&text), &pool, &back, &error),
                     STATUS_OK);
    assert_true(week_json_inputs_digest(&f.inputs, digest));
    assert_true(week_json_inputs_digest(&back, again));
    assert_string_equal(digest, again);
    assert_ptr_equal(verdict_judge(&back).look.rule, verdict_judge(&f.inputs).look.rule);
    assert_int_equal(back.limits.alerts_lost, KPI_DEFAULTS.alerts_lost);
    assert_int_equal(back.period.places[FIXTURE_BER].repair.p95_ms, 90000);
}

static void test_no_baseline_is_null(void **state)
{
    (void)state;
    struct week_inputs back;
    f.inputs.baseline = (struct week_baseline){0};
    week_json_inputs(&f.inputs, &text);
    assert_non_null(strstr(text.bytes, ",\"baseline\":null,"));
    assert_int_equal(week_json_inputs_decode(buf_view(&text), &pool, &back, &error),
                     STATUS_OK);
    assert_int_equal(back.baseline.id, 0);
}

static void test_spaces_and_order_are_no_part_of_the_digest(void **state)
{
    (void)state;
    struct week_decision back;
    char digest[WEEK_DIGEST_MAX];
    char again[WEEK_DIGEST_MAX];
    const char *spaced =
        "{ \"why\" : \"HAM was closed \\\"for\\\" stocktaking\", \"version\": 1,\n"
        "\"week\":\"2026-W48\",\"number\":2,\"verdict\":\"not_decidable\","
        "\"rule\":\"location_skipped\",\"handoff\":\"none\",\"by\":\"\\u0041da\","
        "\"at\":\"2026-11-30T00:53:20.123456Z\",\"inputs\":\"" FIXTURE_DIGEST
        "\",\"contract\":\"" FIXTURE_DIGEST "\"}";
    assert_int_equal(week_json_decision_decode(span_from(spaced), &pool, &back, &error),
                     STATUS_OK);
    assert_true(week_json_decision_digest(&DECISION, digest));
    assert_true(week_json_decision_digest(&back, again));
    assert_string_equal(digest, again);
}

static void test_a_decision_comes_back(void **state)
{
    (void)state;
    struct week_decision back;
    week_json_decision(&DECISION, &text);
    assert_int_equal(week_json_decision_decode(buf_view(&text), &pool, &back, &error),
                     STATUS_OK);
    assert_int_equal(back.monday, FIXTURE_MONDAY);
    assert_int_equal(back.verdict, WEEK_NOT_DECIDABLE);
    assert_int_equal(back.at_us, DECISION.at_us);
    assert_true(span_equal(back.why, DECISION.why));
}

static void test_a_baseline_comes_back(void **state)
{
    (void)state;
    struct week_baseline back;
    char digest[WEEK_DIGEST_MAX];
    char again[WEEK_DIGEST_MAX];
    week_json_baseline(&f.inputs.baseline, &text);
    assert_int_equal(week_json_baseline_decode(buf_view(&text), &pool, &back, &error),
                     STATUS_OK);
    assert_true(week_json_baseline_digest(&f.inputs.baseline, digest));
    assert_true(week_json_baseline_digest(&back, again));
    assert_string_equal(digest, again);
}

/* Every digit of the document, one after the other: it is refused or has another digest. */
static void test_no_number_can_be_changed_unseen(void **state)
{
    (void)state;
    char digest[WEEK_DIGEST_MAX];
    char other[WEEK_DIGEST_MAX];
    size_t changed = 0;
    week_json_inputs(&f.inputs, &text);
    assert_true(week_json_inputs_digest(&f.inputs, digest));
    for (size_t at = 0; at < text.length; at++) {
        char was = text.bytes[at];
        if (was < '0' || was > '9')
            continue;
        struct week_inputs back;
        text.bytes[at] = was == '9' ? '8' : (char)(was + 1);
        if (week_json_inputs_decode(buf_view(&text), &pool, &back, &error) == STATUS_OK) {
            assert_true(week_json_inputs_digest(&back, other));
            assert_string_not_equal(digest, other);
            changed++;
        }
        text.bytes[at] = was;
        pool_reset(&pool);
    }
    assert_true(changed > 500);
}

/* ---- what is refused --------------------------------------------------------------------------- */

static void replace(const char *old, const char *new)
{
    struct buf out;
    char *found = strstr(text.bytes, old);
    assert_non_null(found);
    buf_init(&out, WEEK_JSON_MAX);
    buf_add(&out, text.bytes, (size_t)(found - text.bytes));
    buf_text(&out, new);
    buf_text(&out, found + strlen(old));
    buf_free(&text);
    text = out;
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const char *const WRONG[][2] = {
        {"\"version\":1", "\"version\":2"},
        {"{\"version\":1", "{\"more\":1,\"version\":1"},
        {"{\"version\":1", "{\"version\":1,\"version\":1"},
        {"\"week\":\"2026-W48\"", "\"week\":\"2026-W47\""},
        {"\"week\":\"2026-W48\"", "\"week\":\"2026-11-25\""},
        {"\"from\":\"2026-11-23\"", "\"from\":\"2026-11-24\""},
        {"\"pairs\":100", "\"pairs\":-1"},
        {"\"pairs\":100", "\"pairs\":\"100\""},
        {"\"pairs\":100", "\"pairs\":9007199254740992"},
        {"\"sweeps\":[24,24,24,24,24,24,24]", "\"sweeps\":[24]"},
        {"\"sweeps\":[24,24,24,24,24,24,24],", ""},
        {"\"causes\":{\"external_writer\":12}", "\"causes\":{\"weather\":12}"},
        {"\"location\":\"HAM\"", "\"location\":\"BER\""},
        {"\"location\":\"HAM\"", "\"location\":\"AAA\""},
        {"\"mismatch_share\":5000,", ""},
        {"\"mismatch_share\":5000,", "\"mismatch\":10000,"},
        {"\"contract\":\"0", "\"contract\":\"X"},
    };
    for (size_t at = 0; at < COUNT_OF(WRONG); at++) {
        struct week_inputs back = {.captured_at_us = 7};
        buf_clear(&text);
        week_json_inputs(&f.inputs, &text);
        replace(WRONG[at][0], WRONG[at][1]);
        error = (struct error){0};
        enum status status =
            week_json_inputs_decode(buf_view(&text), &pool, &back, &error);
        if (status != STATUS_REJECT || error.status != STATUS_REJECT ||
            back.captured_at_us != 7 || error.text[0] == '\0')
            fail_msg("%s taken for %s", WRONG[at][1], WRONG[at][0]);
    }
    assert_int_equal(
        week_json_inputs_decode(SPAN_OF("[]"), &pool, &(struct week_inputs){0}, &error),
        STATUS_REJECT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_inputs_come_back_and_judge_the_same, start,
                                        stop),
        cmocka_unit_test_setup_teardown(test_no_baseline_is_null, start, stop),
        cmocka_unit_test_setup_teardown(test_spaces_and_order_are_no_part_of_the_digest,
                                        start, stop),
        cmocka_unit_test_setup_teardown(test_a_decision_comes_back, start, stop),
        cmocka_unit_test_setup_teardown(test_a_baseline_comes_back, start, stop),
        cmocka_unit_test_setup_teardown(test_no_number_can_be_changed_unseen, start,
                                        stop),
        cmocka_unit_test_setup_teardown(test_what_is_refused, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
