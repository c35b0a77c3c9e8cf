#include "common/io/kafka_in.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/kafka_conf.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PARTITIONS_MAX 4096
#define CLOSE_WAIT_MS 10000
#define METADATA_WAIT_MS 5000

enum holding {
    HOLDING_NONE = 0,
    HOLDING_WANTED, /* assigned by the group, the owner has not said yet where to begin */
    HOLDING_TAKEN,
};

struct kafka_in {
    rd_kafka_t *consumer;
    rd_kafka_queue_t *events;
    rd_kafka_topic_t *topic;
    char *topic_name;
    struct kafka_in_owner owner;
    int lanes;
    rd_kafka_queue_t *lane_queues[KAFKA_LANES_MAX];
    int lane_pipes[KAFKA_LANES_MAX][2]; /* readable when the lane's queue got something */
    int lane_load[KAFKA_LANES_MAX];     /* partitions a lane holds */
    unsigned char holding[PARTITIONS_MAX];
    unsigned char lane_of[PARTITIONS_MAX];
    rd_kafka_topic_partition_list_t *wanted; /* an assignment waiting for the owner */
    atomic_int partition_count;
    struct error fatal;
};

/* ---- opening ------------------------------------------------------------------------------ */

static enum status lane_open(struct kafka_in *in, int lane, struct error *error)
{
    in->lane_queues[lane] = rd_kafka_queue_new(in->consumer);
    if (pipe2(in->lane_pipes[lane], O_NONBLOCK | O_CLOEXEC) != 0)
        return error_set(error, STATUS_RETRY, "kafka: no pipe for lane %d", lane);
    rd_kafka_queue_io_event_enable(in->lane_queues[lane], in->lane_pipes[lane][1], "1",
                                   1);
    return STATUS_OK;
}

static enum status subscribe(struct kafka_in *in, struct error *error)
{
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, in->topic_name, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(in->consumer, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    return kafka_status(code, "subscribe", error);
}

/* The classic protocol hands partitions over one by one, as the new one does by itself. */
static enum status group_settings(rd_kafka_conf_t *conf,
                                  const struct kafka_in_options *options,
                                  struct error *error)
{
    char protocol[32] = "";
    size_t size = sizeof(protocol);
    (void)rd_kafka_conf_get(conf, "group.protocol", protocol, &size);
    enum status status = kafka_conf_set(conf, "group.id", options->group, error);
    if (status == STATUS_OK && strcmp(protocol, "consumer") != 0)
        status = kafka_conf_set(conf, "partition.assignment.strategy",
                                "cooperative-sticky", error);
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR |
                                       RD_KAFKA_EVENT_OFFSET_COMMIT);
    return status;
}

static enum status consumer_open(struct kafka_in *in,
                                 const struct kafka_in_options *options,
                                 struct error *error)
{
    rd_kafka_conf_t *conf = NULL;
    enum status status = kafka_conf_new(&options->kafka, KAFKA_CONSUMER, &conf, error);
    if (status != STATUS_OK)
        return status;
    status = group_settings(conf, options, error);
    if (status != STATUS_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    return kafka_client_new(KAFKA_CONSUMER, conf, &in->consumer, error);
}

static enum status queues_open(struct kafka_in *in, struct error *error)
{
    (void)rd_kafka_poll_set_consumer(in->consumer);
    in->events = rd_kafka_queue_get_consumer(in->consumer);
    in->topic = rd_kafka_topic_new(in->consumer, in->topic_name, NULL);
    enum status status = STATUS_OK;
    for (int lane = 0; lane < in->lanes && status == STATUS_OK; lane++)
        status = lane_open(in, lane, error);
    return status;
}

enum status kafka_in_open(const struct kafka_in_options *options, struct kafka_in **out,
                          struct error *error)
{
    ASSERT(options->lanes > 0 && options->lanes <= KAFKA_LANES_MAX);
    SCOPED(kafka_in_close) struct kafka_in *in = calloc(1, sizeof(*in));
    if (in == NULL)
        return error_set(error, STATUS_RETRY, "kafka: out of memory");
    in->owner = options->owner;
    in->lanes = options->lanes;
    for (int lane = 0; lane < KAFKA_LANES_MAX; lane++)
        in->lane_pipes[lane][0] = in->lane_pipes[lane][1] = -1;
    in->topic_name = strdup(options->topic);
    if (in->topic_name == NULL)
        return error_set(error, STATUS_RETRY, "kafka: out of memory");
    enum status status = consumer_open(in, options, error);
    if (status == STATUS_OK)
        status = queues_open(in, error);
    if (status == STATUS_OK)
        status = subscribe(in, error);
    if (status == STATUS_OK)
        *out = TAKE(in);
    return status;
}

/* ---- assignment --------------------------------------------------------------------------- */

static int lightest_lane(const struct kafka_in *in)
{
    int best = 0;
    for (int lane = 1; lane < in->lanes; lane++)
        if (in->lane_load[lane] < in->lane_load[best])
            best = lane;
    return best;
}

/* Asks the owner of each wanted partition where to begin; false = ask again later. */
static bool ask_owner(struct kafka_in *in)
{
    for (int at = 0; at < in->wanted->cnt; at++) {
        rd_kafka_topic_partition_t *part = &in->wanted->elems[at];
        if (in->holding[part->partition] == HOLDING_TAKEN)
            continue;
        int lane = in->lane_of[part->partition];
        if (in->holding[part->partition] == HOLDING_NONE) {
            lane = lightest_lane(in);
            in->lane_of[part->partition] = (unsigned char)lane;
            in->lane_load[lane]++;
            in->holding[part->partition] = HOLDING_WANTED;
        }
        int64_t offset = KAFKA_OFFSET_START;
        if (in->owner.taken(in->owner.self, part->partition, lane, &offset) != STATUS_OK)
            return false;
        part->offset = offset == KAFKA_OFFSET_START ? RD_KAFKA_OFFSET_BEGINNING : offset;
        in->holding[part->partition] = HOLDING_TAKEN;
    }
    return true;
}

/* Before the assignment, so that no record reaches the queue of the group's events. */
static void forward_to_lanes(struct kafka_in *in)
{
    for (int at = 0; at < in->wanted->cnt; at++) {
        int32_t partition = in->wanted->elems[at].partition;
        rd_kafka_queue_t *queue =
            rd_kafka_queue_get_partition(in->consumer, in->topic_name, partition);
        ASSERT(queue != NULL);
        rd_kafka_queue_forward(queue, in->lane_queues[in->lane_of[partition]]);
        rd_kafka_queue_destroy(queue);
    }
}

static bool is_cooperative(const struct kafka_in *in)
{
    const char *protocol = rd_kafka_rebalance_protocol(in->consumer);
    return protocol != NULL && strcmp(protocol, "COOPERATIVE") == 0;
}

static void report(const struct kafka_in *in, enum status status,
                   const struct error *error)
{
    if (status != STATUS_OK && in->owner.trouble != NULL)
        in->owner.trouble(in->owner.self, error);
}

static enum status kafka_error_take(rd_kafka_error_t *failure, const char *doing,
                                    struct error *error)
{
    if (failure == NULL)
        return STATUS_OK;
    enum status status = kafka_status(rd_kafka_error_code(failure), doing, error);
    rd_kafka_error_destroy(failure);
    return status;
}

static void assign_wanted(struct kafka_in *in)
{
    if (in->wanted == NULL || !ask_owner(in))
        return;
    struct error error = {0};
    enum status status;
    forward_to_lanes(in);
    if (is_cooperative(in))
        status = kafka_error_take(rd_kafka_incremental_assign(in->consumer, in->wanted),
                                  "assign", &error);
    else
        status =
            kafka_status(rd_kafka_assign(in->consumer, in->wanted), "assign", &error);
    report(in, status, &error);
    rd_kafka_topic_partition_list_destroy(TAKE(in->wanted));
}

static void drop_partition(struct kafka_in *in, int32_t partition)
{
    enum holding holding = in->holding[partition];
    if (holding == HOLDING_NONE)
        return;
    int lane = in->lane_of[partition];
    if (holding == HOLDING_TAKEN)
        in->owner.dropped(in->owner.self, partition, lane);
    in->lane_load[lane]--;
    in->holding[partition] = HOLDING_NONE;
}

static void handle_revoke(struct kafka_in *in, rd_kafka_topic_partition_list_t *list)
{
    struct error error = {0};
    enum status status;
    if (in->wanted != NULL)
        rd_kafka_topic_partition_list_destroy(TAKE(in->wanted));
    for (int at = 0; at < list->cnt; at++)
        drop_partition(in, list->elems[at].partition);
    if (is_cooperative(in))
        status = kafka_error_take(rd_kafka_incremental_unassign(in->consumer, list),
                                  "unassign", &error);
    else
        status = kafka_status(rd_kafka_assign(in->consumer, NULL), "unassign", &error);
    report(in, status, &error);
}

static void handle_rebalance(struct kafka_in *in, rd_kafka_event_t *event)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
    if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        for (int at = 0; at < list->cnt; at++)
            ASSERT(list->elems[at].partition < PARTITIONS_MAX);
        if (in->wanted != NULL)
            rd_kafka_topic_partition_list_destroy(TAKE(in->wanted));
        in->wanted = rd_kafka_topic_partition_list_copy(list);
        kafka_in_refresh(in, METADATA_WAIT_MS);
        assign_wanted(in);
        return;
    }
    handle_revoke(in, list);
}

/* ---- polling ------------------------------------------------------------------------------ */

static void handle_error(struct kafka_in *in, rd_kafka_event_t *event)
{
    struct error error = {0};
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    enum status status = kafka_status(code, rd_kafka_event_error_string(event), &error);
    if (rd_kafka_event_error_is_fatal(event) != 0) {
        in->fatal = error;
        in->fatal.status = STATUS_FATAL;
        in->fatal.exit_code = EXIT_INTERNAL;
        return;
    }
    report(in, status, &error);
}

static void serve(struct kafka_in *in, rd_kafka_event_t *event)
{
    switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_REBALANCE:
        handle_rebalance(in, event);
        break;
    case RD_KAFKA_EVENT_ERROR:
        handle_error(in, event);
        break;
    case RD_KAFKA_EVENT_FETCH:
        UNREACHABLE("partitions are forwarded to lanes before they are assigned");
    default:
        break; /* results of offset hints */
    }
}

enum status kafka_in_poll(struct kafka_in *in, int timeout_ms, struct error *error)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(in->events, timeout_ms);
    if (event != NULL) {
        serve(in, event);
        rd_kafka_event_destroy(event);
    }
    if (in->wanted != NULL)
        assign_wanted(in);
    if (in->fatal.status == STATUS_OK)
        return STATUS_OK;
    *error = in->fatal;
    return STATUS_FATAL;
}

/* ---- closing ------------------------------------------------------------------------------ */

static void leave_group(struct kafka_in *in)
{
    if (in->events == NULL)
        return;
    (void)rd_kafka_error_destroy(rd_kafka_consumer_close_queue(in->consumer, in->events));
    for (int waited = 0;
         waited < CLOSE_WAIT_MS && !rd_kafka_consumer_closed(in->consumer);
         waited += 50) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(in->events, 50);
        if (event == NULL)
            continue;
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
            serve(in, event);
        rd_kafka_event_destroy(event);
    }
}

void kafka_in_close(struct kafka_in **slot)
{
    struct kafka_in *in = TAKE(*slot);
    if (in == NULL)
        return;
    if (in->consumer != NULL) {
        leave_group(in);
        if (in->wanted != NULL)
            rd_kafka_topic_partition_list_destroy(TAKE(in->wanted));
        for (int lane = 0; lane < in->lanes; lane++)
            if (in->lane_queues[lane] != NULL)
                rd_kafka_queue_destroy(in->lane_queues[lane]);
        if (in->events != NULL)
            rd_kafka_queue_destroy(in->events);
        if (in->topic != NULL)
            rd_kafka_topic_destroy(in->topic);
        rd_kafka_destroy(in->consumer);
    }
    for (int lane = 0; lane < KAFKA_LANES_MAX; lane++) {
        if (in->lane_pipes[lane][0] >= 0)
            (void)close(in->lane_pipes[lane][0]);
        if (in->lane_pipes[lane][1] >= 0)
            (void)close(in->lane_pipes[lane][1]);
    }
    free(in->topic_name);
    free(in);
}

/* ---- lanes -------------------------------------------------------------------------------- */

void kafka_in_wait(struct kafka_in *in, int lane, int timeout_ms)
{
    struct pollfd readable = {.fd = in->lane_pipes[lane][0], .events = POLLIN};
    if (rd_kafka_queue_length(in->lane_queues[lane]) == 0)
        (void)poll(&readable, 1, timeout_ms);
    char drained[64];
    while (read(in->lane_pipes[lane][0], drained, sizeof(drained)) > 0)
        ;
}

static bool is_record(struct kafka_in *in, rd_kafka_message_t *message)
{
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    if (message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        struct error error = {0};
        char doing[96];
        (void)snprintf(doing, sizeof(doing), "read partition %d",
                       (int)message->partition);
        report(in, kafka_status(message->err, doing, &error), &error);
    }
    rd_kafka_message_destroy(message);
    return false;
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

#define TAKE_AT_ONCE 256

size_t kafka_in_take(struct kafka_in *in, int lane, struct kafka_record *records,
                     size_t max)
{
    rd_kafka_message_t *messages[TAKE_AT_ONCE];
    size_t wanted = max < TAKE_AT_ONCE ? max : TAKE_AT_ONCE;
    ssize_t got =
        rd_kafka_consume_batch_queue(in->lane_queues[lane], 0, messages, wanted);
    size_t count = 0;
    for (ssize_t at = 0; at < got; at++)
        if (is_record(in, messages[at]))
            records[count++] = record_of(messages[at]);
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

void kafka_in_refresh(struct kafka_in *in, int timeout_ms)
{
    const struct rd_kafka_metadata *metadata = NULL;
    if (rd_kafka_metadata(in->consumer, 0, in->topic, &metadata, timeout_ms) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    if (metadata->topic_cnt == 1 && metadata->topics[0].partition_cnt > 0)
        atomic_store(&in->partition_count, metadata->topics[0].partition_cnt);
    rd_kafka_metadata_destroy(metadata);
}

void kafka_in_hint(struct kafka_in *in, int32_t partition, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, in->topic_name, partition)->offset = offset;
    (void)rd_kafka_commit(in->consumer, list, 1); /* a hint: its loss costs nothing */
    rd_kafka_topic_partition_list_destroy(list);
}

enum status kafka_in_seek(struct kafka_in *in, int32_t partition, int64_t offset,
                          struct error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, in->topic_name, partition)->offset =
        offset == KAFKA_OFFSET_START ? RD_KAFKA_OFFSET_BEGINNING : offset;
    enum status status = kafka_error_take(
        rd_kafka_seek_partitions(in->consumer, list, METADATA_WAIT_MS), "seek", error);
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}
