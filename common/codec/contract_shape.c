#include "common/codec/contract_shape.h"

#include "common/base/check.h"
#include "common/domain/contract.h"
#include "common/domain/event.h"

#define SECONDS_OF_YEAR 31622400
#define UNITS_MAX 1000000000
#define LISTS_MAX INT64_MAX

/* ---- texts with a form of their own ----------------------------------------------- */

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_api_version(struct span text)
{
    static const char *const MONTHS[] = {"01", "04", "07", "10"};
    const char *at = text.bytes;
    if (text.length != 7 || at[0] != '2' || at[1] != '0' || at[4] != '-')
        return false;
    if (!is_digit(at[2]) || !is_digit(at[3]))
        return false;
    for (size_t month = 0; month < COUNT_OF(MONTHS); month++)
        if (memcmp(at + 5, MONTHS[month], 2) == 0)
            return true;
    return false;
}

static bool starts_with(struct span text, struct span start)
{
    return text.length >= start.length &&
           memcmp(text.bytes, start.bytes, start.length) == 0;
}

static bool is_gid(struct span text)
{
    const struct span start = SPAN_OF("gid://shopify/Location/");
    if (!starts_with(text, start))
        return false;
    size_t digits = text.length - start.length;
    if (digits < 1 || digits > 19 || text.bytes[start.length] == '0')
        return false;
    for (size_t at = start.length; at < text.length; at++)
        if (!is_digit(text.bytes[at]))
            return false;
    return true;
}

static bool is_rule_end(char byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'z');
}

static bool is_rule_id(struct span text)
{
    if (!is_rule_end(text.bytes[0]) || !is_rule_end(text.bytes[text.length - 1]))
        return false;
    for (size_t at = 0; at < text.length; at++)
        if (!is_rule_end(text.bytes[at]) && strchr("._-", text.bytes[at]) == NULL)
            return false;
    return true;
}

/* Scheme, host, then perhaps a path: printable ASCII, without user, password or '@'. */
static bool is_endpoint(struct span text)
{
    size_t host;
    if (starts_with(text, SPAN_OF("https://")))
        host = 8;
    else if (starts_with(text, SPAN_OF("http://")))
        host = 7;
    else
        return false;
    for (size_t at = host; at < text.length; at++)
        if (text.bytes[at] <= 0x20 || text.bytes[at] > 0x7e || text.bytes[at] == '@')
            return false;
    size_t end = host;
    while (end < text.length && strchr("/?#", text.bytes[end]) == NULL)
        end++;
    return end > host && (end == text.length || text.bytes[end] == '/');
}

/* ---- leaves ----------------------------------------------------------------------- */

#define TEXT_OF(from, to) .kind = SHAPE_TEXT, .least = (from), .most = (to)
#define INTEGER_OF(from, to) .kind = SHAPE_INTEGER, .least = (from), .most = (to)
#define NUMBER_OF(from, to) .kind = SHAPE_NUMBER, .least = (from), .most = (to)
#define LIST_OF(shape, from, to)                                                         \
    .kind = SHAPE_LIST, .item = &(shape), .least = (from), .most = (to)
#define OBJECT_OF(table)                                                                 \
    .kind = SHAPE_OBJECT, .members = (table), .member_count = COUNT_OF(table)

static const struct shape BOOLEAN = {.kind = SHAPE_BOOLEAN};
static const struct shape NAME = {TEXT_OF(1, 100)};
static const struct shape RAW_SKU = {TEXT_OF(1, EVENT_SKU_MAX)};
static const struct shape TAG = {TEXT_OF(1, 255)};
static const struct shape LONG_TEXT = {TEXT_OF(1, 2000)};
static const struct shape RUNNING_NUMBER = {INTEGER_OF(1, 9007199254740991)};
static const struct shape RANK = {INTEGER_OF(-1000000, 1000000)};
static const struct shape AGE = {INTEGER_OF(1, 316224000)};
static const struct shape LAG = {INTEGER_OF(0, SECONDS_OF_YEAR)};
static const struct shape PERIOD = {INTEGER_OF(1, SECONDS_OF_YEAR)};
static const struct shape REPEAT = {INTEGER_OF(60, SECONDS_OF_YEAR)};
static const struct shape SETTLE = {INTEGER_OF(0, 86400)};
static const struct shape DAYS = {INTEGER_OF(1, 3650)};
static const struct shape UNITS = {INTEGER_OF(0, UNITS_MAX)};
static const struct shape PARTS = {INTEGER_OF(1, CONTRACT_KIT_QUANTITY_MAX)};
static const struct shape REWRITES = {INTEGER_OF(1, 1000)};
static const struct shape PERCENT = {NUMBER_OF(0, 100)};
static const struct shape SHARE = {NUMBER_OF(0, 1000000)};
static const struct shape MONEY = {NUMBER_OF(0, INT64_MAX)};

static const struct shape VERSION = {
    .kind = SHAPE_LABEL, .item = &NAME, .key = &RUNNING_NUMBER};
static const struct shape API_VERSION = {
    TEXT_OF(7, 7), .fits = is_api_version,
    .must_be = "an Admin API version such as \"" CONTRACT_API_VERSION_DEFAULT "\""};
static const struct shape GID = {
    TEXT_OF(1, 100), .fits = is_gid,
    .must_be = "the shop's location id, such as \"gid://shopify/Location/1\""};
static const struct shape RULE_ID = {
    TEXT_OF(1, 100), .fits = is_rule_id,
    .must_be = "1 to 100 of a-z 0-9 . _ - and begin and end with a letter or digit"};
static const struct shape ENDPOINT = {
    TEXT_OF(1, 2000), .fits = is_endpoint,
    .must_be =
        "a URL such as \"https://example.myshopify.com/\", without user or password"};

static const char *const STATES[] = {"on_hand", "available", NULL};
static const struct shape STATE = {.kind = SHAPE_WORD, .words = STATES};

static const char *const REASONS_OF_SHOPIFY[] = {"correction",
                                                 "cycle_count_available",
                                                 "damaged",
                                                 "movement_created",
                                                 "movement_updated",
                                                 "movement_received",
                                                 "movement_canceled",
                                                 "other",
                                                 "promotion",
                                                 "quality_control",
                                                 "received",
                                                 "reservation_created",
                                                 "reservation_deleted",
                                                 "reservation_updated",
                                                 "restock",
                                                 "safety_stock",
                                                 "shrinkage",
                                                 NULL};
static const struct shape REASON = {.kind = SHAPE_WORD, .words = REASONS_OF_SHOPIFY};

static const char *const CAUSES[] = {"missed_event",
                                     "lost_write",
                                     "rejected_write",
                                     "queue_delay",
                                     "throttled",
                                     "external_writer",
                                     "order_not_in_source",
                                     "source_conflict",
                                     "stale_source",
                                     "identity",
                                     "not_stocked",
                                     "untracked",
                                     "policy_changed",
                                     "double_apply",
                                     "oversold",
                                     "unknown",
                                     NULL};
static const struct shape CAUSE = {.kind = SHAPE_WORD, .words = CAUSES};

static const char *const RISKS[] = {"low", "high", NULL};
static const struct shape RISK_WORD = {.kind = SHAPE_WORD, .words = RISKS};
static const char *const DIRECTIONS[] = {"over", "under", NULL};
static const struct shape DIRECTION = {.kind = SHAPE_WORD, .words = DIRECTIONS};
static const char *const ACTIONS[] = {"resync", "escalate", "observe", "ignore", NULL};
static const struct shape ACTION = {.kind = SHAPE_WORD, .words = ACTIONS};
static const char *const SEVERITIES[] = {"critical", "error", "warning", "info", NULL};
static const struct shape SEVERITY = {.kind = SHAPE_WORD, .words = SEVERITIES};
static const char *const ALERT_KINDS[] = {"webhook", "pagerduty", "alertmanager", "slack",
                                          NULL};
static const struct shape ALERT_KIND = {.kind = SHAPE_WORD, .words = ALERT_KINDS};

/* ---- sources, locations, SKUs ----------------------------------------------------- */

static const struct shape SOURCE_LOCATIONS = {LIST_OF(NAME, 1, CONTRACT_LOCATIONS_MAX),
                                              .unique = true};
static const struct shape_member SOURCE_MEMBERS[] = {
    {"name", &NAME, true},
    {"rank", &RANK, true},
    {"state", &STATE, true},
    {"locations", &SOURCE_LOCATIONS, false},
    {"max_age_seconds", &AGE, false},
    {"order_lag_seconds", &LAG, false},
    {"why", &LONG_TEXT, false},
};
static const struct shape SOURCE = {OBJECT_OF(SOURCE_MEMBERS)};
static const struct shape SOURCES = {LIST_OF(SOURCE, 1, CONTRACT_SOURCES_MAX)};

static const struct shape ALIASES = {LIST_OF(NAME, 0, 100), .unique = true};
static const struct shape_member LOCATION_MEMBERS[] = {
    {"code", &NAME, true},
    {"aliases", &ALIASES, false},
};
static const struct shape LOCATION = {OBJECT_OF(LOCATION_MEMBERS)};
static const struct shape LOCATIONS = {LIST_OF(LOCATION, 1, CONTRACT_LOCATIONS_MAX)};

static const struct shape_member NORMALISE_MEMBERS[] = {
    {"nfkc", &BOOLEAN, false},
    {"drop_ignorable", &BOOLEAN, false},
    {"dashes", &BOOLEAN, false},
    {"trim", &BOOLEAN, false},
    {"collapse_spaces", &BOOLEAN, false},
    {"fold_case", &BOOLEAN, false},
};
static const struct shape NORMALISE = {OBJECT_OF(NORMALISE_MEMBERS)};
static const struct shape_member SKU_MEMBERS[] = {{"normalise", &NORMALISE, false}};
static const struct shape SKU = {OBJECT_OF(SKU_MEMBERS)};

static const struct shape_member COMPONENT_MEMBERS[] = {
    {"sku", &RAW_SKU, true},
    {"quantity", &PARTS, true},
};
static const struct shape COMPONENT = {OBJECT_OF(COMPONENT_MEMBERS)};
static const struct shape COMPONENTS = {LIST_OF(COMPONENT, 1, CONTRACT_KIT_PARTS_MAX)};
static const struct shape_member KIT_MEMBERS[] = {
    {"sku", &RAW_SKU, true},
    {"components", &COMPONENTS, true},
    {"why", &LONG_TEXT, false},
};
static const struct shape KIT = {OBJECT_OF(KIT_MEMBERS)};
static const struct shape KITS = {LIST_OF(KIT, 0, CONTRACT_KITS_MAX)};

/* ---- shops ------------------------------------------------------------------------ */

static const struct shape SHOP_LOCATIONS = {
    .kind = SHAPE_MAP, .key = &NAME, .item = &GID, .most = CONTRACT_LOCATIONS_MAX};
static const struct shape_member BUFFER_MEMBERS[] = {
    {"fixed", &UNITS, false},
    {"percent", &PERCENT, false},
    {"min", &UNITS, false},
    {"max", &UNITS, false},
};
static const struct shape BUFFER = {OBJECT_OF(BUFFER_MEMBERS)};
static const struct shape SKUS = {LIST_OF(RAW_SKU, 0, 1000000)};
static const struct shape_member SHOP_MEMBERS[] = {
    {"name", &NAME, true},
    {"endpoint", &ENDPOINT, true},
    {"api_version", &API_VERSION, false},
    {"mode", &STATE, true},
    {"locations", &SHOP_LOCATIONS, true},
    {"buffer", &BUFFER, false},
    {"exclude", &SKUS, false},
    {"reason", &REASON, false},
    {"activate_missing", &BOOLEAN, false},
    {"why", &LONG_TEXT, false},
};
static const struct shape SHOP = {OBJECT_OF(SHOP_MEMBERS)};
static const struct shape SHOPS = {LIST_OF(SHOP, 0, CONTRACT_SHOPS_MAX)};

/* ---- risk, policy, drift, alerts, measures ---------------------------------------- */

static const struct shape TAGS = {LIST_OF(TAG, 0, 10000)};
static const struct shape_member RISK_MEMBERS[] = {
    {"tags", &TAGS, false},
    {"skus", &SKUS, false},
    {"value_threshold", &MONEY, false},
};
static const struct shape RISK = {OBJECT_OF(RISK_MEMBERS)};

static const struct shape SOME_CAUSES = {LIST_OF(CAUSE, 1, LISTS_MAX), .unique = true};
static const struct shape SOME_RISKS = {LIST_OF(RISK_WORD, 1, LISTS_MAX), .unique = true};
static const struct shape SOME_NAMES = {LIST_OF(NAME, 1, LISTS_MAX), .unique = true};
static const struct shape SOME_SKUS = {LIST_OF(RAW_SKU, 1, LISTS_MAX)};
static const struct shape SOME_TAGS = {LIST_OF(TAG, 1, LISTS_MAX)};
static const struct shape SOME_SEVERITIES = {LIST_OF(SEVERITY, 1, LISTS_MAX),
                                             .unique = true};
static const struct shape_member WHEN_MEMBERS[] = {
    {"causes", &SOME_CAUSES, false},       {"risk", &SOME_RISKS, false},
    {"shops", &SOME_NAMES, false},         {"locations", &SOME_NAMES, false},
    {"skus", &SOME_SKUS, false},           {"tags", &SOME_TAGS, false},
    {"direction", &DIRECTION, false},      {"min_units", &UNITS, false},
    {"max_units", &UNITS, false},          {"min_value", &MONEY, false},
    {"max_value", &MONEY, false},          {"min_percent", &SHARE, false},
    {"max_percent", &SHARE, false},        {"min_drifted_lately", &UNITS, false},
    {"max_drifted_lately", &UNITS, false},
};
static const struct shape WHEN = {OBJECT_OF(WHEN_MEMBERS)};
static const struct shape_member RULE_MEMBERS[] = {
    {"id", &RULE_ID, true},    {"when", &WHEN, true},          {"do", &ACTION, true},
    {"why", &LONG_TEXT, true}, {"runbook", &LONG_TEXT, false},
};
static const struct shape RULE = {OBJECT_OF(RULE_MEMBERS)};
static const struct shape POLICY_RULES = {LIST_OF(RULE, 0, 1000)};
static const struct shape_member GUARD_MEMBERS[] = {
    {"max_changed_levels", &UNITS, false},     {"max_changed_percent", &PERCENT, false},
    {"max_zeroed_levels", &UNITS, false},      {"max_zeroed_percent", &PERCENT, false},
    {"max_drifting_percent", &PERCENT, false}, {"max_rewrites_per_day", &REWRITES, false},
};
static const struct shape GUARDS = {OBJECT_OF(GUARD_MEMBERS)};
static const struct shape_member POLICY_MEMBERS[] = {
    {"rules", &POLICY_RULES, false},
    {"guards", &GUARDS, false},
};
static const struct shape POLICY = {OBJECT_OF(POLICY_MEMBERS)};

static const struct shape_member DRIFT_MEMBERS[] = {
    {"interval_seconds", &PERIOD, false},
    {"hot_seconds", &SETTLE, false},
    {"settle_seconds", &SETTLE, false},
};
static const struct shape DRIFT = {OBJECT_OF(DRIFT_MEMBERS)};

static const struct shape RESEND = {INTEGER_OF(1, 3600)};
static const struct shape MESSAGES = {INTEGER_OF(0, 100000)};
static const struct shape WINDOW = {INTEGER_OF(1, 86400)};
static const struct shape_member THROTTLE_MEMBERS[] = {
    {"max_messages", &MESSAGES, false},
    {"window_seconds", &WINDOW, false},
};
static const struct shape THROTTLE = {OBJECT_OF(THROTTLE_MEMBERS)};
static const struct shape_member ALERT_MEMBERS[] = {
    {"name", &NAME, true},
    {"kind", &ALERT_KIND, true},
    {"url", &ENDPOINT, false},
    {"severity", &SOME_SEVERITIES, false},
    {"causes", &SOME_CAUSES, false},
    {"classes", &SOME_NAMES, false},
    {"shops", &SOME_NAMES, false},
    {"repeat_seconds", &REPEAT, false},
    {"resend_seconds", &RESEND, false},
    {"late_seconds", &PERIOD, false},
    {"give_up_seconds", &PERIOD, false},
    {"throttle", &THROTTLE, false},
    {"why", &LONG_TEXT, false},
};
static const struct shape ALERT = {OBJECT_OF(ALERT_MEMBERS)};
static const struct shape ALERTS = {LIST_OF(ALERT, 0, CONTRACT_ALERTS_MAX)};

static const struct shape WEEK_DAYS_SHAPE = {INTEGER_OF(0, 7)};
static const struct shape BASELINE_DAYS = {INTEGER_OF(1, KPI_DAYS_MAX)};
static const struct shape_member KPI_MEMBERS[] = {
    {"max_mismatch_percent", &PERCENT, false},
    {"max_oversells", &UNITS, false},
    {"max_unknown_percent", &PERCENT, false},
    {"max_detection_seconds", &PERIOD, false},
    {"max_repair_seconds", &PERIOD, false},
    {"min_coverage_percent", &PERCENT, false},
    {"min_covered_days", &WEEK_DAYS_SHAPE, false},
    {"min_compared", &UNITS, false},
    {"min_baseline_days", &BASELINE_DAYS, false},
    {"min_improvement_percent", &PERCENT, false},
    {"max_broken_runs_percent", &PERCENT, false},
    {"max_in_flight_percent", &PERCENT, false},
    {"max_stale_percent", &PERCENT, false},
    {"max_dead_letters_percent", &PERCENT, false},
    {"max_late_alerts_percent", &PERCENT, false},
    {"max_undelivered_alerts", &UNITS, false},
    {"max_guard_stops", &UNITS, false},
    {"min_resync_success_percent", &PERCENT, false},
    {"max_open_resyncs_percent", &PERCENT, false},
};
static const struct shape KPI = {OBJECT_OF(KPI_MEMBERS)};

static const struct shape_member RETENTION_MEMBERS[] = {
    {"idempotency_days", &DAYS, false},
    {"drift_days", &DAYS, false},
    {"incident_days", &DAYS, false},
};
static const struct shape RETENTION = {OBJECT_OF(RETENTION_MEMBERS)};

static const struct shape_member CONTRACT_MEMBERS[] = {
    {"version", &VERSION, true},
    {"sources", &SOURCES, true},
    {"locations", &LOCATIONS, true},
    {"sku", &SKU, false},
    {"kits", &KITS, false},
    {"shops", &SHOPS, true},
    {"risk", &RISK, false},
    {"policy", &POLICY, false},
    {"drift", &DRIFT, false},
    {"alerts", &ALERTS, false},
    {"kpi", &KPI, false},
    {"retention", &RETENTION, false},
};
const struct shape CONTRACT_SHAPE = {OBJECT_OF(CONTRACT_MEMBERS)};
