/* common/runtime/week_view and kpi_table: rows and sentences that the command and the console share. */
#include "common/runtime/kpi_table.h"
#include "common/runtime/week_view.h"
#include "tests/unit/week_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROWS_MAX 8

struct taken {
    struct kpi_row rows[ROWS_MAX];
    size_t count;
};

static void take(void *self, const struct kpi_row *row)
{
    struct taken *taken = self;
    assert_true(taken->count < ROWS_MAX);
    taken->rows[taken->count++] = *row;
}

static struct taken rows_of(const struct fixture *fixture, bool has_baseline)
{
    struct taken taken = {0};
    const struct kpi_row_visitor visitor = {.each = take, .self = &taken};
    const struct week_inputs *inputs = &fixture->inputs;
    kpi_table_rows(&inputs->period, has_baseline ? &inputs->baseline.period : NULL,
                   inputs->limits.coverage_share, &visitor);
    return taken;
}

static void test_a_row_a_place_and_one_of_all(void **state)
{
    (void)state;
    static struct fixture fixture;
    fixture_make(&fixture);
    fixture_set(&fixture, FIXTURE_HAM, KPI_RESYNCS_FAILED, 1);
    const struct taken taken = rows_of(&fixture, true);
    assert_int_equal(taken.count, 3);
    const struct kpi_row *ber = &taken.rows[0];
    assert_string_equal(ber->place->location.bytes, "BER");
    assert_int_equal(ber->days, 7);
    assert_int_equal(ber->compared, 7 * 2400);
    assert_string_equal(ber->mismatch, "2.00 %");
    assert_string_equal(ber->before, "5.00 %");
    assert_string_equal(ber->trend, "down");
    assert_string_equal(ber->resynced, "100.00 %");
    assert_string_equal(taken.rows[1].resynced, "63.15 %"); /* 12 of 19 */
    assert_null(taken.rows[2].place);
    assert_int_equal(taken.rows[2].compared, 2 * 7 * 2400);
    assert_string_equal(taken.rows[2].resynced, "77.41 %"); /* 24 of 31 */
    assert_string_equal(taken.rows[2].before, "5.00 %");
}

static void test_what_is_nothing_has_a_dash(void **state)
{
    (void)state;
    static struct fixture fixture;
    fixture_make(&fixture);
    struct taken taken = rows_of(&fixture, false);
    for (size_t at = 0; at < taken.count; at++)
        assert_string_equal(taken.rows[at].before, "-");
    /* A place that the baseline does not know has none of its own. */
    fixture.base_places[FIXTURE_HAM].location = SPAN_OF("MUC");
    taken = rows_of(&fixture, true);
    assert_string_equal(taken.rows[0].before, "5.00 %");
    assert_string_equal(taken.rows[1].before, "-");
    assert_string_equal(taken.rows[2].before, "5.00 %");
}

static void test_what_people_did_for_no_place_is_shown(void **state)
{
    (void)state;
    static struct fixture fixture;
    fixture_make(&fixture);
    fixture_set(&fixture, FIXTURE_ALL, KPI_INTERVENTIONS, 2);
    const struct taken taken = rows_of(&fixture, true);
    assert_int_equal(taken.count, 4);
    assert_int_equal(taken.rows[0].place->shop.length, 0);
    assert_int_equal(taken.rows[0].by_hand, 14);
    assert_int_equal(taken.rows[3].by_hand, 14);
}

static void assert_words(struct buf *words, const char *wanted)
{
    assert_false(words->failed);
    assert_string_equal(words->bytes, wanted);
    buf_clear(words);
}

static void test_sentences(void **state)
{
    (void)state;
    static struct fixture fixture;
    struct buf words;
    buf_init(&words, 65536);
    fixture_make(&fixture);
    fixture.inputs.captured_at_us--;
    week_view_head(&fixture.inputs, &words);
    assert_words(&words, "week 2026-W48, 2026-11-23 to 2026-11-29 (UTC); it is not over; "
                         "baseline 1");
    fixture.inputs.captured_at_us++;
    week_view_head(&fixture.inputs, &words);
    assert_words(&words, "week 2026-W48, 2026-11-23 to 2026-11-29 (UTC); baseline 1");
    const struct verdict good = verdict_judge(&fixture.inputs);
    week_view_verdict(&good, &words);
    assert_words(&words, "pass, by the rule better: mismatch and oversells are down, and "
                         "nothing hides a failure");
    week_view_look(&good.look, &words);
    assert_words(&words, "2.00 %, against 5.00 %");
    week_view_handoff(&good.handoff, &words);
    assert_non_null(
        strstr(words.bytes, "external_writer leads with 12 of 12 (100.00 %)"));
    buf_clear(&words);
    fixture_set(&fixture, FIXTURE_HAM, KPI_COMPARED, 0);
    const struct verdict skipped = verdict_judge(&fixture.inputs);
    week_view_look(&skipped.look, &words);
    assert_words(&words, "0 days, against 5 days, at demo HAM");
    buf_free(&words);
}

static void test_a_decision_or_none(void **state)
{
    (void)state;
    struct buf words;
    struct week_decision decision = {0};
    buf_init(&words, 65536);
    week_view_decision(&decision, &words);
    assert_words(&words, "none is kept");
    decision = (struct week_decision){.number = 2,
                                      .verdict = WEEK_FAIL,
                                      .by = SPAN_OF("jo"),
                                      .why = SPAN_OF("it is so"),
                                      .at_us = week_day_us(FIXTURE_MONDAY)};
    week_view_decision(&decision, &words);
    assert_words(&words, "fail, ruling 2, by jo at 2026-11-23T00:00:00Z: it is so");
    buf_free(&words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_row_a_place_and_one_of_all),
        cmocka_unit_test(test_what_is_nothing_has_a_dash),
        cmocka_unit_test(test_what_people_did_for_no_place_is_shown),
        cmocka_unit_test(test_sentences),
        cmocka_unit_test(test_a_decision_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
