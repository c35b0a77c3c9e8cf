#include "common/io/kafka_span.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/kafka_conf.h"

#include <stdlib.h>
#include <time.h>

#define ASK_MS 1000 /* one question; asked again while there is time */
#define WAIT_MS 15000

struct kafka_span {
    rd_kafka_t *client;
    const char *topic;
    int32_t partitions;
    int32_t partition; /* being read */
};

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- life ---------------------------------------------------------------------------------- */

void kafka_span_close(struct kafka_span **slot)
{
    struct kafka_span *span = TAKE(*slot);
    if (span == NULL)
        return;
    kafka_reader_close(&span->client);
    free(span);
}

static enum status look_up(struct kafka_span *span, struct error *error)
{
    enum status status = kafka_reader_partitions(span->client, span->topic, ASK_MS,
                                                 &span->partitions, error);
    if (status != STATUS_OK || span->partitions > 0)
        return status;
    (void)error_set(error, STATUS_REJECT, "the brokers have no topic %s", span->topic);
    return error_exit(error, EXIT_CONFIG);
}

enum status kafka_span_open(const struct kafka_options *options, const char *topic,
                            int timeout_ms, struct kafka_span **out, struct error *error)
{
    SCOPED(kafka_span_close) struct kafka_span *span = calloc(1, sizeof(*span));
    int64_t end_ms = now_ms() + timeout_ms;
    if (span == NULL)
        return error_set(error, STATUS_RETRY, "kafka: out of memory");
    span->topic = topic;
    enum status status = kafka_reader_open(options, &span->client, error);
    if (status != STATUS_OK)
        return status;
    do
        status = look_up(span, error);
    while (status == STATUS_RETRY && now_ms() < end_ms);
    if (status == STATUS_OK)
        *out = TAKE(span);
    return status;
}

int32_t kafka_span_partitions(const struct kafka_span *span)
{
    return span->partitions;
}

/* ---- offsets ------------------------------------------------------------------------------- */

enum status kafka_span_bounds(struct kafka_span *span, int32_t partition,
                              struct kafka_bounds *bounds_out, struct error *error)
{
    int64_t end_ms = now_ms() + WAIT_MS;
    enum status status = STATUS_OK;
    do {
        rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
            span->client, span->topic, partition, &bounds_out->first, &bounds_out->end,
            ASK_MS);
        status = kafka_status(code, "ask for the offsets of a partition", error);
    } while (status == STATUS_RETRY && now_ms() < end_ms);
    return status;
}

enum status kafka_span_at_time(struct kafka_span *span, int32_t partition,
                               int64_t time_ms, int64_t *offset_out, struct error *error)
{
    SCOPED(kafka_list_release)
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *place =
        rd_kafka_topic_partition_list_add(list, span->topic, partition);
    int64_t end_ms = now_ms() + WAIT_MS;
    enum status status = STATUS_OK;
    do {
        place->offset = time_ms;
        rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(span->client, list, ASK_MS);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
            code = place->err;
        status = kafka_status(code, "ask for the offset of a time", error);
    } while (status == STATUS_RETRY && now_ms() < end_ms);
    *offset_out = place->offset >= 0 ? place->offset : -1;
    return status;
}

/* ---- records ------------------------------------------------------------------------------- */

enum status kafka_span_read(struct kafka_span *span, int32_t partition, int64_t offset,
                            struct error *error)
{
    SCOPED(kafka_list_release)
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, span->topic, partition)->offset = offset;
    span->partition = partition;
    return kafka_status(rd_kafka_assign(span->client, list), "read a partition", error);
}

static void fill(struct kafka_record *record, rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type;
    *record =
        (struct kafka_record){.message = message,
                              .partition = message->partition,
                              .offset = message->offset,
                              .timestamp_ms = rd_kafka_message_timestamp(message, &type),
                              .key = {message->key, message->key_len},
                              .value = {message->payload, message->len}};
}

/* What the assignment before left in the queue is passed over. */
enum status kafka_span_next(struct kafka_span *span, int timeout_ms,
                            struct kafka_record *record_out, bool *got_out,
                            struct error *error)
{
    *got_out = false;
    rd_kafka_message_t *message = rd_kafka_consumer_poll(span->client, timeout_ms);
    if (message == NULL)
        return STATUS_OK;
    rd_kafka_resp_err_t code = message->err;
    bool is_ours = message->partition == span->partition;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && is_ours) {
        fill(record_out, message);
        *got_out = true;
        return STATUS_OK;
    }
    if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF && is_ours) {
        *record_out = (struct kafka_record){
            .is_end = true, .partition = message->partition, .offset = message->offset};
        *got_out = true;
    }
    rd_kafka_message_destroy(message);
    bool is_news =
        code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    return is_news ? STATUS_OK : kafka_status(code, "read the topic", error);
}
