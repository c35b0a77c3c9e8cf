/*
 * librdkafka's mock cluster: brokers in this process, in memory, on random ports of
 * 127.0.0.1. For first runs and the demo only; see 'parstock dev-broker --help' for its
 * limits.
 */
#ifndef PARSTOCK_IO_KAFKA_MOCK_H
#define PARSTOCK_IO_KAFKA_MOCK_H

#include "common/base/error.h"
#include "common/io/kafka_options.h"

struct kafka_mock;

/* `options` gives only the log. */
enum status kafka_mock_open(const struct kafka_options *options, int brokers,
                            struct kafka_mock **out, struct error *error);
void kafka_mock_close(struct kafka_mock **slot);

enum status kafka_mock_topic(struct kafka_mock *mock, const char *name, int partitions,
                             struct error *error);

/* host:port,... ; lives as long as the mock. */
const char *kafka_mock_brokers(const struct kafka_mock *mock);

#endif
