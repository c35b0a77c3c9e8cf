/*
 * Records published all or none: one Kafka transaction a batch. What a commit has said yes
 * to is in the topic; of anything else no reader with isolation.level=read_committed ever
 * sees a record. One thread.
 *
 *     open -> join -> (begin -> add* -> commit | abort)*
 *
 * A process that dies leaves its transaction to the broker, which aborts it after
 * KAFKA_BATCH_TIMEOUT_MS, or at once when another joins under the same id; until then readers
 * wait in front of it. Partition by murmur2 of the key.
 */
#ifndef PARSTOCK_IO_KAFKA_BATCH_H
#define PARSTOCK_IO_KAFKA_BATCH_H

#include "common/base/error.h"
#include "common/io/kafka_options.h"
#include "common/io/kafka_out.h"

#define KAFKA_BATCH_TIMEOUT_MS 10000

struct kafka_batch;

/* `id`: the transactional id, of this process alone; kept by the caller, like the options.
 * Contacts nobody. */
enum status kafka_batch_open(const struct kafka_options *options, const char *id,
                             struct kafka_batch **out, struct error *error);
void kafka_batch_close(struct kafka_batch **slot); /* gives up what is not committed */

/* Becomes the one producer of that id: waits for the broker, up to the time. STATUS_RETRY:
 * call again. */
enum status kafka_batch_join(struct kafka_batch *batch, int timeout_ms,
                             struct error *error);

/* The embedded broker knows no abort: what was sent before one stays visible. */
bool kafka_batch_is_mock(const struct kafka_batch *batch);

/* Is the topic there, with partitions that have leaders? Asks the broker. */
enum status kafka_batch_probe(struct kafka_batch *batch, const char *topic,
                              int timeout_ms, struct error *error);

/* True once no broker answers any more, until a probe has found one. */
bool kafka_batch_is_away(const struct kafka_batch *batch);

/* Serves the library's events for up to that time. */
void kafka_batch_idle(struct kafka_batch *batch, int wait_ms);

/*
 * STATUS_OK of commit: everything is in the topic. Any other status of any of the three: the
 * batch is over and nothing of it is (or will be) visible, but for a commit of which nobody
 * knows: then all of it may be, or nothing. STATUS_FATAL: close and open anew.
 */
enum status kafka_batch_begin(struct kafka_batch *batch, struct error *error);
enum status kafka_batch_add(struct kafka_batch *batch, const struct kafka_send *send,
                            int wait_ms, struct error *error);
enum status kafka_batch_commit(struct kafka_batch *batch, int wait_ms,
                               struct error *error);

#endif
