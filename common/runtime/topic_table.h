/*
 * The topics that parstock declares (contract.md's section 2): names, settings, and how
 * what the brokers have differs from it. Shared by the commands that make and check them.
 */
#ifndef PARSTOCK_RUNTIME_TOPIC_TABLE_H
#define PARSTOCK_RUNTIME_TOPIC_TABLE_H

#include "common/base/buf.h"
#include "common/io/kafka_admin.h"
#include "common/runtime/config.h"

#define TOPIC_COUNT 5
#define TOPIC_NAME_MAX 249 /* Kafka's */
#define TOPIC_SETTINGS_MAX 8
#define TOPIC_DIFFERENCES_MAX 2

struct topic_declared {
    char name[TOPIC_NAME_MAX + 1];
    struct kafka_setting settings[TOPIC_SETTINGS_MAX];
    size_t setting_count;
    const char *cleanup_policy;
};

struct topic_table {
    struct topic_declared topics[TOPIC_COUNT];
    int32_t partitions;
    int32_t replicas;
};

void topic_table_fill(const struct config *config, struct topic_table *table);

struct kafka_topic_plan topic_plan(const struct topic_table *table, size_t index);

struct topic_difference {
    const char *what; /* "topic", "partitions", "cleanup.policy" */
    char declared[64];
    char found[64];
};

/* How the topic found differs from the declared one; a policy that is unknown does not. */
size_t topic_compare(const struct topic_table *table, size_t index,
                     const struct kafka_topic *found,
                     struct topic_difference differences[TOPIC_DIFFERENCES_MAX]);

#endif
