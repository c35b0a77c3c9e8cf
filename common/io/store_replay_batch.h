/*
 * Replays into the live state (schemas/postgres/0027_replay_batches.sql): what was chosen,
 * how far it is published, and which process works on which part of it. A lease that has run
 * out may be taken by another; the epoch then keeps the first from noting anything.
 */
#ifndef PARSTOCK_IO_STORE_REPLAY_BATCH_H
#define PARSTOCK_IO_STORE_REPLAY_BATCH_H

#include "common/io/postgres.h"

#define REPLAY_BATCH_ID_MAX 33

/* The newest unfinished one of that choice; *found_out says whether there is one. */
enum status store_batch_find(struct postgres *live, struct span choice,
                             char id_out[REPLAY_BATCH_ID_MAX], bool *found_out,
                             struct error *error);
enum status store_batch_make(struct postgres *live, struct span id, struct span choice,
                             struct error *error);

/* Its unfinished parts are given up: a new batch of the choice begins anew. */
enum status store_batch_end(struct postgres *live, struct span id, struct error *error);

/* The same where nobody works on it (*quiet_out), and who slept past its lease may not go on.
 * Unless `ends` it is only looked at. */
enum status store_batch_stop(struct postgres *live, struct span id, bool ends,
                             bool *quiet_out, struct error *error);

struct batch_part {
    int32_t partition;
    int64_t next_offset;
    int64_t until_offset;
    int64_t epoch;
    bool lost; /* another has it by now */
};
enum status store_batch_part(struct postgres *live, struct span id,
                             const struct batch_part *part, struct error *error);

/* A part that nobody works on, for that long. *found_out: there is one. */
struct batch_claim {
    struct span id;
    struct span owner;
    int64_t lease_ms;
};
enum status store_batch_claim(struct postgres *live, const struct batch_claim *claim,
                              struct batch_part *part_out, bool *found_out,
                              struct error *error);

struct batch_counts {
    int64_t published;
    int64_t passed_over;
    int64_t refused;
    int64_t too_old;
};

/* Everything below part->next_offset is done, `counts` more than before; the lease begins
 * anew (0 ms: it is given back). part->lost: it is another's by now, nothing was noted. */
enum status store_batch_reach(struct postgres *live, const struct batch_claim *claim,
                              struct batch_part *part, const struct batch_counts *counts,
                              struct error *error);

struct batch_sum {
    int64_t done;
    int64_t left;
    struct batch_counts counts;
};
enum status store_batch_sum(struct postgres *live, struct span id,
                            struct batch_sum *sum_out, struct error *error);

/* First-pass rows of the ledger in a stretch of a partition: what would be a repeat. */
struct known_stretch {
    struct span topic;
    int32_t partition;
    int64_t from;
    int64_t until;
};
enum status store_replay_known(struct postgres *live, const struct known_stretch *stretch,
                               int64_t *count_out, struct error *error);

#endif
