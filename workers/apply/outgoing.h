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

/* Too much has no answer of the broker yet: the lane waits. */
bool outgoing_is_behind(const struct lane *lane);

/* Outbox rows of earlier owners, or of a failed try, go out before anything new. */
enum status outgoing_relay_old(struct lane *lane, struct error *error);

/* With nothing to do, what the broker has is noted. */
enum status outgoing_note_idle(struct lane *lane, struct error *error);

/* Incidents of the batch that was judged; of a shadow none. */
enum status outgoing_incidents(struct lane *lane, struct error *error);

#endif
