/* common/domain/seal and common/codec/seal_sum: which days are sealed, and what is in a seal. */
#include "common/codec/seal_sum.h"

#include "common/base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define MONDAY 20780 /* 2026-11-23 */
#define HOUR_US INT64_C(3600000000)

static struct seal_question question;
static struct seal_span span;

static int start(void **state)
{
    (void)state;
    question = (struct seal_question){.has_oldest = true, .oldest_day = MONDAY + 2};
    return 0;
}

static void expect(int32_t first, int32_t last)
{
    assert_true(seal_next(&question, &span));
    assert_int_equal(span.first_day, first);
    assert_int_equal(span.last_day, last);
}

static void test_a_week_is_sealed_an_hour_after_its_sunday(void **state)
{
    (void)state;
    question.now_us = (MONDAY + 7) * RETENTION_DAY_US + HOUR_US - 1;
    assert_false(seal_next(&question, &span));
    question.now_us++;
    expect(MONDAY + 2, MONDAY + 6);
    question.has_sealed = true;
    question.sealed_day = MONDAY + 6;
    assert_false(seal_next(&question, &span));
    question.now_us += 7 * RETENTION_DAY_US;
    expect(MONDAY + 7, MONDAY + 13);
}

static void test_what_is_to_go_is_sealed_before_its_week_is_over(void **state)
{
    (void)state;
    question.now_us = (MONDAY + 5) * RETENTION_DAY_US;
    assert_false(seal_next(&question, &span));
    question.has_leaving = true;
    question.leaving_day = MONDAY + 3;
    expect(MONDAY + 2, MONDAY + 3);
    question.leaving_day = MONDAY + 1; /* before all that there is */
    assert_false(seal_next(&question, &span));
    question.leaving_day = MONDAY + 5; /* not over */
    assert_false(seal_next(&question, &span));
}

static void test_an_empty_ledger_has_none(void **state)
{
    (void)state;
    question = (struct seal_question){.now_us = MONDAY * RETENTION_DAY_US};
    assert_false(seal_next(&question, &span));
}

static void test_dates(void **state)
{
    (void)state;
    char date[SEAL_DATE_MAX];
    seal_date(MONDAY, date);
    assert_string_equal(date, "2026-11-23");
}

/* ---- sums --------------------------------------------------------------------------- */

struct stored {
    struct seal_part part;
    char stretches[8192];
};

/* Pages of 400 rows, `changed` with another digest (-1: none), `left_out` not there. */
static struct stored sum_of(int count, int changed, int left_out)
{
    struct stored stored;
    struct seal_sum sum;
    char bytes[DIGEST_BYTES];
    assert_true(seal_sum_open(&sum));
    for (int at = 0; at < count; at++) {
        memset(bytes, at == changed ? 99 : at, sizeof bytes);
        const struct seal_page page = {.day = MONDAY,
                                       .topic = SPAN_OF("t"),
                                       .partition = 3,
                                       .next_offset = 400 * (at + 1),
                                       .entries = 400,
                                       .digest = {bytes, sizeof bytes}};
        assert_false(seal_sum_is_next(&sum, &page));
        if (at != left_out)
            assert_true(seal_sum_add(&sum, &page));
    }
    assert_true(seal_sum_end(&sum, &stored.part));
    assert_true(stored.part.stretches.length < sizeof stored.stretches);
    memcpy(stored.stretches, stored.part.stretches.bytes, stored.part.stretches.length);
    stored.part.stretches.bytes = NULL; /* the caller takes stretches_of */
    seal_sum_close(&sum);
    return stored;
}

static struct span stretches_of(const struct stored *stored)
{
    return (struct span){stored->stretches, stored->part.stretches.length};
}

static void test_a_changed_page_is_found_by_its_offsets(void **state)
{
    (void)state;
    const struct stored sealed = sum_of(12, -1, -1);
    int64_t from = 0;
    int64_t until = 0;
    assert_int_equal(sealed.part.pages, 12);
    assert_int_equal(sealed.part.entries, 4800);
    for (int page = 0; page < 12; page++) {
        const struct stored changed = sum_of(12, page, -1);
        const struct stored without = sum_of(12, -1, page);
        assert_string_not_equal(sealed.part.digest, changed.part.digest);
        assert_true(seal_stretches_differ(stretches_of(&sealed), stretches_of(&changed),
                                          &from, &until));
        assert_int_equal(from, page / 3 * 1200); /* three pages a stretch */
        assert_int_equal(until, page / 3 * 1200 + 1200);
        assert_string_not_equal(sealed.part.digest, without.part.digest);
        assert_true(seal_stretches_differ(stretches_of(&sealed), stretches_of(&without),
                                          &from, &until));
        assert_true(from <= page * 400 && until >= (page + 1) * 400);
    }
    const struct stored again = sum_of(12, -1, -1);
    assert_string_equal(sealed.part.digest, again.part.digest);
    assert_false(seal_stretches_differ(stretches_of(&sealed), stretches_of(&again), &from,
                                       &until));
}

static void test_parts_end_where_the_partition_does(void **state)
{
    (void)state;
    struct seal_sum sum;
    struct seal_part part;
    const struct seal_page page = {.day = MONDAY,
                                   .topic = SPAN_OF("t"),
                                   .next_offset = 9,
                                   .entries = 1,
                                   .digest = SPAN_OF("01234567890123456789012345678901")};
    struct seal_page others[] = {page, page, page};
    others[0].day++;
    others[1].topic = SPAN_OF("u");
    others[2].partition++;
    assert_true(seal_sum_open(&sum));
    assert_false(seal_sum_end(&sum, &part));
    assert_true(seal_sum_add(&sum, &page));
    assert_false(seal_sum_is_next(&sum, &page));
    for (size_t at = 0; at < COUNT_OF(others); at++)
        assert_true(seal_sum_is_next(&sum, &others[at]));
    assert_true(seal_sum_end(&sum, &part));
    assert_int_equal(part.pages, 1);
    assert_false(seal_sum_is_next(&sum, &others[0]));
    seal_sum_close(&sum);
}

/* Every column of a seal is in it. */
static void test_a_seal_holds_all_of_its_columns(void **state)
{
    (void)state;
    const struct seal sealed = {.span = {MONDAY, MONDAY + 6},
                                .pages = 5,
                                .entries = 7,
                                .digest = SPAN_OF("ab"),
                                .previous = SPAN_OF("cd")};
    struct seal others[] = {sealed, sealed, sealed, sealed, sealed, sealed};
    char hex[SEAL_HEX_MAX];
    char other[SEAL_HEX_MAX];
    struct digest *digest = digest_new();
    assert_non_null(digest);
    others[0].span.first_day++;
    others[1].span.last_day++;
    others[2].pages++;
    others[3].entries++;
    others[4].digest = SPAN_OF("abc");
    others[5].previous = SPAN_OF("d");
    seal_digest(digest, &sealed, hex);
    for (size_t at = 0; at < COUNT_OF(others); at++) {
        seal_digest(digest, &others[at], other);
        assert_string_not_equal(hex, other);
    }
    seal_digest(digest, &sealed, other);
    assert_string_equal(hex, other);
    digest_free(&digest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_week_is_sealed_an_hour_after_its_sunday, start),
        cmocka_unit_test_setup(test_what_is_to_go_is_sealed_before_its_week_is_over,
                               start),
        cmocka_unit_test_setup(test_an_empty_ledger_has_none, start),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_a_changed_page_is_found_by_its_offsets),
        cmocka_unit_test(test_parts_end_where_the_partition_does),
        cmocka_unit_test(test_a_seal_holds_all_of_its_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
