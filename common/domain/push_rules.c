#include "common/domain/push_rules.h"

#include "common/base/check.h"

#define USER(name, text_id, verdict_, why_)                                              \
    {                                                                                    \
        .id = (text_id), .match = PUSH_MATCH_USER_CODE, .code = (name),                  \
        .verdict = (verdict_), .why = (why_)                                             \
    }
#define TOP(name, text_id, verdict_, why_)                                               \
    {                                                                                    \
        .id = (text_id), .match = PUSH_MATCH_TOP_CODE, .code = (name),                   \
        .verdict = (verdict_), .why = (why_)                                             \
    }
#define HTTP(from, to, text_id, verdict_, why_)                                          \
    {                                                                                    \
        .id = (text_id), .match = PUSH_MATCH_HTTP, .low = (from), .high = (to),          \
        .verdict = (verdict_), .why = (why_)                                             \
    }
#define TRANSPORT(kind, text_id, verdict_, why_)                                         \
    {                                                                                    \
        .id = (text_id), .match = PUSH_MATCH_TRANSPORT, .low = (kind), .high = (kind),   \
        .verdict = (verdict_), .why = (why_)                                             \
    }

/* clang-format off: one row a rule, to be read as a table */
const struct push_rule PUSH_RULES[] = {
    {.id = "applied",
     .match = PUSH_MATCH_OK,
     .verdict = PUSH_APPLIED,
     .why = "the shop answered without an error"},

    USER("CHANGE_FROM_QUANTITY_STALE", "stale", PUSH_REREAD_NEW_KEY,
         "the shop shows another number than we last saw"),
    USER("COMPARE_QUANTITY_STALE", "stale_old", PUSH_REREAD_NEW_KEY,
         "the same under its name before 2026-04"),
    USER("COMPARE_QUANTITY_REQUIRED", "compare_required", PUSH_CONFIGURATION,
         "an api_version before 2026-04 has answered"),
    USER("IDEMPOTENCY_CONCURRENT_REQUEST", "concurrent", PUSH_RETRY_SAME,
         "an earlier copy of this call is still being worked on"),
    USER("IDEMPOTENCY_KEY_PARAMETER_MISMATCH", "key_mismatch", PUSH_REREAD_NEW_KEY,
         "the key belongs to other bytes: only a read tells what is true"),
    USER("IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED", "key_spent", PUSH_REREAD_NEW_KEY,
         "the key is used up by an attempt that failed"),
    USER("SERVICE_UNAVAILABLE", "shop_unavailable", PUSH_UNKNOWN,
         "transient on the shop's side"),
    USER("ADJUST_QUANTITIES_FAILED", "adjust_failed", PUSH_UNKNOWN,
         "transient on the shop's side"),
    USER("SET_ON_HAND_QUANTITIES_FAILED", "set_on_hand_failed", PUSH_UNKNOWN,
         "transient on the shop's side"),
    USER("MOVE_QUANTITIES_FAILED", "move_failed", PUSH_UNKNOWN,
         "transient on the shop's side"),
    USER("INVALID_QUANTITY_TOO_HIGH", "too_high", PUSH_QUARANTINE_PAIR,
         "more than the shop can hold, together with what is committed"),
    USER("INVALID_QUANTITY_TOO_LOW", "too_low", PUSH_QUARANTINE_PAIR,
         "less than the shop can hold"),
    USER("INVALID_QUANTITY_NEGATIVE", "negative", PUSH_QUARANTINE_PAIR,
         "the shop takes no negative number here"),
    USER("INVALID_INVENTORY_ITEM", "item_gone", PUSH_QUARANTINE_PAIR,
         "the item is gone: catalog sync finds its successor"),
    USER("INVALID_LOCATION", "location_gone", PUSH_QUARANTINE_PAIR,
         "the location is gone: correct the contract"),
    USER("ITEM_NOT_STOCKED_AT_LOCATION", "not_stocked", PUSH_QUARANTINE_PAIR,
         "the item is not stocked there (said before 2026-10 only)"),
    USER("NON_MUTABLE_INVENTORY_ITEM", "bundle", PUSH_QUARANTINE_PAIR,
         "a bundle's stock follows its parts and can't be written"),
    USER("NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR", "pair_twice", PUSH_CONFIGURATION,
         "one pair twice in a call: a bug of ours"),
    USER("INVALID_NAME", "invalid_name", PUSH_CONFIGURATION,
         "the shop's mode in the contract is not known to it"),
    USER("INVALID_QUANTITY_NAME", "invalid_quantity_name", PUSH_CONFIGURATION,
         "the shop's mode in the contract is not known to it"),
    USER("INVALID_REASON", "invalid_reason", PUSH_CONFIGURATION,
         "the shop's reason in the contract is not on the shop's list"),
    USER("INVALID_REFERENCE_DOCUMENT", "invalid_reference", PUSH_CONFIGURATION,
         "the reference of the write is not a URI that the shop takes"),
    USER("INTERNAL_LEDGER_DOCUMENT", "ledger_internal", PUSH_CONFIGURATION,
         "a ledger document, which a set never carries"),
    USER("INVALID_AVAILABLE_DOCUMENT", "ledger_available", PUSH_CONFIGURATION,
         "a ledger document, which a set never carries"),
    USER("INVALID_LEDGER_DOCUMENT", "ledger_invalid", PUSH_CONFIGURATION,
         "a ledger document, which a set never carries"),
    USER("INVALID_QUANTITY_DOCUMENT", "ledger_quantity", PUSH_CONFIGURATION,
         "a ledger document, which a set never carries"),
    USER("MAX_ONE_LEDGER_DOCUMENT", "ledger_many", PUSH_CONFIGURATION,
         "a ledger document, which a set never carries"),
    USER("MAXIMUM_LEDGER_DOCUMENT_URIS", "ledger_uris", PUSH_CONFIGURATION,
         "a ledger document, which a set never carries"),
    USER("DIFFERENT_LOCATIONS", "move_locations", PUSH_CONFIGURATION,
         "an error of moves, which are never sent"),
    USER("SAME_QUANTITY_NAME", "move_names", PUSH_CONFIGURATION,
         "an error of moves, which are never sent"),
    USER(NULL, "user_error", PUSH_QUARANTINE_PAIR,
         "a refusal that no rule knows: a person has to look"),

    TOP("THROTTLED", "throttled", PUSH_THROTTLED, "the cost bucket is empty"),
    TOP("ACCESS_DENIED", "access_denied", PUSH_CONFIGURATION,
        "the token lacks a scope (write_inventory)"),
    TOP("MAX_COST_EXCEEDED", "max_cost", PUSH_CONFIGURATION,
        "one call costs more than the shop allows: a bug of ours"),
    TOP("MAX_INPUT_SIZE_EXCEEDED", "max_input", PUSH_CONFIGURATION,
        "more than 250 pairs in a call: a bug of ours"),
    TOP("BAD_REQUEST", "bad_request", PUSH_CONFIGURATION,
        "the shop refuses the document: compare the api_version"),
    TOP("INVALID_FIELD_ARGUMENTS", "field_arguments", PUSH_CONFIGURATION,
        "the shop refuses the document: compare the api_version"),
    TOP("INVALID_VARIABLE", "invalid_variable", PUSH_CONFIGURATION,
        "the shop refuses the variables: a bug of ours"),
    TOP("undefinedField", "undefined_field", PUSH_CONFIGURATION,
        "the shop does not know the document's fields: compare the api_version"),
    TOP("undefinedDirective", "undefined_directive", PUSH_CONFIGURATION,
        "the shop does not know @idempotent: compare the api_version"),
    TOP("SHOP_INACTIVE", "shop_inactive", PUSH_RETRY_SAME,
        "the shop is closed or frozen"),
    TOP("INTERNAL_SERVER_ERROR", "internal", PUSH_UNKNOWN,
        "transient on the shop's side"),
    TOP("TIMEOUT", "timeout", PUSH_UNKNOWN, "transient on the shop's side"),
    TOP(NULL, "top_error", PUSH_UNKNOWN, "an error that no rule knows proves nothing"),

    HTTP(400, 400, "http_400", PUSH_CONFIGURATION, "the shop can't read the request"),
    HTTP(401, 401, "http_401", PUSH_RENEW_TOKEN, "the token is not valid (any more)"),
    HTTP(402, 402, "http_402", PUSH_RETRY_SAME, "the shop is frozen for an unpaid bill"),
    HTTP(403, 403, "http_403", PUSH_CONFIGURATION, "the app may not do this"),
    HTTP(404, 404, "http_404", PUSH_CONFIGURATION,
         "no API at this address: compare endpoint and api_version"),
    HTTP(406, 406, "http_406", PUSH_CONFIGURATION, "the shop can't answer in JSON"),
    HTTP(413, 413, "http_413", PUSH_CONFIGURATION, "the request is too large"),
    HTTP(423, 423, "http_423", PUSH_RETRY_SAME, "the shop is locked"),
    HTTP(429, 429, "http_429", PUSH_THROTTLED, "too many requests"),
    HTTP(430, 430, "http_430", PUSH_RETRY_SAME, "rejected as a security risk"),
    HTTP(300, 399, "http_3xx", PUSH_CONFIGURATION,
         "a redirect: put the shop's final address into the contract"),
    HTTP(500, 599, "http_5xx", PUSH_UNKNOWN, "the shop may have worked before it failed"),
    HTTP(0, 999999, "http_other", PUSH_UNKNOWN,
         "a status that no rule knows proves nothing"),

    TRANSPORT(PUSH_TRANSPORT_NOT_SENT, "not_sent", PUSH_RETRY_SAME,
              "the request never left"),
    TRANSPORT(PUSH_TRANSPORT_LOST, "lost", PUSH_UNKNOWN,
              "the answer is lost, the request may have arrived"),
    TRANSPORT(PUSH_TRANSPORT_GARBLED, "garbled", PUSH_UNKNOWN,
              "the answer is not one of the API"),
};
/* clang-format on */

const size_t PUSH_RULES_COUNT = COUNT_OF(PUSH_RULES);

static const char *const VERDICTS[PUSH_VERDICT_COUNT] = {
    [PUSH_APPLIED] = "applied",
    [PUSH_RETRY_SAME] = "retry_same",
    [PUSH_REREAD_NEW_KEY] = "reread_new_key",
    [PUSH_QUARANTINE_PAIR] = "quarantine_pair",
    [PUSH_CONFIGURATION] = "configuration",
    [PUSH_RENEW_TOKEN] = "renew_token",
    [PUSH_THROTTLED] = "throttled",
    [PUSH_UNKNOWN] = "unknown",
};

const char *push_verdict_name(enum push_verdict verdict)
{
    ASSERT((size_t)verdict < PUSH_VERDICT_COUNT);
    return VERDICTS[verdict];
}

const struct push_rule *push_rule_applied(void)
{
    return &PUSH_RULES[0];
}

const struct push_rule *push_rule_by_code(enum push_match match, struct span code)
{
    for (size_t at = 0; at < PUSH_RULES_COUNT; at++) {
        const struct push_rule *rule = &PUSH_RULES[at];
        if (rule->match == match && (rule->code == NULL || span_is(code, rule->code)))
            return rule;
    }
    UNREACHABLE("each kind of code ends in a row that takes any");
}

const struct push_rule *push_rule_by_number(enum push_match match, int number)
{
    for (size_t at = 0; at < PUSH_RULES_COUNT; at++) {
        const struct push_rule *rule = &PUSH_RULES[at];
        if (rule->match == match && number >= rule->low && number <= rule->high)
            return rule;
    }
    UNREACHABLE("each kind of number ends in a row that takes any");
}
