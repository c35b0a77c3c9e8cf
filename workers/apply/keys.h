/*
 * A lane's side of "was this key judged before": see known_keys.h.
 *
 *     keys_load    after a partition was taken or the connection was lost
 *     keys_probe   what memory knows of the batch's keys; which slices to read for the rest
 *     keys_learn   what the slices say
 *     keys_note    the batch is committed: its keys are known from now on
 *     keys_tidy    between two batches: seals what is in memory, merges runs
 */
#ifndef PARSTOCK_WORKERS_APPLY_KEYS_H
#define PARSTOCK_WORKERS_APPLY_KEYS_H

#include "workers/apply/lane.h"

enum status keys_load(struct lane *lane, struct error *error);
enum status keys_probe(struct lane *lane, struct store_question *question,
                       struct error *error);
void keys_learn(struct lane *lane, const struct store_found *found);
void keys_note(struct lane *lane, const struct store_effects *effects);
enum status keys_tidy(struct lane *lane, struct error *error);

/* What filters take of the lane's memory is within its bounds again. */
void keys_fit(struct lane *lane);

/* Everything is to be read anew: the connection broke, or another count of partitions. */
void keys_forget(struct lane *lane);
void keys_close(struct lane *lane);

#endif
