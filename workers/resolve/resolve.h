/*
 * resolve: what is done about differences. Two threads:
 *
 *     the reader   findings of inventory.drift in order per SKU: decode, ask the tables,
 *                  decide, act, commit; Kafka's offset follows as a hint
 *     the keeper   what goes on without a finding: approved actions are carried out, resyncs
 *                  are read back, runs end incidents, records go out to the topic
 *
 * Each finding is acted on once: its row in drift_actions is written in the transaction of
 * the effect, and a repeat finds it. So there is no fence: who reads a partition that another
 * has taken does nothing twice.
 */
#ifndef PARSTOCK_WORKERS_RESOLVE_RESOLVE_H
#define PARSTOCK_WORKERS_RESOLVE_RESOLVE_H

#include "common/io/kafka_in.h"
#include "common/io/store_incidents.h"
#include "common/io/store_resolve.h"
#include "common/runtime/config.h"
#include "common/runtime/metrics.h"

#include <pthread.h>

#define RESOLVE_POOL_MAX ((size_t)64 << 20)
#define RESOLVE_ACTOR "resolve"

struct resolve_metrics {
    struct metric *actions[POLICY_ACTION_COUNT];
    struct metric *repeats;
    struct metric *refused;
    struct metric *held;
    struct metric *done;
    struct metric *failed;
    struct metric *pending;
    struct metric *stopped;
};

struct resolve {
    struct config config;
    const struct contract *contract;
    int64_t patience_ms; /* how long a resync may take */
    int64_t tick_ms;     /* between two looks of the keeper */
    char topic[256];
    char group[256];
    struct kafka_in *in;
    struct postgres *postgres;                      /* the reader's */
    struct kafka_record records[RESOLVE_BATCH_MAX]; /* in hand, oldest first */
    size_t record_count;
    struct pool pool; /* of the batch in hand */
    int64_t retry_us; /* monotonic: not before */
    int tries;
    struct resolve_metrics metrics;
    pthread_t keeper;
};

/* A finding and the record that brought it. */
struct batch_item {
    struct kafka_record *record;
    size_t run; /* index into the batch's */
    struct resolve_decision decision;
    bool is_new; /* acted on by this very batch */
};

/* A run that findings of the batch belong to. */
struct batch_run {
    struct span run_id;
    struct span shop;
    struct resolve_run_row row;
    bool fires; /* a guard stops it now */
    enum guard guard;
};

struct batch {
    size_t record_count; /* that it takes off the hand */
    size_t refused;
    size_t count;
    struct finding findings[RESOLVE_BATCH_MAX];
    struct batch_item items[RESOLVE_BATCH_MAX];
    struct resolve_beside beside;
    struct batch_run runs[RESOLVE_BATCH_MAX];
    size_t run_count;
    struct resolve_act acts[RESOLVE_BATCH_MAX];
    bool is_new[RESOLVE_BATCH_MAX];
    struct incident_set set;
    struct incident_changes changes;
};

struct postgres_options resolve_postgres(const struct resolve *resolve);

/* resolve_read.c: the reader */
enum status resolve_reader_open(struct resolve *resolve, struct error *error);
enum status resolve_reader_run(struct resolve *resolve, struct error *error);
void resolve_reader_close(struct resolve *resolve);

/* resolve_batch.c: the oldest records in hand, as one transaction. STATUS_OK: it is durable,
 * and batch_out says what it was; it lives in resolve->pool. */
enum status resolve_batch(struct resolve *resolve, struct batch **batch_out,
                          struct error *error);

/* resolve_runs.c: the runs of the batch, each judged by the guards; then every finding */
enum status resolve_decide_all(struct resolve *resolve, struct batch *batch,
                               struct error *error);

/* resolve_tell.c: incidents of what the batch has newly decided */
enum status resolve_tell(struct resolve *resolve, struct batch *batch,
                         struct error *error);

/* resolve_keep.c: the keeper's thread, until life_ending */
void *resolve_keep(void *resolve);

#endif
