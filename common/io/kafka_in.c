#include "common/io/kafka_in.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/kafka_conf.h"
#include "common/io/kafka_in_state.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SEEK_WAIT_MS 5000

enum status kafka_error_take(rd_kafka_error_t *failure, const char *doing,
                             struct error *error)
{
    if (failure == NULL)
        return STATUS_OK;
    enum status status = kafka_status(rd_kafka_error_code(failure), doing, error);
    rd_kafka_error_destroy(failure);
    return status;
}

/* ---- opening and closing ------------------------------------------------------------------ */

enum status kafka_in_open(const struct kafka_in_options *options, struct kafka_in **out,
                          struct error *error)
{
    ASSERT(options->lanes > 0 && options->lanes <= KAFKA_LANES_MAX);
    SCOPED(kafka_in_close) struct kafka_in *in = calloc(1, sizeof(*in));
    if (in == NULL)
        return error_set(error, STATUS_RETRY, "kafka: out of memory");
    in->options = *options;
    for (int lane = 0; lane < options->lanes; lane++) {
        (void)pthread_mutex_init(&in->lanes[lane].lock, NULL);
        in->lanes[lane].pipe[0] = in->lanes[lane].pipe[1] = -1;
    }
    enum status status = kafka_session_open(in, error);
    if (status == STATUS_OK)
        *out = TAKE(in);
    return status;
}

static void close_pipe(const int *ends)
{
    for (int end = 0; end < 2; end++)
        if (ends[end] >= 0)
            (void)close(ends[end]);
}

void kafka_in_leave(struct kafka_in *in)
{
    if (in != NULL && in->consumer != NULL && in->events != NULL)
        kafka_group_leave(in);
}

void kafka_in_close(struct kafka_in **slot)
{
    struct kafka_in *in = TAKE(*slot);
    if (in == NULL)
        return;
    kafka_in_leave(in);
    kafka_session_destroy(in);
    for (int lane = 0; lane < in->options.lanes; lane++)
        close_pipe(in->lanes[lane].pipe);
    free(in);
}

/* ---- lanes -------------------------------------------------------------------------------- */

static bool is_empty(struct kafka_lane *lane)
{
    (void)pthread_mutex_lock(&lane->lock);
    bool empty = lane->queue == NULL || rd_kafka_queue_length(lane->queue) == 0;
    (void)pthread_mutex_unlock(&lane->lock);
    return empty;
}

void kafka_in_wait(struct kafka_in *in, int lane_number, int timeout_ms)
{
    struct kafka_lane *lane = &in->lanes[lane_number];
    struct pollfd readable = {.fd = lane->pipe[0], .events = POLLIN};
    if (is_empty(lane))
        (void)poll(&readable, 1, timeout_ms);
    char drained[64];
    while (read(lane->pipe[0], drained, sizeof(drained)) > 0)
        ;
}

void kafka_in_wake(struct kafka_in *in)
{
    for (int lane = 0; in != NULL && lane < in->options.lanes; lane++) {
        ssize_t written = write(in->lanes[lane].pipe[1], "1", 1);
        (void)written; /* full = readable already */
    }
}

/* The group's thread looks into it: only a question to the broker says how much is gone. */
static void lose_place(struct kafka_in *in, const rd_kafka_message_t *message)
{
    if (message->partition < 0 || message->partition >= KAFKA_PARTITIONS_MAX)
        return;
    atomic_store(&in->lost_at[message->partition], message->offset + 1);
    atomic_store(&in->any_lost, true);
}

static bool is_end(const rd_kafka_message_t *message)
{
    return message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
}

static bool is_record(struct kafka_in *in, rd_kafka_message_t *message)
{
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR || is_end(message))
        return true;
    struct error error = {0};
    char doing[96];
    (void)snprintf(doing, sizeof(doing), "read partition %d", (int)message->partition);
    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
        lose_place(in, message);
    else if (kafka_status(message->err, doing, &error) != STATUS_OK)
        in->options.owner.trouble(in->options.owner.self, &error);
    rd_kafka_message_destroy(message);
    return false;
}

static struct kafka_record end_of(rd_kafka_message_t *message)
{
    const struct kafka_record end = {
        .is_end = true, .partition = message->partition, .offset = message->offset};
    rd_kafka_message_destroy(message);
    return end;
}

static struct kafka_record record_of(rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    int64_t timestamp_ms = rd_kafka_message_timestamp(message, &type);
    if (type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE)
        timestamp_ms = -1;
    return (struct kafka_record){
        .message = message,
        .partition = message->partition,
        .offset = message->offset,
        .timestamp_ms = timestamp_ms,
        .key = {.bytes = message->key, .length = message->key_len},
        .value = {.bytes = message->payload, .length = message->len},
    };
}

static void note_reached(struct kafka_in *in, const rd_kafka_message_t *message)
{
    if (message->partition >= 0 && message->partition < KAFKA_PARTITIONS_MAX)
        atomic_store_explicit(&in->reached[message->partition],
                              message->offset + (is_end(message) ? 0 : 1),
                              memory_order_relaxed);
}

#define TAKE_AT_ONCE 256

size_t kafka_in_take(struct kafka_in *in, int lane_number, struct kafka_record *records,
                     size_t max)
{
    struct kafka_lane *lane = &in->lanes[lane_number];
    rd_kafka_message_t *messages[TAKE_AT_ONCE];
    size_t wanted = max < TAKE_AT_ONCE ? max : TAKE_AT_ONCE;
    ssize_t got = 0;
    size_t count = 0;
    (void)pthread_mutex_lock(&lane->lock);
    kafka_place_asked(lane);
    if (lane->queue != NULL)
        got = rd_kafka_consume_batch_queue(lane->queue, 0, messages, wanted);
    (void)pthread_mutex_unlock(&lane->lock);
    for (ssize_t at = 0; at < got; at++) {
        if (!is_record(in, messages[at]))
            continue;
        note_reached(in, messages[at]);
        records[count++] =
            is_end(messages[at]) ? end_of(messages[at]) : record_of(messages[at]);
    }
    return count;
}

bool kafka_record_header(const struct kafka_record *record, size_t at,
                         struct span *name_out, struct span *value_out)
{
    rd_kafka_headers_t *headers = NULL;
    if (rd_kafka_message_headers(record->message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    const char *name = NULL;
    const void *value = NULL;
    size_t size = 0;
    if (rd_kafka_header_get_all(headers, at, &name, &value, &size) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    *name_out = span_from(name);
    *value_out = (struct span){.bytes = value, .length = value != NULL ? size : 0};
    return true;
}

void kafka_record_release(struct kafka_record *record)
{
    if (record->message != NULL)
        rd_kafka_message_destroy(record->message);
    record->message = NULL;
}

/* ---- offsets and partitions ---------------------------------------------------------------- */

int32_t kafka_in_partitions(struct kafka_in *in)
{
    return atomic_load(&in->partition_count);
}

static void say_why_away(struct kafka_in *in, rd_kafka_resp_err_t code)
{
    struct error error = {0};
    (void)kafka_status(code, in->options.topic, &error);
    (void)snprintf(in->why_away, sizeof(in->why_away), "%s", error.text);
}

void kafka_in_refresh(struct kafka_in *in, int timeout_ms)
{
    const struct rd_kafka_metadata *metadata = NULL;
    if (in->consumer == NULL)
        return;
    if (rd_kafka_metadata(in->consumer, 0, in->topic, &metadata, timeout_ms) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    in->is_away = false;
    if (metadata->topic_cnt == 1)
        say_why_away(in, metadata->topics[0].err);
    if (metadata->topic_cnt == 1 && metadata->topics[0].partition_cnt > 0)
        atomic_store(&in->partition_count, metadata->topics[0].partition_cnt);
    rd_kafka_metadata_destroy(metadata);
}

int64_t kafka_in_end(struct kafka_in *in, int32_t partition)
{
    int64_t low = 0;
    int64_t high = 0;
    if (in->consumer == NULL ||
        rd_kafka_get_watermark_offsets(in->consumer, in->options.topic, partition, &low,
                                       &high) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return -1;
    return high >= 0 ? high : -1;
}

void kafka_in_hint(struct kafka_in *in, int32_t partition, int64_t offset)
{
    if (in->consumer == NULL)
        return;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, in->options.topic, partition)->offset =
        offset;
    (void)rd_kafka_commit(in->consumer, list, 1); /* a hint: its loss costs nothing */
    rd_kafka_topic_partition_list_destroy(list);
}

enum status kafka_in_seek(struct kafka_in *in, int32_t partition, int64_t offset,
                          struct error *error)
{
    if (in->consumer == NULL)
        return error_set(error, STATUS_RETRY, "kafka: no session to seek in");
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, in->options.topic, partition)->offset =
        offset == KAFKA_OFFSET_START ? RD_KAFKA_OFFSET_BEGINNING : offset;
    enum status status = kafka_error_take(
        rd_kafka_seek_partitions(in->consumer, list, SEEK_WAIT_MS), "seek", error);
    if (status == STATUS_OK) /* the call may be well, and the one partition not */
        status = kafka_status(list->elems[0].err, "seek", error);
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}
