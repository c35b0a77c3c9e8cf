#include "common/io/kafka_mock.h"

#include "common/base/scope.h"
#include "common/io/kafka_conf.h"

#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>

struct kafka_mock {
    rd_kafka_t *client; /* the library's book-keeping hangs on a client */
    rd_kafka_mock_cluster_t *cluster;
    int brokers;
};

static enum status mock_start(struct kafka_mock *mock,
                              const struct kafka_options *options, struct error *error)
{
    rd_kafka_conf_t *conf = NULL;
    struct kafka_options quiet = {.client_id = "dev-broker", .log = options->log};
    enum status status = kafka_conf_new(&quiet, KAFKA_ADMIN, &conf, error);
    if (status == STATUS_OK)
        status = kafka_client_new(KAFKA_ADMIN, conf, &mock->client, error);
    if (status != STATUS_OK)
        return status;
    mock->cluster = rd_kafka_mock_cluster_new(mock->client, mock->brokers);
    if (mock->cluster == NULL)
        return error_set(error, STATUS_RETRY, "the mock cluster could not be started");
    rd_kafka_mock_group_initial_rebalance_delay_ms(mock->cluster, 0);
    return STATUS_OK;
}

void kafka_mock_close(struct kafka_mock **slot)
{
    struct kafka_mock *mock = TAKE(*slot);
    if (mock == NULL)
        return;
    if (mock->cluster != NULL)
        rd_kafka_mock_cluster_destroy(mock->cluster);
    if (mock->client != NULL)
        rd_kafka_destroy(mock->client);
    free(mock);
}

enum status kafka_mock_open(const struct kafka_options *options, int brokers,
                            struct kafka_mock **out, struct error *error)
{
    SCOPED(kafka_mock_close) struct kafka_mock *mock = calloc(1, sizeof(*mock));
    if (mock == NULL)
        return error_set(error, STATUS_RETRY, "no memory");
    mock->brokers = brokers;
    enum status status = mock_start(mock, options, error);
    if (status == STATUS_OK)
        *out = TAKE(mock);
    return status;
}

enum status kafka_mock_topic(struct kafka_mock *mock, const char *name, int partitions,
                             struct error *error)
{
    return kafka_status(
        rd_kafka_mock_topic_create(mock->cluster, name, partitions, mock->brokers),
        "create topic", error);
}

const char *kafka_mock_brokers(const struct kafka_mock *mock)
{
    return rd_kafka_mock_cluster_bootstraps(mock->cluster);
}
