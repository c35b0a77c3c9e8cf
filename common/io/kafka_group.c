/*
 * Membership of the group: partitions come and go, errors become troubles, and the broker
 * is kept in touch with at our pace.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/kafka_conf.h"
#include "common/io/kafka_in_state.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define METADATA_WAIT_MS 1000
#define LIVELY_MS 5000
#define STAND_BY_MS 5000
#define NUDGE_LIVELY_MS 100
#define NUDGE_MS 300
#define ASK_EVERY_MS 1000 /* whether the broker is back */
#define ASK_WAIT_MS 700   /* longer than a broker keeps a fetch that finds nothing */
#define CLOSE_WAIT_MS 10000
#define CLOSE_STEP_MS 10

/* ---- assignment --------------------------------------------------------------------------- */

static int lightest_lane(const struct kafka_in *in)
{
    int best = 0;
    for (int lane = 1; lane < in->options.lanes; lane++)
        if (in->lanes[lane].load < in->lanes[best].load)
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
            in->lanes[lane].load++;
            in->holding[part->partition] = HOLDING_WANTED;
        }
        int64_t offset = KAFKA_OFFSET_START;
        if (in->options.owner.taken(in->options.owner.self, part->partition, lane,
                                    &offset) != STATUS_OK)
            return false;
        part->offset = offset == KAFKA_OFFSET_START ? RD_KAFKA_OFFSET_BEGINNING : offset;
        if (in->resume_at[part->partition] - 1 > offset)
            part->offset = in->resume_at[part->partition] - 1;
        in->resume_at[part->partition] = 0;
        kafka_place_begin(in, part->partition, part->offset);
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
            rd_kafka_queue_get_partition(in->consumer, in->options.topic, partition);
        ASSERT(queue != NULL);
        rd_kafka_queue_forward(queue, in->lanes[in->lane_of[partition]].queue);
        rd_kafka_queue_destroy(queue);
    }
}

bool kafka_group_is_cooperative(const struct kafka_in *in)
{
    const char *protocol = rd_kafka_rebalance_protocol(in->consumer);
    return protocol != NULL && strcmp(protocol, "COOPERATIVE") == 0;
}

/* What is assigned is not what we believe: only a session anew makes the two one again. */
void kafka_group_fail_on(struct kafka_in *in, enum status status,
                         const struct error *error)
{
    if (status == STATUS_OK)
        return;
    in->is_unsound = true;
    in->trouble = *error;
}

void kafka_group_assign_wanted(struct kafka_in *in)
{
    if (in->wanted == NULL || !ask_owner(in))
        return;
    struct error error = {0};
    enum status status;
    forward_to_lanes(in);
    if (kafka_group_is_cooperative(in))
        status = kafka_error_take(rd_kafka_incremental_assign(in->consumer, in->wanted),
                                  "assign", &error);
    else
        status =
            kafka_status(rd_kafka_assign(in->consumer, in->wanted), "assign", &error);
    rd_kafka_topic_partition_list_destroy(TAKE(in->wanted));
    kafka_group_fail_on(in, status, &error);
}

static void drop_partition(struct kafka_in *in, int32_t partition)
{
    enum holding holding = in->holding[partition];
    if (holding == HOLDING_NONE)
        return;
    int lane = in->lane_of[partition];
    if (holding == HOLDING_TAKEN)
        in->options.owner.dropped(in->options.owner.self, partition, lane);
    in->lanes[lane].load--;
    in->holding[partition] = HOLDING_NONE;
    in->gap_count -= in->has_gap[partition];
    in->has_gap[partition] = 0;
    in->begin_at[partition] = 0;
    atomic_store(&in->lost_at[partition], 0);
    kafka_place_end(in, partition);
}

void kafka_group_drop_all(struct kafka_in *in)
{
    if (in->wanted != NULL)
        rd_kafka_topic_partition_list_destroy(TAKE(in->wanted));
    for (int32_t partition = 0; partition < KAFKA_PARTITIONS_MAX; partition++)
        drop_partition(in, partition);
}

/*
 * A partition that is to be assigned anew (begin_at) is in nobody's hand for a second. The
 * library refuses a whole list for one partition that it does not have assigned, and would
 * then wait for ever, and the group with it, for the others to be given back.
 */
enum status kafka_group_unassign(struct kafka_in *in,
                                 rd_kafka_topic_partition_list_t *list,
                                 struct error *error)
{
    rd_kafka_topic_partition_list_t *assigned = NULL;
    rd_kafka_resp_err_t code = rd_kafka_assignment(in->consumer, &assigned);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_status(code, "unassign", error);
    for (int at = list->cnt - 1; at >= 0; at--)
        if (rd_kafka_topic_partition_list_find(assigned, list->elems[at].topic,
                                               list->elems[at].partition) == NULL)
            (void)rd_kafka_topic_partition_list_del_by_idx(list, at);
    rd_kafka_topic_partition_list_destroy(assigned);
    return kafka_error_take(rd_kafka_incremental_unassign(in->consumer, list), "unassign",
                            error);
}

static void handle_revoke(struct kafka_in *in, rd_kafka_topic_partition_list_t *list)
{
    struct error error = {0};
    if (in->wanted != NULL)
        rd_kafka_topic_partition_list_destroy(TAKE(in->wanted));
    for (int at = 0; at < list->cnt; at++)
        drop_partition(in, list->elems[at].partition);
    enum status status =
        kafka_group_is_cooperative(in)
            ? kafka_group_unassign(in, list, &error)
            : kafka_status(rd_kafka_assign(in->consumer, NULL), "unassign", &error);
    kafka_group_fail_on(in, status, &error);
}

static void handle_rebalance(struct kafka_in *in, rd_kafka_event_t *event)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
    in->lively_until_ms = kafka_now_ms() + LIVELY_MS;
    in->is_joined = true;
    if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        for (int at = 0; at < list->cnt; at++)
            ASSERT(list->elems[at].partition < KAFKA_PARTITIONS_MAX);
        if (in->wanted != NULL)
            rd_kafka_topic_partition_list_destroy(TAKE(in->wanted));
        in->wanted = rd_kafka_topic_partition_list_copy(list);
        kafka_in_refresh(in, METADATA_WAIT_MS);
        kafka_group_assign_wanted(in);
        return;
    }
    handle_revoke(in, list);
}

/* ---- in touch with the broker ------------------------------------------------------------- */

/*
 * Members learn of a change of the group in the answer to a heartbeat. The consumer
 * protocol leaves its interval to the broker (5 s by default), for which a partition could
 * stand still; subscribing again to the same sends one at once. In the classic protocol the
 * interval is ours, but the library's thread may sleep past it; any question wakes it.
 */
static void nudge(struct kafka_in *in, int64_t now_ms)
{
    int64_t every_ms = now_ms < in->lively_until_ms ? NUDGE_LIVELY_MS : NUDGE_MS;
    if (in->is_away || now_ms - in->nudged_ms < every_ms)
        return;
    in->nudged_ms = now_ms;
    struct error ignored = {0};
    if (in->is_consumer_protocol) {
        (void)kafka_session_subscribe(in, &ignored);
        return;
    }
    rd_kafka_topic_partition_list_t *topics = NULL;
    if (rd_kafka_subscription(in->consumer, &topics) == RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_topic_partition_list_destroy(topics);
}

/* The library says when all brokers are gone, not when one is back. */
static void ask_whether_back(struct kafka_in *in, int64_t now_ms)
{
    bool is_known = atomic_load(&in->partition_count) > 0;
    if ((is_known && !in->is_away) || now_ms - in->asked_ms < ASK_EVERY_MS)
        return;
    in->asked_ms = now_ms;
    kafka_in_refresh(in, ASK_WAIT_MS);
}

/* In the consumer protocol the library says nothing of an assignment of no partitions; what
 * keeps a member out (a name that is taken, a right that is missing) ends the session. */
static bool stands_by(const struct kafka_in *in)
{
    return in->is_consumer_protocol && kafka_now_ms() - in->opened_ms > STAND_BY_MS;
}

enum status kafka_in_health(const struct kafka_in *in, struct error *error)
{
    if (in->consumer == NULL) {
        *error = in->trouble;
        return STATUS_RETRY;
    }
    if (in->is_away || atomic_load(&in->partition_count) == 0)
        return error_set(error, STATUS_RETRY, "%s",
                         in->why_away[0] != '\0' ? in->why_away
                                                 : "the broker has not answered");
    if (!in->is_joined && !stands_by(in))
        return error_set(error, STATUS_RETRY, "the group has not let this worker in yet");
    return STATUS_OK;
}

/* ---- polling ------------------------------------------------------------------------------ */

static void handle_error(struct kafka_in *in, rd_kafka_event_t *event)
{
    struct error error = {0};
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    if (rd_kafka_event_error_is_fatal(event) != 0) {
        in->is_given_up = true;
        return;
    }
    (void)kafka_status(code, rd_kafka_event_error_string(event), &error);
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        in->is_away = true;
        (void)snprintf(in->why_away, sizeof(in->why_away), "%s", error.text);
    }
    in->options.owner.trouble(in->options.owner.self, &error);
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

static void serve_for(struct kafka_in *in, int timeout_ms)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(in->events, timeout_ms);
    if (event != NULL) {
        serve(in, event);
        rd_kafka_event_destroy(event);
    }
    if (in->is_given_up || in->is_unsound) {
        kafka_session_fail(in);
        return;
    }
    if (in->wanted != NULL)
        kafka_group_assign_wanted(in);
    int64_t now_ms = kafka_now_ms();
    ask_whether_back(in, now_ms);
    kafka_place_look(in, now_ms);
    nudge(in, now_ms);
}

static enum status open_again(struct kafka_in *in, int timeout_ms, struct error *error)
{
    if (kafka_now_ms() >= in->reopen_ms)
        return kafka_session_open(in, error);
    (void)poll(NULL, 0, timeout_ms);
    return STATUS_OK;
}

enum status kafka_in_poll(struct kafka_in *in, int timeout_ms, struct error *error)
{
    enum status status = STATUS_OK;
    if (in->consumer != NULL)
        serve_for(in, timeout_ms);
    else
        status = open_again(in, timeout_ms, error);
    if (in->fatal.status == STATUS_OK)
        return status;
    *error = in->fatal;
    return STATUS_FATAL;
}

/* ---- leaving ------------------------------------------------------------------------------ */

void kafka_group_leave(struct kafka_in *in)
{
    rd_kafka_error_t *failure = rd_kafka_consumer_close_queue(in->consumer, in->events);
    if (failure != NULL) { /* given up by the library: there is nothing to leave */
        rd_kafka_error_destroy(failure);
        kafka_group_drop_all(in);
        return;
    }
    int64_t end_ms = kafka_now_ms() + CLOSE_WAIT_MS;
    while (!rd_kafka_consumer_closed(in->consumer) && kafka_now_ms() < end_ms) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(in->events, CLOSE_STEP_MS);
        if (event == NULL)
            continue;
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
            serve(in, event);
        rd_kafka_event_destroy(event);
    }
    kafka_group_drop_all(in);
}
