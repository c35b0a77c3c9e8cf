#include "common/runtime/topic_table.h"

#include "common/base/check.h"

#include <inttypes.h>
#include <stdio.h>

/* Below three replicas a second in-sync one can't be asked for: one broker that restarts
 * would stop every write. */
#define REPLICAS_FOR_TWO_IN_SYNC 3

struct row {
    const char *suffix;
    const char *cleanup_policy;
    struct kafka_setting settings[TOPIC_SETTINGS_MAX];
};

static const struct row ROWS[TOPIC_COUNT] = {
    /* 14 days: the longest outage or replay for which the events themselves are needed;
     * what they did stays in Postgres. */
    {"stock-changes", "delete", {{"retention.ms", "1209600000"}}},
    /* Compacted: the newest level per key for ever. Tombstones outlive a week's outage of
     * a consumer. */
    {"levels",
     "compact",
     {{"segment.ms", "3600000"},
      {"min.compaction.lag.ms", "60000"},
      {"delete.retention.ms", "604800000"}}},
    {"drift", "delete", {{"retention.ms", "7776000000"}}},
    {"incidents", "delete", {{"retention.ms", "7776000000"}}},
    {"dead-letters", "delete", {{"retention.ms", "2592000000"}}},
};

static void declare(struct topic_declared *topic, const char *name, const char *value)
{
    ASSERT(topic->setting_count < TOPIC_SETTINGS_MAX);
    topic->settings[topic->setting_count++] =
        (struct kafka_setting){.name = name, .value = value};
}

static void topic_fill(struct topic_declared *topic, const struct row *row,
                       const struct config *config)
{
    *topic = (struct topic_declared){.cleanup_policy = row->cleanup_policy};
    (void)snprintf(topic->name, sizeof(topic->name), "%s%s", config->topic_prefix,
                   row->suffix);
    declare(topic, "cleanup.policy", row->cleanup_policy);
    for (size_t i = 0; row->settings[i].name != NULL; i++)
        declare(topic, row->settings[i].name, row->settings[i].value);
    if (config->topic_replicas >= REPLICAS_FOR_TWO_IN_SYNC)
        declare(topic, "min.insync.replicas", "2");
}

void topic_table_fill(const struct config *config, struct topic_table *table)
{
    table->partitions = (int32_t)config->topic_partitions;
    table->replicas = (int32_t)config->topic_replicas;
    for (size_t i = 0; i < TOPIC_COUNT; i++)
        topic_fill(&table->topics[i], &ROWS[i], config);
}

struct kafka_topic_plan topic_plan(const struct topic_table *table, size_t index)
{
    ASSERT(index < TOPIC_COUNT);
    const struct topic_declared *topic = &table->topics[index];
    return (struct kafka_topic_plan){
        .name = topic->name,
        .partitions = table->partitions,
        .replicas = table->replicas,
        .settings = topic->settings,
        .setting_count = topic->setting_count,
    };
}

static void difference_number(struct topic_difference *difference, int32_t declared,
                              int32_t found)
{
    difference->what = "partitions";
    (void)snprintf(difference->declared, sizeof(difference->declared), "%" PRId32,
                   declared);
    (void)snprintf(difference->found, sizeof(difference->found), "%" PRId32, found);
}

static void difference_text(struct topic_difference *difference, const char *what,
                            const char *declared, const char *found)
{
    difference->what = what;
    (void)snprintf(difference->declared, sizeof(difference->declared), "%s", declared);
    (void)snprintf(difference->found, sizeof(difference->found), "%s", found);
}

size_t topic_compare(const struct topic_table *table, size_t index,
                     const struct kafka_topic *found,
                     struct topic_difference differences[TOPIC_DIFFERENCES_MAX])
{
    ASSERT(index < TOPIC_COUNT);
    const struct topic_declared *topic = &table->topics[index];
    size_t count = 0;
    if (found->partitions == 0) {
        difference_text(&differences[0], "topic", "exists", "missing");
        return 1;
    }
    if (found->partitions != table->partitions)
        difference_number(&differences[count++], table->partitions, found->partitions);
    if (found->cleanup_policy[0] != '\0' &&
        strcmp(found->cleanup_policy, topic->cleanup_policy) != 0)
        difference_text(&differences[count++], "cleanup.policy", topic->cleanup_policy,
                        found->cleanup_policy);
    ASSERT(count <= TOPIC_DIFFERENCES_MAX);
    return count;
}
