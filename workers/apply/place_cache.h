/*
 * What the last batches left of the places they touched: level, revision, readings. The
 * partition's owner alone writes them, so what it wrote last is what the tables hold, and a
 * hot place is not read again for every batch. An entry is good for the epoch under which
 * it was written; a lost connection empties all.
 *
 * A fixed number of entries of a fixed size: a place with a long name, or with more than
 * two readings, is read from the tables every time.
 */
#ifndef PARSTOCK_WORKERS_APPLY_PLACE_CACHE_H
#define PARSTOCK_WORKERS_APPLY_PLACE_CACHE_H

#include "workers/apply/batch.h"

struct place_cache; /* one a lane */

struct place_cache *place_cache_new(void); /* NULL: out of memory */
void place_cache_free(struct place_cache **slot);
void place_cache_forget(struct place_cache *cache); /* all of it */

/* Fills level, revision and readings of the state; false: it is to be read. */
bool place_cache_recall(struct place_cache *cache, struct place_state *state,
                        int64_t epoch);

/* `slots`: how many readings a state has. After the batch is committed. */
void place_cache_retain(struct place_cache *cache, const struct place_state *state,
                        size_t slots, int64_t epoch);

#endif
