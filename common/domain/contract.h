/*
 * The contract file as values: which sources may speak, in which rank, for which
 * locations; which shops are kept at par and how. Built by common/codec/contract_json,
 * which owns the memory; never changed afterwards.
 */
#ifndef PARSTOCK_DOMAIN_CONTRACT_H
#define PARSTOCK_DOMAIN_CONTRACT_H

#include "common/base/span.h"
#include "common/domain/feed_guard.h"
#include "common/domain/guard.h"
#include "common/domain/kpi.h"
#include "common/domain/policy.h"

#define CONTRACT_SOURCES_MAX 64
#define CONTRACT_LOCATIONS_MAX 4096
#define CONTRACT_ALIASES_MAX 16384
#define CONTRACT_SHOPS_MAX 64
#define CONTRACT_KITS_MAX 100000
#define CONTRACT_KIT_PARTS_MAX 1000
#define CONTRACT_KIT_QUANTITY_MAX 1000000
#define CONTRACT_RETENTION_DAYS 35
#define CONTRACT_DRIFT_DAYS 400 /* the same week of last year is there */
#define CONTRACT_ALERTS_MAX 64

enum level_state {
    LEVEL_ON_HAND = 0,   /* physical stock; the shop subtracts what is committed */
    LEVEL_AVAILABLE = 1, /* what may be sold */
};

struct source {
    struct span name;
    int64_t rank;           /* the lowest rules */
    enum level_state state; /* what its quantities mean */
    const uint8_t *speaks;  /* one byte a location of the contract; NULL = all */
    int64_t max_age_seconds;
    int64_t order_lag_seconds;
    struct span why;
};

struct location {
    struct span code;
};

/* A code or alias and the location that it means; sorted by name (span_compare). */
struct location_name {
    struct span name;
    int location;
};

/* So many of a SKU are in one kit. */
struct kit_part {
    struct span sku; /* normalised; never a kit's */
    int64_t quantity;
};

/* A SKU that is sold as one and kept as its parts. */
struct kit {
    struct span sku;              /* normalised */
    const struct kit_part *parts; /* in the file's order, each SKU once */
    size_t part_count;
    struct span why; /* bytes NULL = not said */
};

/* A SKU and a kit that holds it. */
struct kit_use {
    struct span sku;
    size_t kit; /* place in contract.kits */
};

/* Units held back from the shop: fixed + percent of the level, within min and max. */
struct buffer_rule {
    int64_t fixed;
    int64_t percent;
    int64_t min;
    int64_t max; /* < 0: no upper limit */
};

struct shop {
    struct span name;
    struct span endpoint;
    struct span api_version;
    struct span reason;      /* Shopify's reason of our writes */
    enum level_state mode;   /* which quantity of the shop is written */
    const struct span *gids; /* one a location of the contract; bytes NULL = not there */
    struct buffer_rule buffer;
    bool activates; /* an item that is not stocked at a location is activated there */
    const struct span *excluded; /* normalised SKUs, sorted */
    size_t excluded_count;
    struct span why; /* bytes NULL = not said */
};

enum alert_kind {
    ALERT_WEBHOOK = 0,
    ALERT_PAGERDUTY = 1,
    ALERT_ALERTMANAGER = 2,
    ALERT_SLACK = 3,
    ALERT_KIND_COUNT
};

/* How soon someone must act; a higher one is worse. */
enum alert_severity { ALERT_INFO, ALERT_WARNING, ALERT_ERROR, ALERT_CRITICAL };

/* Texts of which one must fit; count 0 = any fits. */
struct text_list {
    const struct span *texts;
    size_t count;
};

/* Who is told of which incidents, and how; common/domain/alert decides by it. */
struct alert_route {
    struct span name;
    enum alert_kind kind;
    struct span url;     /* bytes NULL = a setting has it */
    unsigned severities; /* a bit each; 0 = all */
    struct text_list causes;
    struct text_list classes;
    struct text_list shops;
    int64_t repeat_seconds; /* what is open is told again; 0 = never */
    int64_t resend_seconds; /* ALERT_ALERTMANAGER only */
    int64_t late_seconds;
    int64_t give_up_seconds;
    int64_t max_messages; /* a window; 0 = no limit */
    int64_t window_seconds;
};

/* What makes a difference high-risk; common/domain/risk judges by it. */
struct risk_rules {
    const struct span *tags; /* sorted by risk_tag_compare */
    size_t tag_count;
    const struct span *skus; /* normalised, sorted by span_compare */
    size_t sku_count;
    bool has_threshold;
    int64_t threshold_micros; /* value of a difference, in the shop's currency */
};

/* Steps of SKU normalisation that the contract may turn off. */
#define SKU_NFKC 0x01u
#define SKU_DROP_IGNORABLE 0x02u
#define SKU_DASHES 0x04u
#define SKU_TRIM 0x08u
#define SKU_COLLAPSE_SPACES 0x10u
#define SKU_FOLD_CASE 0x20u
#define SKU_ALL_STEPS 0x3fu

struct contract {
    struct span version; /* as the file calls itself */
    const struct source *sources;
    size_t source_count;
    const struct location *locations;
    size_t location_count;
    const struct location_name *names;
    size_t name_count;
    const struct shop *shops;
    size_t shop_count;
    const struct kit *kits; /* sorted by SKU */
    size_t kit_count;
    const struct kit_use *kit_uses; /* sorted by SKU, then kit */
    size_t kit_use_count;
    unsigned sku_steps;
    struct risk_rules risk;
    struct policy policy;       /* the file's rules, in its order */
    struct guard_limits guards; /* the file's, and GUARD_DEFAULTS where it says nothing */
    bool guards_zeroed_levels;  /* the file gives max_zeroed_levels */
    bool guards_zeroed_share;   /* .. and max_zeroed_percent */
    const struct alert_route *alerts;
    size_t alert_count;
    struct feed_limits feed_limits; /* `policy.guards`, of imports */
    struct kpi_limits kpi; /* the file's, and KPI_DEFAULTS where it says nothing */
    int64_t idempotency_days;
    int64_t drift_days;    /* that findings, and what was done about them, are kept */
    int64_t incident_days; /* that closed incidents are; 0 = for ever */
    int64_t drift_settle_seconds;
    int64_t drift_interval_seconds; /* between two comparisons of everything */
    int64_t drift_hot_seconds;      /* between two of the pairs at risk; 0 = none */
    char digest[65];                /* SHA-256 of the file, hex */
};

/* Index of the named source, shop or location (by code or alias); -1 = none. */
int contract_source(const struct contract *contract, struct span name);
int contract_shop(const struct contract *contract, struct span name);
int contract_location(const struct contract *contract, struct span name);

/* The kit with this normalised SKU; NULL = it is none. */
const struct kit *contract_kit(const struct contract *contract, struct span sku);

/* The kits that hold this normalised SKU, one entry each, in order of their SKUs; NULL and
 * a count of 0 where none does. */
const struct kit_use *contract_kits_of(const struct contract *contract, struct span sku,
                                       size_t *count_out);

/* May this source speak for this location? */
bool source_speaks_for(const struct source *source, int location);

/* Is this normalised SKU excluded from the shop? */
bool shop_excludes(const struct shop *shop, struct span sku);

#endif
