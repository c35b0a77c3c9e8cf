/*
 * When what a lane's batches caused goes out. Dead letters, copies and incidents: at once.
 * Levels: as soon as the lane has nothing else to do, else when enough have gathered or the
 * oldest has waited OUTGOING_WAIT_US: a backlog tells a hot place once, not once a batch.
 *
 * What is told must be fresh: a lane that was asleep since its batch began may have lost the
 * partition, and then leaves it to the tables (relay.h), which know who wrote last.
 */
#ifndef PARSTOCK_WORKERS_APPLY_OUTGOING_H
#define PARSTOCK_WORKERS_APPLY_OUTGOING_H

#include "workers/apply/lane.h"

#define OUTGOING_WAIT_US 500000LL
#define OUTGOING_FRESH_US 3000000LL

/* After a commit. */
void outgoing_note(struct lane *lane, const struct store_effects *effects);

/* Tells the levels that wait, if it is time or `now` is wanted. */
void outgoing_tell(struct lane *lane, bool now);

#endif
