/*
 * A lane of apply: one thread, one connection to Postgres, some partitions. Its loop is
 * take, decode, question, judge, commit, relay, settle; one transaction a batch.
 *
 * The lane's lock is held while records are in hand, so that a partition can be dropped
 * only between two batches. Records that could not be committed (Postgres is away) are kept
 * in hand, the lock is given up while the lane waits, and what was dropped meanwhile is
 * forgotten before the next try.
 */
#ifndef PARSTOCK_WORKERS_APPLY_LANE_H
#define PARSTOCK_WORKERS_APPLY_LANE_H

#include "common/domain/run_plan.h"
#include "common/io/kafka_in.h"
#include "common/runtime/histogram.h"
#include "common/runtime/outcome_metrics.h"
#include "common/runtime/pace.h"
#include "workers/apply/batch.h"
#include "workers/apply/known_keys.h"
#include "workers/apply/relay.h"

#include <pthread.h>

#define LANE_PARTS_MAX BATCH_PARTS_MAX
#define LANE_BYTES_MAX ((size_t)8 * 1024 * 1024) /* of values in hand */
#define LANE_WAITING_MAX ((size_t)20000)         /* records without the broker's answer */
#define LANE_RECORDS_BYTES_MAX ((size_t)32 * 1024 * 1024)
#define LANE_SLICES_MAX BATCH_ITEMS_MAX /* parts of runs that a batch reads */
#define LANE_CACHE_RUNS 4               /* whole runs kept, while re-reading */
#define LANE_CACHE_BYTES_MAX (RUN_KEYS_MAX * KEY_RUN_ENTRY_BYTES + 1)

/* A partition that the lane holds. */
struct part {
    int32_t partition;
    bool lost; /* the fence is gone: another owner has it; its records are dropped */
    int64_t epoch;
    int64_t next_offset;  /* as in `progress` */
    int64_t until_offset; /* records from here on are not ours; INT64_MAX: all are */
    int64_t
        end_offset; /* read to here, be it markers of transactions; 0: not to the end */
    int64_t end_us; /* when that was; monotonic */
    int64_t lost_at_us;
    int64_t judged_ms; /* Kafka's timestamp of the newest record that was judged */
    int64_t level_ms;  /* wall clock: when it was last read to its end */
    struct relay relay;
    struct outcome_metrics outcomes;
    struct known_keys known;
    bool known_ready;
};

/* Slots of batch.keys. */
struct key_list {
    uint32_t *slots;
    size_t count;
};

struct cached_run {
    int64_t id;
    struct buf keys;
};

struct lane_metrics {
    struct metric *batches;
    struct metric *fenced;
    struct metric *failures;
    struct histogram *batch_seconds;
    struct histogram *commit_seconds;
};

struct apply; /* what the lanes share; apply.h */

struct lane {
    struct apply *apply;
    int number;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    struct postgres *postgres;
    int32_t contract_id;
    struct part parts[LANE_PARTS_MAX];
    size_t part_count;
    struct kafka_record *records; /* in hand, BATCH_ITEMS_MAX */
    size_t record_count;
    size_t record_bytes;
    struct batch batch;
    struct store_room room;
    int32_t partitions;        /* of the topic, as the keys were loaded for */
    struct known_keys foreign; /* of other topics and partition counts */
    bool foreign_ready;
    struct run_slice *slices; /* LANE_SLICES_MAX, and whose keys they are */
    uint32_t *slice_keys;
    size_t slice_count;
    uint32_t *asked; /* two lists of BATCH_ITEMS_MAX, for probing */
    struct cached_run cache[LANE_CACHE_RUNS];
    size_t cache_next;
    int64_t batch_began_us; /* monotonic */
    int64_t awake_us;       /* of the last turn; monotonic */
    struct pending pending; /* levels to tell */
    int64_t pending_since_us;
    bool tells; /* there is something to tell, be it that nothing changed */
    struct pool records_pool;
    bool waits;        /* for the broker to take what was sent */
    bool refused;      /* the broker does not take records of a partition */
    bool owes;         /* what an earlier owner did not send; more of it may be left */
    size_t relay_next; /* whose turn it is to be told of */
    struct pace pace;  /* of a shadow's lane: leaves room for the live state */
    size_t taken;      /* records, in this turn */
    int tries;
    struct error fatal; /* why the lane ended the process, if it did */
    struct lane_metrics metrics;
};

enum status lane_open(struct lane *lane, struct apply *apply, int number,
                      struct error *error);
enum status lane_start(struct lane *lane, struct error *error);
void lane_join(struct lane *lane);   /* after life_end: waits for the thread */
void lane_finish(struct lane *lane); /* notes what the broker has */
void lane_close(struct lane *lane);

/* parts.c; with the lock held. NULL = not ours. */
struct part *lane_part(struct lane *lane, int32_t partition);
void lane_lose_part(struct lane *lane, struct part *part);
void lane_count_outcomes(struct lane *lane); /* of the batch that was committed */

/* lane_metrics.c */
void lane_metrics_open(struct lane *lane);
/* With the lock held: the batch in hand was committed; how long it took, and what its records'
 * own times say. */
void lane_count_times(struct lane *lane);

/* lane_metrics.c; called from the group's thread, takes the lock: adds what the lane's
 * partitions have before them. */
struct lane_lag {
    int64_t records;
    int64_t
        seconds_us; /* since the oldest of them could have been judged; the most of all */
};
void lane_add_lag(struct lane *lane, struct lane_lag *lag);
/* The time that the batch's pages get: now. In a shadow that of the records, as far as it
 * never goes back in a partition: so that what was known at a moment can be asked of it too. */
int64_t lane_judged_at(const struct lane *lane, const struct store_found *found);

/* ends.c; with the lock held. Takes note where the record says that a partition was read to
 * its end. */
void lane_note_end(struct lane *lane, const struct kafka_record *record);

/* With nothing in hand: `progress` moves over markers at the end of partitions, so that lag
 * tools see nothing left, and retention may remove them. */
enum status lane_pass_ends(struct lane *lane, struct error *error);

/* How far Kafka may be told that all is done; -1: nothing is. */
int64_t lane_done_up_to(const struct lane *lane, const struct part *part);

/* parts.c; called from the group's thread, take the lock themselves. */
void lane_take_part(struct lane *lane, int32_t partition, const struct take *take);
void lane_drop_part(struct lane *lane, int32_t partition);

/* A partition that was lost and is ours again: reading begins anew at its place before the
 * lane may take anything, for what was fetched before lies elsewhere. */
enum status lane_take_back(struct lane *lane, int32_t partition, const struct take *take,
                           struct error *error);

/* Offsets to tell Kafka, one a partition; returns how many. */
struct lane_hint {
    int32_t partition;
    int64_t next_offset;
};
size_t lane_hints(struct lane *lane, struct lane_hint *hints, size_t max);

/* A partition lost to a fence for longer than `after_us`: to be taken anew; -1 = none. */
int32_t lane_lost_part(struct lane *lane, int64_t after_us);

#endif
