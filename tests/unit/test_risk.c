/* common/domain/risk: which of the three questions makes an item high-risk, and why. */
#include "common/domain/risk.h"

#include "common/base/check.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MICROS INT64_C(1000000)

static const struct span TAGS[] = {{"fragile", 7}, {"Limited", 7}, {"straße", 7}};
static const struct span SKUS[] = {{"A-1", 3}, {"POT-1", 5}, {"Z", 1}};
static const struct risk_rules RULES = {.tags = TAGS,
                                        .tag_count = COUNT_OF(TAGS),
                                        .skus = SKUS,
                                        .sku_count = COUNT_OF(SKUS),
                                        .has_threshold = true,
                                        .threshold_micros = 250 * MICROS};

static struct risk judge(const char *sku, const char *tags, int64_t price, int64_t units)
{
    const struct risk_input input = {.sku = span_from(sku),
                                     .tags = span_from(tags),
                                     .has_price = price >= 0,
                                     .price_micros = price >= 0 ? price : 0,
                                     .units = units};
    return risk_of(&RULES, &input);
}

static void test_each_question_alone(void **state)
{
    (void)state;
    static const struct {
        const char *sku;
        const char *tags;
        int64_t price;
        int64_t units;
        enum risk_reason reason;
        const char *id;
    } CASES[] = {
        {"B", "", -1, 1, RISK_NONE, "low"},
        {"", "", -1, 1, RISK_NONE, "low"},
        {"POT-1", "", -1, 1, RISK_LISTED, "listed"},
        {"POT-11", "", -1, 1, RISK_NONE, "low"},
        {"pot-1", "", -1, 1, RISK_NONE, "low"}, /* the caller normalises */
        {"B", "limited", -1, 1, RISK_TAGGED, "tagged"},
        {"B", "new\nFRAGILE\nred", -1, 1, RISK_TAGGED, "tagged"},
        {"B", "new\nfragile", -1, 1, RISK_TAGGED, "tagged"},
        {"B", "straße", -1, 1, RISK_TAGGED, "tagged"},
        {"B", "unlimited\nlimite\nlimited edition", -1, 1, RISK_NONE, "low"},
        {"B", "", 250 * MICROS, 1, RISK_VALUED, "valued"},
        {"B", "", 250 * MICROS - 1, 1, RISK_NONE, "low"},
        {"B", "", 125 * MICROS, -2, RISK_VALUED, "valued"},
        {"B", "", 300 * MICROS, 0, RISK_NONE, "low"},
    };
    for (size_t at = 0; at < COUNT_OF(CASES); at++) {
        struct risk risk =
            judge(CASES[at].sku, CASES[at].tags, CASES[at].price, CASES[at].units);
        if (risk.reason != CASES[at].reason)
            fail_msg("case %zu: %s", at, risk_reason_id(risk.reason));
        assert_string_equal(risk_reason_id(risk.reason), CASES[at].id);
        assert_int_equal(risk.high, risk.reason != RISK_NONE);
        assert_true(risk_reason_why(risk.reason)[0] != '\0');
    }
}

static void test_all_that_fit_are_told(void **state)
{
    (void)state;
    struct risk risk = judge("Z", "fragile", 900 * MICROS, 1);
    assert_true(risk.high && risk.listed && risk.tagged && risk.valued);
    assert_int_equal(risk.reason, RISK_LISTED);
    risk = judge("Y", "fragile", 900 * MICROS, 1);
    assert_true(!risk.listed && risk.tagged && risk.valued);
    assert_int_equal(risk.reason, RISK_TAGGED);
}

static void test_no_rules_no_risk(void **state)
{
    (void)state;
    const struct risk_rules none = {0};
    const struct risk_input input = {.sku = SPAN_OF("Z"),
                                     .tags = SPAN_OF("fragile"),
                                     .has_price = true,
                                     .price_micros = INT64_MAX,
                                     .units = INT64_MIN};
    assert_false(risk_of(&none, &input).high);
}

/* A threshold of 0 is reached by every difference whose value is known. */
static void test_a_threshold_of_zero(void **state)
{
    (void)state;
    const struct risk_rules all = {.has_threshold = true};
    struct risk_input input = {.sku = SPAN_OF("B"), .units = 1};
    assert_false(risk_of(&all, &input).high);
    input.has_price = true;
    assert_int_equal(risk_of(&all, &input).reason, RISK_VALUED);
}

static void test_value_does_not_overflow(void **state)
{
    (void)state;
    struct risk_input input = {.has_price = true, .price_micros = INT64_MAX, .units = 1};
    assert_int_equal(risk_value(&input), INT64_MAX);
    input.units = INT64_MIN;
    assert_int_equal(risk_value(&input), INT64_MAX);
    input.price_micros = 0;
    assert_int_equal(risk_value(&input), 0);
    input = (struct risk_input){.has_price = true, .price_micros = 3, .units = -7};
    assert_int_equal(risk_value(&input), 21);
    input.has_price = false;
    assert_int_equal(risk_value(&input), 0);
}

static void test_tags_are_sorted_without_case(void **state)
{
    (void)state;
    assert_int_equal(risk_tag_compare(SPAN_OF("Limited"), SPAN_OF("lIMITED")), 0);
    assert_true(risk_tag_compare(SPAN_OF("fragile"), SPAN_OF("Limited")) < 0);
    assert_true(risk_tag_compare(SPAN_OF("a"), SPAN_OF("AB")) < 0);
    assert_true(risk_tag_compare(SPAN_OF("ä"), SPAN_OF("z")) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_question_alone),
        cmocka_unit_test(test_all_that_fit_are_told),
        cmocka_unit_test(test_no_rules_no_risk),
        cmocka_unit_test(test_a_threshold_of_zero),
        cmocka_unit_test(test_value_does_not_overflow),
        cmocka_unit_test(test_tags_are_sorted_without_case),
    };
    return cmocka_run_group_tests_name("risk", tests, NULL, NULL);
}
