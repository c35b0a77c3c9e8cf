#include "common/io/kafka_tail.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/headers.h"
#include "common/io/kafka_conf.h"

#include <stdlib.h>
#include <time.h>

#define POLL_MS 100

/* Until when; and what is left of it for one call. */
struct deadline {
    int64_t end_ms;
};

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int left_ms(const struct deadline *deadline)
{
    int64_t left = deadline->end_ms - now_ms();
    return left > 0 ? (int)left : 0;
}

static enum status count_partitions(const struct kafka_tail *tail, rd_kafka_t *client,
                                    const struct deadline *deadline, int32_t *count_out,
                                    struct error *error)
{
    enum status status =
        kafka_reader_partitions(client, tail->topic, left_ms(deadline), count_out, error);
    if (*count_out > KAFKA_TAIL_PARTITIONS_MAX)
        *count_out = KAFKA_TAIL_PARTITIONS_MAX;
    return status;
}

struct range {
    int64_t first;
    int64_t end;
};

/* Asked again while there is time: a leader may be about to be chosen. */
static enum status ask_range(const struct kafka_tail *tail, rd_kafka_t *client,
                             int32_t partition, const struct deadline *deadline,
                             struct range *range_out)
{
    struct error passing = {0};
    for (;;) {
        rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
            client, tail->topic, partition, &range_out->first, &range_out->end,
            left_ms(deadline));
        enum status status = kafka_status(code, "ask for offsets", &passing);
        if (status != STATUS_RETRY || left_ms(deadline) == 0)
            return status;
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, POLL_MS);
        if (message != NULL)
            rd_kafka_message_destroy(message);
    }
}

/* What is read of each partition, by its number. */
struct marks {
    int64_t end[KAFKA_TAIL_PARTITIONS_MAX]; /* not from here on */
    bool is_done[KAFKA_TAIL_PARTITIONS_MAX];
};

/* The part of the partition that is wanted; empty: first == end. */
static struct range wanted_of(const struct kafka_tail *tail, int32_t partition,
                              const struct range *held)
{
    struct range wanted = {0};
    if (tail->range_count == 0) {
        wanted = *held;
        if (held->end - held->first > tail->records)
            wanted.first = held->end - tail->records;
        return wanted;
    }
    for (size_t at = 0; at < tail->range_count; at++) {
        const struct kafka_range *range = &tail->ranges[at];
        if (range->partition != partition)
            continue;
        wanted.first = range->first > held->first ? range->first : held->first;
        wanted.end = range->end < held->end ? range->end : held->end;
    }
    return wanted;
}

static bool is_asked(const struct kafka_tail *tail, int32_t partition)
{
    for (size_t at = 0; at < tail->range_count; at++)
        if (tail->ranges[at].partition == partition)
            return true;
    return tail->range_count == 0;
}

/* Partitions that hold something that is wanted, each from where that begins. */
static enum status place(const struct kafka_tail *tail, rd_kafka_t *client,
                         const struct deadline *deadline,
                         rd_kafka_topic_partition_list_t *list, struct marks *marks)
{
    struct error ignored = {0};
    int32_t count = 0;
    enum status status = count_partitions(tail, client, deadline, &count, &ignored);
    for (int32_t partition = 0; partition < count && status == STATUS_OK; partition++) {
        struct range held = {0};
        if (!is_asked(tail, partition))
            continue;
        status = ask_range(tail, client, partition, deadline, &held);
        if (status != STATUS_OK)
            break;
        const struct range wanted = wanted_of(tail, partition, &held);
        if (wanted.end <= wanted.first)
            continue;
        marks->end[partition] = wanted.end;
        rd_kafka_topic_partition_list_add(list, tail->topic, partition)->offset =
            wanted.first;
    }
    return status;
}

void kafka_tail_headers(const struct kafka_tail_record *record, struct buf *out)
{
    rd_kafka_headers_t *headers = NULL;
    const char *name = NULL;
    const void *value = NULL;
    size_t size = 0;
    if (rd_kafka_message_headers(record->message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    for (size_t at = 0; rd_kafka_header_get_all(headers, at, &name, &value, &size) ==
                        RD_KAFKA_RESP_ERR_NO_ERROR;
         at++)
        headers_add(out, span_from(name),
                    (struct span){.bytes = value, .length = value != NULL ? size : 0});
}

static void visit(const struct kafka_tail *tail, int32_t partitions,
                  rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type;
    const struct kafka_tail_record record = {
        .message = message,
        .partition = message->partition,
        .partitions = partitions,
        .offset = message->offset,
        .timestamp_ms = rd_kafka_message_timestamp(message, &type),
        .key = {message->key, message->key_len},
        .value = {message->payload, message->len}};
    tail->each(tail->self, &record);
}

/* A record, the end of a partition, or a trouble that passes. True: that partition is read
 * to where it was wanted, and was not before. */
static bool take(const struct kafka_tail *tail, struct marks *marks, int32_t partitions,
                 rd_kafka_message_t *message)
{
    bool is_end = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && !is_end)
        return false;
    size_t at = (size_t)message->partition;
    ASSERT(at < KAFKA_TAIL_PARTITIONS_MAX); /* only what was assigned comes */
    if (marks->is_done[at])
        return false;
    if (!is_end && message->offset < marks->end[at])
        visit(tail, partitions, message);
    marks->is_done[at] = is_end || message->offset + 1 >= marks->end[at];
    return marks->is_done[at];
}

static bool read_all(const struct kafka_tail *tail, rd_kafka_t *client, int holding,
                     struct marks *marks, const struct deadline *deadline)
{
    int ended = 0;
    int32_t partitions = 0;
    struct error ignored = {0};
    if (count_partitions(tail, client, deadline, &partitions, &ignored) != STATUS_OK)
        return false;
    while (ended < holding && left_ms(deadline) > 0) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, POLL_MS);
        if (message == NULL)
            continue;
        ended += take(tail, marks, partitions, message) ? 1 : 0;
        rd_kafka_message_destroy(message);
    }
    return ended == holding;
}

static enum status read_marked(const struct kafka_tail *tail, struct marks *marks,
                               bool *whole_out, struct error *error)
{
    SCOPED(kafka_reader_close) rd_kafka_t *client = NULL;
    SCOPED(kafka_list_release) rd_kafka_topic_partition_list_t *list = NULL;
    const struct deadline deadline = {now_ms() + tail->timeout_ms};
    enum status status = kafka_reader_open(&tail->kafka, &client, error);
    if (status != STATUS_OK)
        return status;
    list = rd_kafka_topic_partition_list_new(16);
    status = place(tail, client, &deadline, list, marks);
    if (status != STATUS_OK)
        return error_set(
            error, status,
            "the offsets of %s are not known: no broker of %s answers in time",
            tail->topic, tail->kafka.brokers);
    if (list->cnt > 0)
        status = kafka_status(rd_kafka_assign(client, list), "read the topic", error);
    if (status == STATUS_OK)
        *whole_out = read_all(tail, client, list->cnt, marks, &deadline);
    return status;
}

enum status kafka_tail_read(const struct kafka_tail *tail, bool *whole_out,
                            struct error *error)
{
    struct marks *marks = calloc(1, sizeof(*marks));
    *whole_out = false;
    if (marks == NULL)
        return error_set(error, STATUS_RETRY, "kafka: out of memory");
    enum status status = read_marked(tail, marks, whole_out, error);
    free(marks);
    return status;
}
