/*
 * From the outbox to Kafka, for one partition: what a batch committed is sent at once, in
 * order; what an earlier owner left behind is read from the tables and sent first. How far
 * the broker has everything is noted in `progress` only once it has acknowledged it, so
 * that a kill between the two sends it again, with the same ce_id.
 *
 * Dead letters and rekeyed copies lie in the table `outbox` until then. Levels do not: the
 * ledger says which of them changed, and their rows what they are now.
 *
 * One relay belongs to one lane's thread; the producer's thread only counts down.
 */
#ifndef PARSTOCK_WORKERS_APPLY_RELAY_H
#define PARSTOCK_WORKERS_APPLY_RELAY_H

#include "common/io/kafka_out.h"
#include "common/io/store_apply.h"

#define RELAY_WHY_MAX 96

struct relay_lot; /* records sent together */

/*
 * What an earlier owner had sent when the partition was taken may still be on its way, and
 * arrive after ours. So the levels that it may have told are told once more when its records
 * must have expired: the newest comes last. Until then nothing is noted, so that whoever
 * takes the partition next does the same.
 */
struct relay_again {
    bool waits;
    struct changed_span span;
    int64_t told; /* of the span, what records below this offset changed is sent again */
    int64_t due_us; /* monotonic; 0 = sent, without the broker's word yet */
};

struct relay {
    int32_t partition;
    int64_t below; /* the broker has all that records below this offset cause */
    int64_t noted; /* `below` as `progress` has it */
    bool trims;    /* the table holds rows between the two */
    int64_t
        stored_until; /* .. below this offset: a lot is acknowledged before what claims it */
    int64_t claimed; /* what is sent covers all that records below this offset cause */
    int64_t stored_done; /* the broker has the table's rows below this offset */
    bool behind;         /* the tables hold what was not sent: read them first */
    int64_t told; /* .. of which the levels are sent that records below this changed */
    int64_t stored_told;     /* .. and the table's rows below this */
    int tries;               /* that failed since something of it was taken */
    int64_t resume_us;       /* .. and when the next may begin; monotonic */
    char why[RELAY_WHY_MAX]; /* .. and what the broker said; "" = all is well */
    struct relay_again again;
    struct relay_lot *first;
    struct relay_lot *last;
};

#define RELAY_TOPIC_MAX 256

/* Full names by kind of row; made once. */
struct relay_topics {
    char names[OUTBOX_KIND_LAST + 1][RELAY_TOPIC_MAX];
};
void relay_topics_init(struct relay_topics *topics, const char *prefix);

/* What a relay works with; shared by all of a lane. */
struct relay_way {
    struct kafka_out *out;
    const struct relay_topics *topics;
    struct span source_topic;
    int32_t partition_count; /* of the source topic, for what goes back to it */
};

/* Passed to kafka_out_open. */
void relay_acked(void *opaque, const struct error *error);

/* A partition that has just been taken: its tables may hold what an earlier owner did not
 * send. `due_us`: when that one's records have expired (monotonic). */
void relay_begin(struct relay *relay, int32_t partition, const struct take *take,
                 int64_t due_us);

/* Rows that were committed together. */
struct relay_rows {
    const struct outbox_row *rows; /* those of other partitions are passed over */
    size_t count;
    int64_t below; /* with these, all that records below this offset cause is sent */
};

/* Sends the rows of one committed batch. Never waits: where the producer's queue is full the
 * relay falls behind, and what was not sent is read from the tables later. */
enum status relay_send(struct relay *relay, const struct relay_way *way,
                       const struct relay_rows *rows, struct error *error);

/* What it sent may not have arrived, or was not sent: the tables are to be read. */
void relay_fall_behind(struct relay *relay);

/* Something is to be read from the tables now: relay_step does some of it. */
bool relay_owes(const struct relay *relay);

/*
 * Reads and sends a piece of what the tables hold, up to the fence's `next_offset`; then,
 * once it is due, of what relay_again says. A piece and not all: new records wait behind it.
 */
enum status relay_step(struct relay *relay, const struct relay_way *way,
                       struct postgres *postgres, int64_t next_offset,
                       struct error *error);

/* The rows below this offset were removed; others may be left. */
void relay_trimmed(struct relay *relay, int64_t below);

/* The offset that may be noted in `progress`. */
int64_t relay_notable(const struct relay *relay);

/*
 * Moves `below` over the lots that the broker has; a failed lot makes it fall behind. It
 * tries again after a while that grows, and sends nothing of the table that the broker has:
 * a topic that refuses its records must not fill the others with repeats.
 */
void relay_settle(struct relay *relay);

/* Lets go of a partition: the lots under way are freed when they end. */
void relay_end(struct relay *relay);

#endif
