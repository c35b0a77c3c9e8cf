#include "common/io/kafka_admin.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/kafka_conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REASON_MAX 256
#define MOCK_ID "mockCluster"

struct kafka_admin {
    rd_kafka_t *client;
    rd_kafka_queue_t *queue;
};

static void event_release(rd_kafka_event_t **slot)
{
    if (*slot != NULL)
        rd_kafka_event_destroy(TAKE(*slot));
}

static void options_release(rd_kafka_AdminOptions_t **slot)
{
    if (*slot != NULL)
        rd_kafka_AdminOptions_destroy(TAKE(*slot));
}

enum status kafka_admin_open(const struct kafka_options *options,
                             struct kafka_admin **out, struct error *error)
{
    rd_kafka_conf_t *conf = NULL;
    enum status status = kafka_conf_new(options, KAFKA_ADMIN, &conf, error);
    if (status != STATUS_OK)
        return status;
    struct kafka_admin *admin = calloc(1, sizeof(*admin));
    if (admin == NULL) {
        rd_kafka_conf_destroy(conf);
        return error_set(error, STATUS_RETRY, "Kafka client: no memory");
    }
    status = kafka_client_new(KAFKA_ADMIN, conf, &admin->client, error);
    if (status != STATUS_OK) {
        free(admin);
        return status;
    }
    admin->queue = rd_kafka_queue_new(admin->client);
    *out = admin;
    return STATUS_OK;
}

void kafka_admin_close(struct kafka_admin **slot)
{
    struct kafka_admin *admin = TAKE(*slot);
    if (admin == NULL)
        return;
    rd_kafka_queue_destroy(admin->queue);
    rd_kafka_destroy(admin->client);
    free(admin);
}

/* ---- what there is -------------------------------------------------------------------- */

static void topic_fill(struct kafka_topic *topic, const rd_kafka_metadata_topic_t *found)
{
    topic->partitions = found->partition_cnt;
    topic->replicas = found->partition_cnt > 0 ? found->partitions[0].replica_cnt : 0;
    topic->usable = found->partition_cnt > 0;
    for (int i = 0; i < found->partition_cnt; i++)
        topic->usable = topic->usable && found->partitions[i].leader >= 0;
}

static void topic_look_up(struct kafka_topic *topic,
                          const struct rd_kafka_metadata *metadata)
{
    const char *name = topic->name;
    *topic = (struct kafka_topic){.name = name};
    for (int i = 0; i < metadata->topic_cnt; i++) {
        if (strcmp(metadata->topics[i].topic, name) == 0)
            topic_fill(topic, &metadata->topics[i]);
    }
}

enum status kafka_admin_topics(struct kafka_admin *admin, struct kafka_topic *topics,
                               size_t count, int timeout_ms, struct error *error)
{
    SCOPED(kafka_metadata_release) const struct rd_kafka_metadata *metadata = NULL;
    /* All topics: asking for one by name would create it on a broker that allows that. */
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(admin->client, 1, NULL, &metadata, timeout_ms);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_status(code, "list topics", error);
    for (size_t i = 0; i < count; i++)
        topic_look_up(&topics[i], metadata);
    return STATUS_OK;
}

/* ---- admin requests ------------------------------------------------------------------- */

/* The library's mock cluster knows no admin request, and lets one wait for ever. */
static enum status admin_understood(const struct kafka_admin *admin, const char *doing,
                                    int timeout_ms, struct error *error)
{
    char *id = rd_kafka_clusterid(admin->client, timeout_ms);
    bool is_mock = id != NULL && strncmp(id, MOCK_ID, sizeof(MOCK_ID) - 1) == 0;
    if (id != NULL)
        rd_kafka_mem_free(admin->client, id);
    if (!is_mock)
        return STATUS_OK;
    return kafka_status(RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, doing, error);
}

static rd_kafka_AdminOptions_t *admin_options(const struct kafka_admin *admin,
                                              rd_kafka_admin_op_t operation,
                                              int timeout_ms)
{
    char reason[REASON_MAX];
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(admin->client, operation);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, reason,
                                                    sizeof(reason));
    return options;
}

/* The answer; the library itself gives up a little before our own limit. */
static enum status admin_wait(struct kafka_admin *admin, const char *doing,
                              int timeout_ms, rd_kafka_event_t **event_out,
                              struct error *error)
{
    SCOPED(event_release)
    rd_kafka_event_t *event = rd_kafka_queue_poll(admin->queue, timeout_ms + 1000);
    if (event == NULL)
        return kafka_status(RD_KAFKA_RESP_ERR__TIMED_OUT, doing, error);
    enum status status = kafka_status(rd_kafka_event_error(event), doing, error);
    if (status == STATUS_OK)
        *event_out = TAKE(event);
    return status;
}

static void policy_fill(struct kafka_topic *topic,
                        const rd_kafka_ConfigResource_t *resource)
{
    size_t count = 0;
    const rd_kafka_ConfigEntry_t **entries =
        rd_kafka_ConfigResource_configs(resource, &count);
    for (size_t i = 0; i < count; i++) {
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), "cleanup.policy") == 0 &&
            value != NULL)
            (void)snprintf(topic->cleanup_policy, sizeof(topic->cleanup_policy), "%s",
                           value);
    }
}

static enum status policies_read(rd_kafka_event_t *event, struct kafka_topic *topics,
                                 size_t count, struct error *error)
{
    size_t resource_count = 0;
    const rd_kafka_DescribeConfigs_result_t *result =
        rd_kafka_event_DescribeConfigs_result(event);
    const rd_kafka_ConfigResource_t **resources =
        rd_kafka_DescribeConfigs_result_resources(result, &resource_count);
    for (size_t i = 0; i < resource_count; i++) {
        enum status status = kafka_status(rd_kafka_ConfigResource_error(resources[i]),
                                          "describe topics", error);
        if (status != STATUS_OK)
            return status;
        const char *name = rd_kafka_ConfigResource_name(resources[i]);
        for (size_t j = 0; j < count; j++) {
            if (strcmp(topics[j].name, name) == 0)
                policy_fill(&topics[j], resources[i]);
        }
    }
    return STATUS_OK;
}

enum status kafka_admin_policies(struct kafka_admin *admin, struct kafka_topic *topics,
                                 size_t count, int timeout_ms, struct error *error)
{
    rd_kafka_ConfigResource_t *resources[KAFKA_TOPICS_MAX];
    size_t resource_count = 0;
    ASSERT(count <= KAFKA_TOPICS_MAX);
    enum status status = admin_understood(admin, "describe topics", timeout_ms, error);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < count; i++) {
        if (topics[i].partitions > 0)
            resources[resource_count++] =
                rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topics[i].name);
    }
    if (resource_count == 0)
        return STATUS_OK;
    SCOPED(options_release)
    rd_kafka_AdminOptions_t *options =
        admin_options(admin, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms);
    rd_kafka_DescribeConfigs(admin->client, resources, resource_count, options,
                             admin->queue);
    rd_kafka_ConfigResource_destroy_array(resources, resource_count);
    SCOPED(event_release) rd_kafka_event_t *event = NULL;
    status = admin_wait(admin, "describe topics", timeout_ms, &event, error);
    if (status != STATUS_OK)
        return status;
    return policies_read(event, topics, count, error);
}

/* ---- creating ------------------------------------------------------------------------- */

static enum status plan_new(const struct kafka_topic_plan *plan,
                            rd_kafka_NewTopic_t **out, struct error *error)
{
    char reason[REASON_MAX] = "";
    *out = rd_kafka_NewTopic_new(plan->name, plan->partitions, plan->replicas, reason,
                                 sizeof(reason));
    if (*out == NULL)
        return error_set(error, STATUS_FATAL, "topic %s: %s", plan->name, reason);
    for (size_t i = 0; i < plan->setting_count; i++)
        (void)rd_kafka_NewTopic_set_config(*out, plan->settings[i].name,
                                           plan->settings[i].value);
    return STATUS_OK;
}

static enum status created_read(const rd_kafka_topic_result_t *result,
                                struct kafka_topic_plan *plan, struct error *error)
{
    char doing[320];
    rd_kafka_resp_err_t code = rd_kafka_topic_result_error(result);
    plan->existed = code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS;
    if (plan->existed)
        return STATUS_OK;
    const char *why = rd_kafka_topic_result_error_string(result);
    (void)snprintf(doing, sizeof(doing), "create topic %s (%.160s)", plan->name,
                   why != NULL ? why : "");
    return kafka_status(code, doing, error);
}

/* Every answer is looked at; the first refusal is kept. */
static enum status all_created(rd_kafka_event_t *event, struct kafka_topic_plan *plans,
                               size_t count, struct error *error)
{
    size_t result_count = 0;
    enum status first = STATUS_OK;
    const rd_kafka_topic_result_t **results = rd_kafka_CreateTopics_result_topics(
        rd_kafka_event_CreateTopics_result(event), &result_count);
    for (size_t i = 0; i < result_count * count; i++) {
        const rd_kafka_topic_result_t *result = results[i / count];
        struct kafka_topic_plan *plan = &plans[i % count];
        struct error later;
        if (strcmp(rd_kafka_topic_result_name(result), plan->name) != 0)
            continue;
        enum status status =
            created_read(result, plan, first == STATUS_OK ? error : &later);
        if (first == STATUS_OK)
            first = status;
    }
    return first;
}

enum status kafka_admin_create(struct kafka_admin *admin, struct kafka_topic_plan *plans,
                               size_t count, int timeout_ms, struct error *error)
{
    rd_kafka_NewTopic_t *topics[KAFKA_TOPICS_MAX];
    ASSERT(count > 0 && count <= KAFKA_TOPICS_MAX);
    enum status status = admin_understood(admin, "create topics", timeout_ms, error);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < count; i++) {
        status = plan_new(&plans[i], &topics[i], error);
        if (status == STATUS_OK)
            continue;
        rd_kafka_NewTopic_destroy_array(topics, i);
        return status;
    }
    SCOPED(options_release)
    rd_kafka_AdminOptions_t *options =
        admin_options(admin, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms);
    rd_kafka_CreateTopics(admin->client, topics, count, options, admin->queue);
    rd_kafka_NewTopic_destroy_array(topics, count);
    SCOPED(event_release) rd_kafka_event_t *event = NULL;
    status = admin_wait(admin, "create topics", timeout_ms, &event, error);
    if (status != STATUS_OK)
        return status;
    return all_created(event, plans, count, error);
}

enum status kafka_admin_ends(struct kafka_admin *admin, const struct kafka_topic *topic,
                             int64_t *ends_out, int timeout_ms, struct error *error)
{
    for (int32_t partition = 0; partition < topic->partitions; partition++) {
        int64_t first = 0;
        rd_kafka_resp_err_t failed =
            rd_kafka_query_watermark_offsets(admin->client, topic->name, partition,
                                             &first, &ends_out[partition], timeout_ms);
        if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
            return error_set_code(error, STATUS_RETRY, rd_kafka_err2name(failed),
                                  "the end of %s, partition %d, can't be asked: %s",
                                  topic->name, (int)partition, rd_kafka_err2str(failed));
    }
    return STATUS_OK;
}
