/*
 * librdkafka's configuration by role, and its errors as remedies. Included by
 * common/io/kafka_*.c only, like librdkafka's own header.
 *
 * A role's promises (idempotence, acks, partitioner, no commit and no reset by the
 * library) are set last and cannot be overridden; bounds and pace are defaults that the
 * operator's properties may change. The library's log lines go to options->log, never to
 * stderr; they are one for the whole process, the last one given.
 */
#ifndef PARSTOCK_IO_KAFKA_CONF_H
#define PARSTOCK_IO_KAFKA_CONF_H

#include "common/base/error.h"
#include "common/io/kafka_options.h"

#include <librdkafka/rdkafka.h>

/* Distributions' 2.0.2 skips offsets after a pause and loops in cooperative rebalances. */
_Static_assert(RD_KAFKA_VERSION >= 0x020f0100,
               "librdkafka 2.15.1 or newer is needed: run 'make deps-build'");

enum kafka_role { KAFKA_CONSUMER, KAFKA_PRODUCER, KAFKA_ADMIN };

/* The caller hands *conf_out to rd_kafka_new or destroys it. STATUS_FATAL (78) names the
 * property that is unknown, invalid, or not the operator's to set. */
enum status kafka_conf_new(const struct kafka_options *options, enum kafka_role role,
                           rd_kafka_conf_t **conf_out, struct error *error);

/* One more property of the role's own, e.g. group.id. */
enum status kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                           struct error *error);

/* Creates the client; takes the configuration over, also on failure. */
enum status kafka_client_new(enum kafka_role role, rd_kafka_conf_t *conf,
                             rd_kafka_t **out, struct error *error);

/*
 * What to do about an error of the library. STATUS_OK for none; error.code is its name,
 * the text says what was being done and the remedy. Most are weather (STATUS_RETRY);
 * STATUS_REJECT: this record never will be taken; STATUS_FATAL: configuration, or a
 * producer that has lost its promise and must be opened anew.
 */
enum status kafka_status(rd_kafka_resp_err_t code, const char *doing,
                         struct error *error);

/* kafka_reader.c: a consumer of nobody's group, for what reads a topic by offsets.
 * Partitions are to be assigned; the end of each is told. */
enum status kafka_reader_open(const struct kafka_options *options, rd_kafka_t **out,
                              struct error *error);
void kafka_reader_close(rd_kafka_t **slot);

/* How many partitions the topic has; 0: there is no such topic. */
enum status kafka_reader_partitions(rd_kafka_t *client, const char *topic, int timeout_ms,
                                    int32_t *count_out, struct error *error);

void kafka_list_release(rd_kafka_topic_partition_list_t **slot);
void kafka_metadata_release(const struct rd_kafka_metadata **slot);

/* kafka_out.c: hands one record to a producer, which copies it. */
struct kafka_send;
enum status kafka_produce(rd_kafka_t *producer, const struct kafka_send *send,
                          struct error *error);

#endif
