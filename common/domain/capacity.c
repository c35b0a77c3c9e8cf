#include "common/domain/capacity.h"

#include "common/base/check.h"

#include <string.h>

/* ---- measured: docs/scaling.md says on what, and where it is measured again ---------------- */

/* Of an event: the worst that was measured; full batches on a quiet machine take 3.6. */
#define APPLY_CPU_US 16.0
#define DATABASE_CPU_US 16.0
#define LEDGER_BYTES 150.0 /* of an event, with its keys and indexes */
#define LEVEL_BYTES 250.0  /* of a pair of one source, with its index */
#define SHOP_LEVEL_BYTES 350.0
#define WAL_SHARE 2.0 /* written before what it describes, over what is kept */
#define KEY_FILTER_BYTES 2.0
#define PAGES_PER_EVENT 2.0 /* of a level that no memory holds: read, and written later */
#define PUSH_PAIRS 4800.0   /* a second, that one process writes */
#define COMPARED_PAIRS 12400.0 /* a second, that one process compares */
#define LEVEL_RECORD_BYTES 250.0

/* ---- chosen ------------------------------------------------------------------------------- */

#define HEADROOM 2.0 /* half of what is there is kept for catching up, and for noise */
#define SET_POINTS 10.0
#define SET_PAIRS 250.0
#define PARTITIONS_PER_POD 2.0
#define KEY_MEMORY_DEFAULT (128.0 * 1024 * 1024)
#define NODE_CORES 32.0
#define NODE_BYTES 2e12
#define SECONDS_PER_DAY 86400.0
#define POD_CONNECTIONS 3.0   /* two lanes, and the group's */
#define SHOP_CONNECTIONS 10.0 /* callers of push, drift, webhooks */

const struct capacity_plan CAPACITY_PLANS[] = {
    {"standard", 100}, {"advanced", 200}, {"plus", 1000}, {"enterprise", 2000}};
const size_t CAPACITY_PLAN_COUNT = COUNT_OF(CAPACITY_PLANS);

/* Counts that many numbers of pods divide, so that no pod has twice what another has. */
static const double PARTITIONS[] = {12, 24, 48, 60, 120, 240, 480, 960, 1920, 3840, 7680};

const struct capacity_plan *capacity_plan_find(struct span id)
{
    for (size_t at = 0; at < CAPACITY_PLAN_COUNT; at++)
        if (span_is(id, CAPACITY_PLANS[at].id))
            return &CAPACITY_PLANS[at];
    return NULL;
}

struct capacity_inputs capacity_defaults(void)
{
    return (struct capacity_inputs){.pairs = 1000000,
                                    .events = 5000000,
                                    .event_bytes = 400,
                                    .peak = 10,
                                    .orders = 50000,
                                    .shops = 1,
                                    .plan = &CAPACITY_PLANS[0],
                                    .idempotency_days = 35,
                                    .topic_days = 14,
                                    .topic_replicas = 3,
                                    .outage_seconds = 3600,
                                    .pod_events = 50000};
}

static double up(double value)
{
    double whole = (double)(int64_t)value;
    return whole < value ? whole + 1 : whole;
}

static double less(double a, double b)
{
    return a < b ? a : b;
}

static double more(double a, double b)
{
    return a > b ? a : b;
}

/* ---- apply ---------------------------------------------------------------------------------- */

static double events_mean(const struct capacity_inputs *in)
{
    return (double)in->events / SECONDS_PER_DAY;
}

static double events_peak(const struct capacity_inputs *in)
{
    return events_mean(in) * (double)in->peak;
}

static double apply_pods(const struct capacity_inputs *in)
{
    return more(2, up(events_peak(in) * HEADROOM / (double)in->pod_events));
}

static double apply_cores(const struct capacity_inputs *in)
{
    return events_peak(in) * APPLY_CPU_US * HEADROOM / 1e6;
}

static double apply_keys(const struct capacity_inputs *in)
{
    return (double)in->events * (double)(in->idempotency_days + 1) / apply_pods(in);
}

static double key_memory(const struct capacity_inputs *in)
{
    return apply_keys(in) * KEY_FILTER_BYTES;
}

static double partitions(const struct capacity_inputs *in)
{
    double wanted = apply_pods(in) * PARTITIONS_PER_POD;
    for (size_t at = 0; at < COUNT_OF(PARTITIONS); at++)
        if (PARTITIONS[at] >= wanted)
            return PARTITIONS[at];
    return wanted;
}

static double apply_catch_up(const struct capacity_inputs *in)
{
    double spare = apply_pods(in) * (double)in->pod_events - events_peak(in);
    return events_peak(in) * (double)in->outage_seconds / spare;
}

/* ---- Postgres -------------------------------------------------------------------------------- */

static double ledger_bytes(const struct capacity_inputs *in)
{
    return (double)in->events * (double)(in->idempotency_days + 1) * LEDGER_BYTES;
}

static double level_bytes(const struct capacity_inputs *in)
{
    return (double)in->pairs * (LEVEL_BYTES + SHOP_LEVEL_BYTES * (double)in->shops);
}

static double database_bytes(const struct capacity_inputs *in)
{
    return ledger_bytes(in) + level_bytes(in);
}

static double database_cores(const struct capacity_inputs *in)
{
    return events_peak(in) * DATABASE_CPU_US * HEADROOM / 1e6;
}

static double wal_bytes(const struct capacity_inputs *in)
{
    return events_peak(in) * LEDGER_BYTES * WAL_SHARE;
}

static double database_pages(const struct capacity_inputs *in)
{
    return events_peak(in) * PAGES_PER_EVENT;
}

static double database_connections(const struct capacity_inputs *in)
{
    return apply_pods(in) * POD_CONNECTIONS + (double)in->shops * SHOP_CONNECTIONS + 20;
}

static double database_nodes(const struct capacity_inputs *in)
{
    return more(
        1, up(more(database_cores(in) / NODE_CORES, database_bytes(in) / NODE_BYTES)));
}

/* ---- Kafka ----------------------------------------------------------------------------------- */

static double kafka_bytes(const struct capacity_inputs *in)
{
    double events = (double)in->events * (double)in->topic_days * (double)in->event_bytes;
    double levels = (double)in->pairs * LEVEL_RECORD_BYTES;
    return (events + levels) * (double)in->topic_replicas;
}

static double kafka_write(const struct capacity_inputs *in)
{
    return events_peak(in) * ((double)in->event_bytes + LEVEL_RECORD_BYTES) *
           (double)in->topic_replicas;
}

/* ---- shops ----------------------------------------------------------------------------------- */

static double shop_budget(const struct capacity_inputs *in)
{
    return (double)in->plan->points / SET_POINTS * SET_PAIRS;
}

static double shop_ceiling(const struct capacity_inputs *in)
{
    return less(shop_budget(in), PUSH_PAIRS);
}

/* A pair that changed often is written once, so that no more than all pairs can wait. */
static double shop_changes(const struct capacity_inputs *in)
{
    double orders = (double)in->orders / (double)in->shops / SECONDS_PER_DAY;
    return events_peak(in) + orders * (double)in->peak;
}

static double shop_use(const struct capacity_inputs *in)
{
    return shop_changes(in) / shop_ceiling(in) * 100;
}

static double shop_all(const struct capacity_inputs *in)
{
    return (double)in->pairs / shop_ceiling(in);
}

static double shop_catch_up(const struct capacity_inputs *in)
{
    double waiting =
        less(shop_changes(in) * (double)in->outage_seconds, (double)in->pairs);
    double spare = more(shop_ceiling(in) - shop_changes(in), shop_ceiling(in) / 10);
    return waiting / spare;
}

static double compare_seconds(const struct capacity_inputs *in)
{
    return (double)in->pairs / COMPARED_PAIRS;
}

const struct capacity_rule CAPACITY_RULES[] = {
    {"events_mean", "events/s", "events / 86,400", events_mean},
    {"events_peak", "events/s", "events_mean * peak", events_peak},
    {"apply_pods", "pods",
     "at least 2; events_peak * 2 / pod_events, rounded up: half is kept for catching up",
     apply_pods},
    {"apply_cores", "cores", "events_peak * 16 us * 2", apply_cores},
    {"apply_keys", "keys", "events * (idempotency_days + 1) / apply_pods: of each pod",
     apply_keys},
    {"apply_key_memory", "bytes",
     "apply_keys * 2 bytes: PARSTOCK_KEY_MEMORY_MIB, so that repeats are found in memory",
     key_memory},
    {"partitions", "partitions",
     "the first of 12, 24, 48, 60, 120, .. that is 2 * apply_pods or more; never changed "
     "later",
     partitions},
    {"apply_catch_up", "s",
     "events_peak * outage / (apply_pods * pod_events - events_peak)", apply_catch_up},
    {"ledger_size", "bytes", "events * (idempotency_days + 1) * 150 bytes", ledger_bytes},
    {"level_size", "bytes", "pairs * (250 + 350 * shops) bytes", level_bytes},
    {"postgres_size", "bytes", "ledger_size + level_size", database_bytes},
    {"postgres_cores", "cores", "events_peak * 16 us * 2", database_cores},
    {"postgres_wal", "bytes/s", "events_peak * 150 bytes * 2", wal_bytes},
    {"postgres_pages", "pages/s",
     "events_peak * 2: the most, where levels do not fit into the database's memory",
     database_pages},
    {"postgres_connections", "connections", "apply_pods * 3 + shops * 10 + 20",
     database_connections},
    {"postgres_nodes", "nodes",
     "the larger of postgres_cores / 32 and postgres_size / 2 TB, rounded up",
     database_nodes},
    {"kafka_size", "bytes",
     "(events * topic_days * event_bytes + pairs * 250 bytes) * topic_replicas",
     kafka_bytes},
    {"kafka_write", "bytes/s", "events_peak * (event_bytes + 250 bytes) * topic_replicas",
     kafka_write},
    {"shop_budget", "pairs/s", "the plan's points a second / 10 * 250", shop_budget},
    {"shop_ceiling", "pairs/s", "the smaller of shop_budget and 4,800", shop_ceiling},
    {"shop_changes", "pairs/s",
     "events_peak + orders / shops / 86,400 * peak: as if each event changed another pair",
     shop_changes},
    {"shop_use", "%", "shop_changes / shop_ceiling", shop_use},
    {"shop_write_all", "s", "pairs / shop_ceiling: a first sync, or a mass change",
     shop_all},
    {"shop_catch_up", "s",
     "the smaller of shop_changes * outage and pairs, / (shop_ceiling - shop_changes)",
     shop_catch_up},
    {"compare_all", "s", "pairs / 12,400; the shop's own export comes on top",
     compare_seconds},
};
const size_t CAPACITY_RULE_COUNT = COUNT_OF(CAPACITY_RULES);

double capacity_value(const char *id, const struct capacity_inputs *inputs)
{
    for (size_t at = 0; at < CAPACITY_RULE_COUNT; at++)
        if (strcmp(CAPACITY_RULES[at].id, id) == 0)
            return CAPACITY_RULES[at].value(inputs);
    UNREACHABLE("every id that is asked for is a row");
}

/* ---- limits ------------------------------------------------------------------------------------ */

static bool is_shop_late(const struct capacity_inputs *in)
{
    return shop_changes(in) > shop_ceiling(in);
}

static bool is_plan_wide(const struct capacity_inputs *in)
{
    return shop_budget(in) > PUSH_PAIRS;
}

static bool is_write_slow(const struct capacity_inputs *in)
{
    return shop_all(in) > SECONDS_PER_DAY / 24;
}

static bool needs_nodes(const struct capacity_inputs *in)
{
    return database_nodes(in) > 1;
}

static bool has_many_keys(const struct capacity_inputs *in)
{
    return key_memory(in) > KEY_MEMORY_DEFAULT;
}

static bool has_one_owner_each(const struct capacity_inputs *in)
{
    return partitions(in) > 1000;
}

static bool is_retention_short(const struct capacity_inputs *in)
{
    return (double)in->topic_days * SECONDS_PER_DAY < (double)in->outage_seconds * 2;
}

const struct capacity_limit CAPACITY_LIMITS[] = {
    {"shop_late", is_shop_late,
     "at the peak a shop cannot be told of every change in time: each pair shows its newest "
     "level once its turn comes, and no number of pods changes that. A larger plan, a "
     "larger buffer, or fewer locations shown do"},
    {"push_bound", is_plan_wide,
     "the plan allows more than one process was measured to write; --calls raises that "
     "where the way to the shop is long"},
    {"mass_write", is_write_slow,
     "a first sync or a mass change keeps a shop busy for more than an hour; newer changes "
     "take turns with it and do not wait for its end"},
    {"more_nodes", needs_nodes,
     "one Postgres of 32 cores and 2 TB is not enough: distribute the tables by SKU over "
     "Citus; the schema is made for it"},
    {"many_keys", has_many_keys,
     "keys of the ledger's days do not fit into apply's default 128 MiB: give each pod "
     "PARSTOCK_KEY_MEMORY_MIB of apply_key_memory, or more pods, or fewer days; where they "
     "do not fit, every batch asks the database for the oldest: slower, never wrong"},
    {"many_partitions", has_one_owner_each,
     "more than 1,000 partitions: brokers, and a restart of the group, feel each of them; "
     "plan a pod with more events (--pod-events) first"},
    {"short_topic", is_retention_short,
     "the topic keeps less than twice the outage: records could leave it unread"},
};
const size_t CAPACITY_LIMIT_COUNT = COUNT_OF(CAPACITY_LIMITS);
