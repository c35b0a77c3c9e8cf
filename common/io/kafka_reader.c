#include "common/io/kafka_conf.h"

#include "common/base/check.h"
#include "common/base/scope.h"

#include <string.h>

#define READER_GROUP "parstock-reader" /* named, never joined: partitions are assigned */

void kafka_list_release(rd_kafka_topic_partition_list_t **slot)
{
    if (*slot != NULL)
        rd_kafka_topic_partition_list_destroy(TAKE(*slot));
}

void kafka_metadata_release(const struct rd_kafka_metadata **slot)
{
    if (*slot != NULL)
        rd_kafka_metadata_destroy(TAKE(*slot));
}

void kafka_reader_close(rd_kafka_t **slot)
{
    rd_kafka_t *client = TAKE(*slot);
    if (client == NULL)
        return;
    (void)rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
}

enum status kafka_reader_open(const struct kafka_options *options, rd_kafka_t **out,
                              struct error *error)
{
    rd_kafka_conf_t *conf = NULL;
    enum status status = kafka_conf_new(options, KAFKA_CONSUMER, &conf, error);
    if (status != STATUS_OK)
        return status;
    status = kafka_conf_set(conf, "group.id", READER_GROUP, error);
    if (status == STATUS_OK)
        status = kafka_conf_set(conf, "enable.partition.eof", "true", error);
    if (status != STATUS_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    status = kafka_client_new(KAFKA_CONSUMER, conf, out, error);
    if (status == STATUS_OK)
        (void)rd_kafka_poll_set_consumer(*out);
    return status;
}

/* All topics: asking for one by name would create it on a broker that allows that. */
enum status kafka_reader_partitions(rd_kafka_t *client, const char *topic, int timeout_ms,
                                    int32_t *count_out, struct error *error)
{
    SCOPED(kafka_metadata_release) const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(client, 1, NULL, &metadata, timeout_ms);
    *count_out = 0;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_status(code, "list topics", error);
    for (int at = 0; at < metadata->topic_cnt; at++)
        if (strcmp(metadata->topics[at].topic, topic) == 0)
            *count_out = metadata->topics[at].partition_cnt;
    return STATUS_OK;
}
