/*
 * Stock changes onto their topic, many at a time: an idempotent producer that says up to
 * where everything is acknowledged. The sender marks places in what it sends (a row of a
 * file); the newest mark whose records, and all before it, are acknowledged is where to go
 * on from after a crash. One thread sends.
 */
#ifndef PARSTOCK_RUNTIME_FEED_PUBLISHER_H
#define PARSTOCK_RUNTIME_FEED_PUBLISHER_H

#include "common/runtime/config.h"

struct feed_publisher;

/* `topic` without its prefix. Opens the producer without waiting for a broker. */
enum status feed_publisher_open(const struct config *config, const char *topic,
                                struct feed_publisher **out, struct error *error);

/* Gives up what is still under way. */
void feed_publisher_close(struct feed_publisher **slot);

/* Spans are copied. */
struct feed_record {
    struct span key;
    struct span value;
    struct span headers; /* as common/codec/headers.h encodes them; may be absent */
};

/*
 * Hands one record over; waits while the queue is full. STATUS_RETRY: a record before was
 * not taken by the broker in time, or the process is asked to end: what is not
 * acknowledged must be sent again.
 */
enum status feed_publisher_send(struct feed_publisher *publisher,
                                const struct feed_record *record, struct error *error);

/* What was sent so far ends at `mark`, which is above all marks before. */
void feed_publisher_mark(struct feed_publisher *publisher, int64_t mark);

/* The newest mark that is reached: every record up to it is acknowledged. 0 = none yet. */
int64_t feed_publisher_reached(struct feed_publisher *publisher);

/* Records acknowledged so far, and those that have no answer yet. */
int64_t feed_publisher_acked(const struct feed_publisher *publisher);
size_t feed_publisher_waiting(const struct feed_publisher *publisher);

/* Waits up to `wait_ms` for all answers. STATUS_RETRY: there are records without one. */
enum status feed_publisher_finish(struct feed_publisher *publisher, int wait_ms,
                                  struct error *error);

#endif
