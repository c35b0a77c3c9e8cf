/* What becomes of a write and its pairs, for every kind of answer. */
#include "common/domain/push_decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct push_answer answer;
static struct push_decision decision;

static void begin(void)
{
    answer = (struct push_answer){.http_status = 200};
}

static void add(const char *code, int pair)
{
    struct push_user_error *error = &answer.errors[answer.error_count++];
    *error = (struct push_user_error){.pair = pair};
    memcpy(error->code, code, strlen(code) + 1);
}

static void expect_fates(const char *fates)
{
    static const char LETTERS[] = "KARQ";
    for (size_t at = 0; fates[at] != '\0'; at++)
        assert_int_equal(LETTERS[decision.fates[at]], fates[at]);
    for (size_t at = 0; fates[at] != '\0'; at++)
        assert_non_null(decision.fate_rules[at]);
}

static void test_applied(void **state)
{
    (void)state;
    begin();
    push_decide(&answer, 3, true, &decision);
    assert_int_equal(decision.next, PUSH_NEXT_SETTLE);
    expect_fates("AAA");
}

static void test_lost_answer_waits_and_is_unknown(void **state)
{
    (void)state;
    begin();
    answer.transport = PUSH_TRANSPORT_LOST;
    push_decide(&answer, 3, false, &decision);
    assert_int_equal(decision.next, PUSH_NEXT_WAIT);
    assert_true(decision.unknown);
}

static void test_not_sent_waits_and_is_known(void **state)
{
    (void)state;
    begin();
    answer.transport = PUSH_TRANSPORT_NOT_SENT;
    push_decide(&answer, 3, false, &decision);
    assert_int_equal(decision.next, PUSH_NEXT_WAIT);
    assert_false(decision.unknown);
}

static void test_throttled_waits(void **state)
{
    (void)state;
    begin();
    answer.has_top_error = true;
    memcpy(answer.top_code, "THROTTLED", 10);
    push_decide(&answer, 3, false, &decision);
    assert_int_equal(decision.next, PUSH_NEXT_WAIT);
    assert_false(decision.unknown);
    assert_string_equal(decision.rule->id, "throttled");
}

static void test_server_error_waits_and_is_unknown(void **state)
{
    (void)state;
    begin();
    answer.http_status = 503;
    push_decide(&answer, 1, false, &decision);
    assert_int_equal(decision.next, PUSH_NEXT_WAIT);
    assert_true(decision.unknown);
}

static void test_stale_with_path(void **state)
{
    (void)state;
    begin();
    add("CHANGE_FROM_QUANTITY_STALE", 1);
    push_decide(&answer, 3, false, &decision);
    assert_int_equal(decision.next, PUSH_NEXT_SETTLE);
    expect_fates("KRK");
}

static void test_stale_without_path_rereads_all(void **state)
{
    (void)state;
    begin();
    add("CHANGE_FROM_QUANTITY_STALE", -1);
    push_decide(&answer, 3, false, &decision);
    expect_fates("RRR");
}

/* The shop may have applied the first try: the refusal of the second proves nothing. */
static void test_stale_after_unknown_rereads_all(void **state)
{
    (void)state;
    begin();
    add("CHANGE_FROM_QUANTITY_STALE", 1);
    push_decide(&answer, 3, true, &decision);
    expect_fates("RRR");
}

/* An adjustment group beside errors: the shop applied the other pairs. */
static void test_partly_applied_rereads_all(void **state)
{
    (void)state;
    begin();
    add("CHANGE_FROM_QUANTITY_STALE", 1);
    answer.has_group = true;
    push_decide(&answer, 3, false, &decision);
    expect_fates("RRR");
}

static void test_quarantine_named_pair(void **state)
{
    (void)state;
    begin();
    add("INVALID_QUANTITY_TOO_HIGH", 2);
    push_decide(&answer, 3, false, &decision);
    expect_fates("KKQ");
    assert_string_equal(decision.fate_rules[2]->id, "too_high");
    assert_false(decision.split);
}

static void test_unnamed_pair_splits(void **state)
{
    (void)state;
    begin();
    add("INVALID_INVENTORY_ITEM", -1);
    push_decide(&answer, 3, false, &decision);
    expect_fates("KKK");
    assert_true(decision.split);
    push_decide(&answer, 1, false, &decision);
    expect_fates("Q");
    assert_false(decision.split);
}

static void test_index_out_of_range_is_unnamed(void **state)
{
    (void)state;
    begin();
    add("INVALID_INVENTORY_ITEM", 3);
    push_decide(&answer, 3, false, &decision);
    expect_fates("KKK");
    assert_true(decision.split);
}

/* In whatever order the errors come, a stale pair is read again before it is judged. */
static void test_stale_beats_quarantine(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        begin();
        add(order == 0 ? "CHANGE_FROM_QUANTITY_STALE" : "INVALID_QUANTITY_NEGATIVE", 0);
        add(order == 0 ? "INVALID_QUANTITY_NEGATIVE" : "CHANGE_FROM_QUANTITY_STALE", 0);
        push_decide(&answer, 2, false, &decision);
        expect_fates("RK");
    }
}

static void test_named_quarantine_after_unknown(void **state)
{
    (void)state;
    begin();
    add("INVALID_QUANTITY_NEGATIVE", 0);
    push_decide(&answer, 2, true, &decision);
    expect_fates("QR");
}

static void test_configuration(void **state)
{
    (void)state;
    begin();
    add("INVALID_REASON", -1);
    add("CHANGE_FROM_QUANTITY_STALE", 0);
    push_decide(&answer, 2, false, &decision);
    assert_int_equal(decision.next, PUSH_NEXT_SETTLE);
    assert_int_equal(decision.rule->verdict, PUSH_CONFIGURATION);
    expect_fates("KK");
    push_decide(&answer, 2, true, &decision);
    expect_fates("RR");
}

static void test_concurrent_waits(void **state)
{
    (void)state;
    begin();
    add("CHANGE_FROM_QUANTITY_STALE", 0);
    add("IDEMPOTENCY_CONCURRENT_REQUEST", -1);
    push_decide(&answer, 2, false, &decision);
    assert_int_equal(decision.next, PUSH_NEXT_WAIT);
    assert_true(decision.unknown);
}

static void test_cut_errors_reread_all(void **state)
{
    (void)state;
    begin();
    add("CHANGE_FROM_QUANTITY_STALE", 0);
    answer.errors_cut = true;
    push_decide(&answer, 2, false, &decision);
    expect_fates("RR");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_applied),
        cmocka_unit_test(test_lost_answer_waits_and_is_unknown),
        cmocka_unit_test(test_not_sent_waits_and_is_known),
        cmocka_unit_test(test_throttled_waits),
        cmocka_unit_test(test_server_error_waits_and_is_unknown),
        cmocka_unit_test(test_stale_with_path),
        cmocka_unit_test(test_stale_without_path_rereads_all),
        cmocka_unit_test(test_stale_after_unknown_rereads_all),
        cmocka_unit_test(test_partly_applied_rereads_all),
        cmocka_unit_test(test_quarantine_named_pair),
        cmocka_unit_test(test_unnamed_pair_splits),
        cmocka_unit_test(test_index_out_of_range_is_unnamed),
        cmocka_unit_test(test_stale_beats_quarantine),
        cmocka_unit_test(test_named_quarantine_after_unknown),
        cmocka_unit_test(test_configuration),
        cmocka_unit_test(test_concurrent_waits),
        cmocka_unit_test(test_cut_errors_reread_all),
    };
    return cmocka_run_group_tests_name("push decide", tests, NULL, NULL);
}
