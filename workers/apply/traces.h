/*
 * Traces through a batch (docs/tracing.md): an event's traceparent goes on with the pairs of
 * shops whose numbers it moves and the incidents that it shows. Where spans are exported each
 * record of a trace that is followed is one, and what follows from it lies below that span.
 * A batch in which no record has a traceparent costs nothing here.
 */
#ifndef PARSTOCK_WORKERS_APPLY_TRACES_H
#define PARSTOCK_WORKERS_APPLY_TRACES_H

#include "common/codec/traceparent.h"
#include "workers/apply/batch.h"

struct lane;

/* What the event leaves to whatever follows from it, as traceparent in the pool; bytes
 * NULL = nothing. */
struct span trace_of_item(struct batch *batch, const struct item *item);

/* The same of the last event that was recorded at the place. */
struct span trace_of_place(struct batch *batch, const struct place_state *state);

/* Once the batch is committed: its spans, and those of its incidents. */
void traces_emit(struct lane *lane);

#endif
