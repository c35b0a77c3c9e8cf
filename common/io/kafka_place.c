/*
 * Partitions that the library reads no further: their place is not in the topic, or it has
 * stopped them and its word of that was lost.
 */
#include "common/base/check.h"
#include "common/io/kafka_conf.h"
#include "common/io/kafka_in_state.h"

#include <stdio.h>

#define ASK_EVERY_MS 1000 /* what a stopped partition holds */
#define LOOK_MS 1000      /* the group waits meanwhile */
#define AWAY_MS 1000      /* a lane that asks for nothing for so long has other worries */
#define TEXT_ANEW                                                                        \
    "Kafka: the place of a partition was not in the topic for a while; joins the group anew"

/* ---- their place is not in the topic -------------------------------------------------------- */

/* What the topic holds of it; false: no answer in time, to be asked again. */
static bool ask_held(struct kafka_in *in, int32_t partition, int64_t *first_out,
                     int64_t *end_out)
{
    return rd_kafka_query_watermark_offsets(in->consumer, in->options.topic, partition,
                                            first_out, end_out, in->ask_wait_ms) ==
           RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void unassign_one(struct kafka_in *in, int32_t partition)
{
    struct error error = {0};
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, in->options.topic, partition);
    enum status status = kafka_group_unassign(in, list, &error);
    rd_kafka_topic_partition_list_destroy(list);
    kafka_group_fail_on(in, status, &error);
}

/*
 * The library has stopped the partition: only an assignment anew sets it going again, and
 * that only after the stop is through, which would undo the forwarding to the lane. With
 * an assignor that knows whole assignments only, the session begins anew.
 */
static void begin_at(struct kafka_in *in, int32_t partition, int64_t offset)
{
    struct error error = {0};
    if (!kafka_group_is_cooperative(in)) {
        in->resume_at[partition] = offset + 1;
        kafka_group_fail_on(in, error_set(&error, STATUS_RETRY, "%s", TEXT_ANEW), &error);
        return;
    }
    unassign_one(in, partition);
    in->begin_at[partition] = offset + 1;
}

static void begin_anew(struct kafka_in *in, int32_t partition)
{
    in->wanted = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(in->wanted, in->options.topic, partition)->offset =
        in->begin_at[partition] - 1;
    in->begin_at[partition] = 0;
    kafka_group_assign_wanted(in);
}

static void ask_for_place(struct kafka_in *in, int32_t partition, int64_t wanted)
{
    struct kafka_gap gap = {.partition = partition, .wanted = wanted};
    if (wanted < 0) /* the library did not say: what was read says it */
        gap.wanted = atomic_load(&in->reached[partition]);
    if (!ask_held(in, partition, &gap.first, &gap.end))
        return;
    atomic_store(&in->lost_at[partition], 0);
    if (gap.wanted < 0) {
        begin_at(in, partition, gap.first);
    } else if (gap.wanted >= gap.first && gap.wanted <= gap.end) {
        begin_at(in, partition, gap.wanted);
    } else if (in->options.owner.gap(in->options.owner.self, &gap)) {
        begin_at(in, partition, gap.first);
    } else {
        in->gaps[partition] = gap;
        in->gap_count += !in->has_gap[partition];
        in->has_gap[partition] = 1;
    }
}

/* One partition a look that has lost its place; true while there may be more. */
static bool look_at(struct kafka_in *in, int32_t partition)
{
    int64_t lost_at = atomic_load(&in->lost_at[partition]);
    if (in->holding[partition] == HOLDING_NONE || in->wanted != NULL)
        return in->wanted != NULL && (lost_at != 0 || in->begin_at[partition] != 0);
    if (in->begin_at[partition] != 0)
        begin_anew(in, partition);
    else if (lost_at != 0)
        ask_for_place(in, partition, lost_at - 1);
    return atomic_load(&in->lost_at[partition]) != 0 || in->begin_at[partition] != 0;
}

static void look_for_lost(struct kafka_in *in, int64_t now_ms)
{
    if (!atomic_load(&in->any_lost) || now_ms - in->looked_ms < ASK_EVERY_MS)
        return;
    in->looked_ms = now_ms;
    atomic_store(&in->any_lost, false);
    for (int32_t tried = 0; tried < KAFKA_PARTITIONS_MAX; tried++) {
        int32_t partition = (in->look_next + tried) % KAFKA_PARTITIONS_MAX;
        if (kafka_now_ms() - now_ms > LOOK_MS) {
            in->look_next = partition;
            atomic_store(&in->any_lost, true); /* the others at the next look */
            return;
        }
        if (look_at(in, partition))
            atomic_store(&in->any_lost, true);
    }
}

int kafka_in_gaps(const struct kafka_in *in, struct kafka_gap *first_out)
{
    for (int32_t partition = 0; in->gap_count > 0 && partition < KAFKA_PARTITIONS_MAX;
         partition++) {
        if (!in->has_gap[partition])
            continue;
        *first_out = in->gaps[partition];
        break;
    }
    return in->gap_count;
}

/* ---- it stands still ------------------------------------------------------------------------- */

void kafka_place_begin(struct kafka_in *in, int32_t partition, int64_t offset)
{
    int64_t reached = offset >= 0 ? offset : -1;
    atomic_store(&in->reached[partition], reached);
    stall_begin(&in->stalls[partition], reached, kafka_now_ms());
}

void kafka_place_end(struct kafka_in *in, int32_t partition)
{
    in->stalls[partition] = (struct stall){0};
}

/* Taken from its owner, and asked for again: the owner says where to begin. */
static void take_anew(struct kafka_in *in, int32_t partition)
{
    struct error error = {0};
    (void)error_set(
        &error, STATUS_RETRY,
        "Kafka: partition %d stands still at %lld though the topic has more; it "
        "is taken anew",
        (int)partition, (long long)in->stalls[partition].reached);
    in->options.owner.trouble(in->options.owner.self, &error);
    if (!kafka_group_is_cooperative(in)) {
        kafka_group_fail_on(in, STATUS_RETRY, &error);
        return;
    }
    unassign_one(in, partition);
    in->options.owner.dropped(in->options.owner.self, partition, in->lane_of[partition]);
    in->holding[partition] = HOLDING_WANTED;
    in->begin_at[partition] = 1; /* any: the owner will say */
    atomic_store(&in->any_lost, true);
}

static void ask_whether_more(struct kafka_in *in, int32_t partition, int64_t now_ms)
{
    struct stall_topic topic = {0};
    if (!ask_held(in, partition, &topic.first, &topic.end))
        return;
    stall_see(&in->stalls[partition], atomic_load(&in->reached[partition]), now_ms);
    if (in->stalls[partition].moved_ms != now_ms &&
        stall_judge(&in->stalls[partition], &topic, now_ms))
        take_anew(in, partition);
}

static struct stall_reader reader_of(struct kafka_in *in, int number)
{
    struct kafka_lane *lane = &in->lanes[number];
    (void)pthread_mutex_lock(&lane->lock);
    const struct stall_reader reader = {
        .since_ms = lane->since_ms,
        .is_empty = lane->queue != NULL && rd_kafka_queue_length(lane->queue) == 0};
    (void)pthread_mutex_unlock(&lane->lock);
    return reader;
}

static bool is_due(struct kafka_in *in, int32_t partition,
                   const struct stall_reader *readers, int64_t now_ms)
{
    if (in->holding[partition] != HOLDING_TAKEN || in->has_gap[partition] ||
        in->begin_at[partition] != 0 || atomic_load(&in->lost_at[partition]) != 0)
        return false;
    stall_see(&in->stalls[partition], atomic_load(&in->reached[partition]), now_ms);
    return stall_is_due(&in->stalls[partition], &readers[in->lane_of[partition]], now_ms);
}

/* The broker has said that there is more, or has not said yet what there is. */
static bool has_more(struct kafka_in *in, int32_t partition)
{
    int64_t end = kafka_in_end(in, partition);
    return end < 0 || end > in->stalls[partition].reached;
}

/* One a look, in turns: those first of which something is expected. */
static int32_t next_due(struct kafka_in *in, int64_t now_ms)
{
    struct stall_reader readers[KAFKA_LANES_MAX];
    int32_t due = -1;
    for (int lane = 0; lane < in->options.lanes; lane++)
        readers[lane] = reader_of(in, lane);
    for (int32_t tried = 0; tried < KAFKA_PARTITIONS_MAX; tried++) {
        int32_t partition = (in->stall_next + tried) % KAFKA_PARTITIONS_MAX;
        if (!is_due(in, partition, readers, now_ms))
            continue;
        if (has_more(in, partition))
            return partition;
        if (due < 0)
            due = partition;
    }
    return due;
}

static void look_for_stalls(struct kafka_in *in, int64_t now_ms)
{
    if (now_ms - in->stalls_ms < ASK_EVERY_MS || in->wanted != NULL || in->is_away)
        return;
    in->stalls_ms = now_ms;
    int32_t partition = next_due(in, now_ms);
    if (partition < 0)
        return;
    in->stall_next = partition + 1;
    ask_whether_more(in, partition, now_ms);
}

void kafka_place_asked(struct kafka_lane *lane)
{
    int64_t now_ms = kafka_now_ms();
    if (now_ms - lane->asked_ms > AWAY_MS)
        lane->since_ms = now_ms;
    lane->asked_ms = now_ms;
}

void kafka_place_look(struct kafka_in *in, int64_t now_ms)
{
    look_for_lost(in, now_ms);
    look_for_stalls(in, now_ms);
}
