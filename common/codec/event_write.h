/*
 * A stock change that parstock itself makes, as the outside interface has it.
 */
#ifndef PARSTOCK_CODEC_EVENT_WRITE_H
#define PARSTOCK_CODEC_EVENT_WRITE_H

#include "common/base/buf.h"
#include "common/domain/event.h"

/* Of the event its type, names, numbers, times and texts; absent ones are left out. */
void event_write(const struct event *event, struct buf *out);

/*
 * The value of header traceparent that all records of one batch carry: its trace is the
 * batch's, so that the ledger knows them by it. It is not sampled: a million spans of one
 * trace help nobody. `id` is lower-case hex, 48 digits at least.
 */
#define BATCH_TRACEPARENT_MAX 56 /* with the NUL */
#define BATCH_TRACE_DIGITS 32
void batch_traceparent(const char *id, char room[BATCH_TRACEPARENT_MAX]);

#endif
