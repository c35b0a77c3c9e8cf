/*
 * A batch of records published once more: its parts are claimed by lease, published in
 * order, and noted once the broker has acknowledged them. A process that was killed leaves
 * its part to the next; what it had not noted is published again, and is a duplicate.
 */
#ifndef PARSTOCK_WORKERS_REPLAY_LIVE_H
#define PARSTOCK_WORKERS_REPLAY_LIVE_H

#include "workers/replay/replay_feed.h"

struct live_batch {
    struct replay *replay;
    char id[REPLAY_BATCH_ID_MAX];
    char owner[96];
    bool goes_on; /* it was begun before */
    struct batch_claim claim;
    struct batch_part part; /* being published */
    int64_t noted_us;
    int64_t since_note; /* records */
    struct replay_progress progress;
    struct batch_sum sum; /* in the end */
};

/* The unfinished batch of replay->choice, or a new one. */
enum status live_batch_open(struct replay *replay, struct live_batch *batch,
                            struct error *error);

typedef enum status live_part_publisher(struct live_batch *batch,
                                        struct replay_feed *feed, struct error *error);

/* Part after part until none is left. STATUS_RETRY (75): asked to end before. */
enum status live_publish(struct live_batch *batch, live_part_publisher *publish,
                         struct error *error);

/* Within a part: everything below is offered; now and then it is noted. */
enum status live_reached(struct live_batch *batch, struct replay_feed *feed,
                         int64_t next_offset, struct error *error);

/* Notes what is done and renews the lease, if it is time. */
enum status live_keep(struct live_batch *batch, struct replay_feed *feed,
                      struct error *error);

/* `ends`: the part is given back. */
enum status live_note(struct live_batch *batch, struct replay_feed *feed, bool ends,
                      struct error *error);

/* From the topic; from a file. */
enum status replay_run_live(struct replay *replay, struct live_batch *batch,
                            struct error *error);
enum status replay_run_file(struct replay *replay, struct live_batch *batch,
                            struct error *error);

/* Prints what was published. */
void replay_print_live(const struct live_batch *batch);

/* What publishing the choice would do: counted, nothing is sent. */
enum status replay_plan_live(struct replay *replay, struct error *error);
enum status replay_export_verb(struct replay *replay, struct error *error);

#endif
