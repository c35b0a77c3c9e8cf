/* Every code of the shop, each with the verdict that it must have. */
#include "common/domain/push_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct word {
    const char *code;
    const char *id;
    enum push_verdict verdict;
};

static const struct word USER_CODES[] = {
    {"CHANGE_FROM_QUANTITY_STALE", "stale", PUSH_REREAD_NEW_KEY},
    {"COMPARE_QUANTITY_STALE", "stale_old", PUSH_REREAD_NEW_KEY},
    {"COMPARE_QUANTITY_REQUIRED", "compare_required", PUSH_CONFIGURATION},
    {"IDEMPOTENCY_CONCURRENT_REQUEST", "concurrent", PUSH_RETRY_SAME},
    {"IDEMPOTENCY_KEY_PARAMETER_MISMATCH", "key_mismatch", PUSH_REREAD_NEW_KEY},
    {"IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED", "key_spent", PUSH_REREAD_NEW_KEY},
    {"SERVICE_UNAVAILABLE", "shop_unavailable", PUSH_UNKNOWN},
    {"ADJUST_QUANTITIES_FAILED", "adjust_failed", PUSH_UNKNOWN},
    {"SET_ON_HAND_QUANTITIES_FAILED", "set_on_hand_failed", PUSH_UNKNOWN},
    {"MOVE_QUANTITIES_FAILED", "move_failed", PUSH_UNKNOWN},
    {"INVALID_QUANTITY_TOO_HIGH", "too_high", PUSH_QUARANTINE_PAIR},
    {"INVALID_QUANTITY_TOO_LOW", "too_low", PUSH_QUARANTINE_PAIR},
    {"INVALID_QUANTITY_NEGATIVE", "negative", PUSH_QUARANTINE_PAIR},
    {"INVALID_INVENTORY_ITEM", "item_gone", PUSH_QUARANTINE_PAIR},
    {"INVALID_LOCATION", "location_gone", PUSH_QUARANTINE_PAIR},
    {"ITEM_NOT_STOCKED_AT_LOCATION", "not_stocked", PUSH_QUARANTINE_PAIR},
    {"NON_MUTABLE_INVENTORY_ITEM", "bundle", PUSH_QUARANTINE_PAIR},
    {"NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR", "pair_twice", PUSH_CONFIGURATION},
    {"INVALID_NAME", "invalid_name", PUSH_CONFIGURATION},
    {"INVALID_QUANTITY_NAME", "invalid_quantity_name", PUSH_CONFIGURATION},
    {"INVALID_REASON", "invalid_reason", PUSH_CONFIGURATION},
    {"INVALID_REFERENCE_DOCUMENT", "invalid_reference", PUSH_CONFIGURATION},
    {"INTERNAL_LEDGER_DOCUMENT", "ledger_internal", PUSH_CONFIGURATION},
    {"INVALID_AVAILABLE_DOCUMENT", "ledger_available", PUSH_CONFIGURATION},
    {"INVALID_LEDGER_DOCUMENT", "ledger_invalid", PUSH_CONFIGURATION},
    {"INVALID_QUANTITY_DOCUMENT", "ledger_quantity", PUSH_CONFIGURATION},
    {"MAX_ONE_LEDGER_DOCUMENT", "ledger_many", PUSH_CONFIGURATION},
    {"MAXIMUM_LEDGER_DOCUMENT_URIS", "ledger_uris", PUSH_CONFIGURATION},
    {"DIFFERENT_LOCATIONS", "move_locations", PUSH_CONFIGURATION},
    {"SAME_QUANTITY_NAME", "move_names", PUSH_CONFIGURATION},
    {"SOMETHING_NEW", "user_error", PUSH_QUARANTINE_PAIR},
    {"change_from_quantity_stale", "user_error", PUSH_QUARANTINE_PAIR},
    {"", "user_error", PUSH_QUARANTINE_PAIR},
};

static const struct word TOP_CODES[] = {
    {"THROTTLED", "throttled", PUSH_THROTTLED},
    {"ACCESS_DENIED", "access_denied", PUSH_CONFIGURATION},
    {"MAX_COST_EXCEEDED", "max_cost", PUSH_CONFIGURATION},
    {"MAX_INPUT_SIZE_EXCEEDED", "max_input", PUSH_CONFIGURATION},
    {"BAD_REQUEST", "bad_request", PUSH_CONFIGURATION},
    {"INVALID_FIELD_ARGUMENTS", "field_arguments", PUSH_CONFIGURATION},
    {"INVALID_VARIABLE", "invalid_variable", PUSH_CONFIGURATION},
    {"undefinedField", "undefined_field", PUSH_CONFIGURATION},
    {"undefinedDirective", "undefined_directive", PUSH_CONFIGURATION},
    {"SHOP_INACTIVE", "shop_inactive", PUSH_RETRY_SAME},
    {"INTERNAL_SERVER_ERROR", "internal", PUSH_UNKNOWN},
    {"TIMEOUT", "timeout", PUSH_UNKNOWN},
    {"", "top_error", PUSH_UNKNOWN},
    {"SOMETHING_NEW", "top_error", PUSH_UNKNOWN},
};

struct number {
    int number;
    const char *id;
    enum push_verdict verdict;
};

static const struct number STATUSES[] = {
    {400, "http_400", PUSH_CONFIGURATION}, {401, "http_401", PUSH_RENEW_TOKEN},
    {402, "http_402", PUSH_RETRY_SAME},    {403, "http_403", PUSH_CONFIGURATION},
    {404, "http_404", PUSH_CONFIGURATION}, {406, "http_406", PUSH_CONFIGURATION},
    {413, "http_413", PUSH_CONFIGURATION}, {423, "http_423", PUSH_RETRY_SAME},
    {429, "http_429", PUSH_THROTTLED},     {430, "http_430", PUSH_RETRY_SAME},
    {300, "http_3xx", PUSH_CONFIGURATION}, {302, "http_3xx", PUSH_CONFIGURATION},
    {399, "http_3xx", PUSH_CONFIGURATION}, {500, "http_5xx", PUSH_UNKNOWN},
    {502, "http_5xx", PUSH_UNKNOWN},       {503, "http_5xx", PUSH_UNKNOWN},
    {504, "http_5xx", PUSH_UNKNOWN},       {599, "http_5xx", PUSH_UNKNOWN},
    {204, "http_other", PUSH_UNKNOWN},     {418, "http_other", PUSH_UNKNOWN},
    {0, "http_other", PUSH_UNKNOWN},       {600, "http_other", PUSH_UNKNOWN},
};

static const struct number TRANSPORTS[] = {
    {PUSH_TRANSPORT_NOT_SENT, "not_sent", PUSH_RETRY_SAME},
    {PUSH_TRANSPORT_LOST, "lost", PUSH_UNKNOWN},
    {PUSH_TRANSPORT_GARBLED, "garbled", PUSH_UNKNOWN},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void expect_words(enum push_match match, const struct word *words, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        const struct push_rule *rule =
            push_rule_by_code(match, span_from(words[at].code));
        assert_string_equal(rule->id, words[at].id);
        assert_int_equal(rule->verdict, words[at].verdict);
    }
}

static void expect_numbers(enum push_match match, const struct number *numbers,
                           size_t count)
{
    for (size_t at = 0; at < count; at++) {
        const struct push_rule *rule = push_rule_by_number(match, numbers[at].number);
        assert_string_equal(rule->id, numbers[at].id);
        assert_int_equal(rule->verdict, numbers[at].verdict);
    }
}

static void test_user_codes(void **state)
{
    (void)state;
    expect_words(PUSH_MATCH_USER_CODE, USER_CODES, COUNT(USER_CODES));
}

static void test_top_codes(void **state)
{
    (void)state;
    expect_words(PUSH_MATCH_TOP_CODE, TOP_CODES, COUNT(TOP_CODES));
}

static void test_statuses_and_transports(void **state)
{
    (void)state;
    expect_numbers(PUSH_MATCH_HTTP, STATUSES, COUNT(STATUSES));
    expect_numbers(PUSH_MATCH_TRANSPORT, TRANSPORTS, COUNT(TRANSPORTS));
    assert_int_equal(push_rule_applied()->verdict, PUSH_APPLIED);
}

static bool is_expected(const struct push_rule *rule)
{
    for (size_t at = 0; at < COUNT(USER_CODES); at++)
        if (strcmp(USER_CODES[at].id, rule->id) == 0)
            return true;
    for (size_t at = 0; at < COUNT(TOP_CODES); at++)
        if (strcmp(TOP_CODES[at].id, rule->id) == 0)
            return true;
    for (size_t at = 0; at < COUNT(STATUSES); at++)
        if (strcmp(STATUSES[at].id, rule->id) == 0)
            return true;
    for (size_t at = 0; at < COUNT(TRANSPORTS); at++)
        if (strcmp(TRANSPORTS[at].id, rule->id) == 0)
            return true;
    return strcmp(rule->id, "applied") == 0;
}

/* A row without a test here, an id used twice, or a row without a why is a defect. */
static void test_every_row_is_tested_once(void **state)
{
    (void)state;
    for (size_t at = 0; at < PUSH_RULES_COUNT; at++) {
        if (!is_expected(&PUSH_RULES[at]))
            fail_msg("rule %s has no test", PUSH_RULES[at].id);
        assert_true(PUSH_RULES[at].why != NULL && PUSH_RULES[at].why[0] != '\0');
        for (size_t other = 0; other < at; other++)
            assert_string_not_equal(PUSH_RULES[at].id, PUSH_RULES[other].id);
    }
}

static void test_verdict_names(void **state)
{
    (void)state;
    for (int verdict = 0; verdict < PUSH_VERDICT_COUNT; verdict++)
        assert_non_null(push_verdict_name((enum push_verdict)verdict));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_user_codes),
        cmocka_unit_test(test_top_codes),
        cmocka_unit_test(test_statuses_and_transports),
        cmocka_unit_test(test_every_row_is_tested_once),
        cmocka_unit_test(test_verdict_names),
    };
    return cmocka_run_group_tests_name("push rules", tests, NULL, NULL);
}
