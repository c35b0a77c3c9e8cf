/*
 * What a batch means to the shops: which pairs are to be decided anew, and what their
 * levels should be. Between batch_decide and batch_effects:
 *
 *     shops_ask        lists what the database is to be asked (batch.unseen)
 *     shops_effects    the rows of shop_levels and shop_units
 *
 * No I/O here. The decision itself is common/domain/desired.h; push repeats it for every
 * pair that it writes, so that a number written here is never more than a first word.
 */
#ifndef PARSTOCK_WORKERS_APPLY_SHOPS_H
#define PARSTOCK_WORKERS_APPLY_SHOPS_H

#include "workers/apply/batch.h"

enum status shops_ask(struct batch *batch, struct error *error);
enum status shops_effects(struct batch *batch, struct store_effects *effects,
                          struct error *error);

/* Did the batch change the level's row, be it only the reading in it? effects.c. */
bool batch_is_level_written(const struct place_state *state);

#endif
