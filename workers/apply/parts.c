/*
 * The partitions of a lane: taken and dropped by the group's thread, lost to a fence by the
 * lane's own.
 */
#include "common/base/check.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "workers/apply/apply.h"
#include "workers/apply/outgoing.h"

struct part *lane_part(struct lane *lane, int32_t partition)
{
    for (size_t at = 0; at < lane->part_count; at++)
        if (lane->parts[at].partition == partition)
            return &lane->parts[at];
    return NULL;
}

static void take_part(struct lane *lane, int32_t partition, const struct take *take)
{
    struct part *part = lane_part(lane, partition);
    if (part == NULL) {
        ASSERT(lane->part_count < LANE_PARTS_MAX);
        part = &lane->parts[lane->part_count++];
    } else {
        relay_end(&part->relay);
        known_free(&part->known);
    }
    *part = (struct part){.partition = partition,
                          .epoch = take->epoch,
                          .next_offset = take->next_offset,
                          .until_offset = take->until_offset};
    known_init(&part->known);
    part->outcomes = outcome_metrics_of(partition);
    int64_t expiry_us =
        apply_tells(lane->apply) ? kafka_out_expiry_us(lane->apply->out) : 0;
    relay_begin(&part->relay, partition, take, clock_monotonic_us() + expiry_us);
}

void lane_take_part(struct lane *lane, int32_t partition, const struct take *take)
{
    (void)pthread_mutex_lock(&lane->lock);
    take_part(lane, partition, take);
    (void)pthread_mutex_unlock(&lane->lock);
}

enum status lane_take_back(struct lane *lane, int32_t partition, const struct take *take,
                           struct error *error)
{
    int64_t from = take->next_offset < 0 ? KAFKA_OFFSET_START : take->next_offset;
    (void)pthread_mutex_lock(&lane->lock);
    take_part(lane, partition, take);
    enum status status = kafka_in_seek(lane->apply->in, partition, from, error);
    if (status != STATUS_OK) /* where it reads is not known: tried again */
        lane_lose_part(lane, lane_part(lane, partition));
    (void)pthread_mutex_unlock(&lane->lock);
    return status;
}

static void forget_records(struct lane *lane, int32_t partition)
{
    size_t kept = 0;
    for (size_t at = 0; at < lane->record_count; at++) {
        if (lane->records[at].partition == partition)
            kafka_record_release(&lane->records[at]);
        else
            lane->records[kept++] = lane->records[at];
    }
    lane->record_count = kept;
}

void lane_drop_part(struct lane *lane, int32_t partition)
{
    (void)pthread_mutex_lock(&lane->lock);
    struct part *part = lane_part(lane, partition);
    if (part != NULL) {
        outgoing_tell(lane, true);
        relay_end(&part->relay);
        known_free(&part->known);
        forget_records(lane, partition);
        *part = lane->parts[--lane->part_count];
    }
    (void)pthread_mutex_unlock(&lane->lock);
}

size_t lane_hints(struct lane *lane, struct lane_hint *hints, size_t max)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&lane->lock);
    for (size_t at = 0; at < lane->part_count && count < max; at++)
        if (lane_done_up_to(lane, &lane->parts[at]) >= 0)
            hints[count++] = (struct lane_hint){lane->parts[at].partition,
                                                lane_done_up_to(lane, &lane->parts[at])};
    (void)pthread_mutex_unlock(&lane->lock);
    return count;
}

int32_t lane_lost_part(struct lane *lane, int64_t after_us)
{
    int32_t found = -1;
    int64_t now_us = clock_monotonic_us();
    (void)pthread_mutex_lock(&lane->lock);
    for (size_t at = 0; at < lane->part_count; at++)
        if (lane->parts[at].lost && now_us - lane->parts[at].lost_at_us > after_us)
            found = lane->parts[at].partition;
    (void)pthread_mutex_unlock(&lane->lock);
    return found;
}

void lane_lose_part(struct lane *lane, struct part *part)
{
    ASSERT(part != NULL);
    part->lost = true;
    part->lost_at_us = clock_monotonic_us();
    relay_end(&part->relay);
    pending_forget(&lane->pending, part->partition);
    forget_records(lane, part->partition);
    metric_add(lane->metrics.fenced, 1);
    log_warn("partition has another owner; dropped",
             LOG_TEXT("topic", lane->apply->topic), LOG_INT("partition", part->partition),
             LOG_INT("epoch", part->epoch), LOG_END);
}

void lane_count_outcomes(struct lane *lane)
{
    for (size_t at = 0; at < lane->batch.part_count; at++) {
        const struct part_count *counts = &lane->batch.parts[at];
        const struct part *part = lane_part(lane, counts->partition);
        outcome_metrics_add(&part->outcomes, counts->counts);
    }
    metric_add(lane->metrics.batches, 1);
}

static bool is_in_batch(const struct batch *batch, int32_t partition)
{
    for (size_t at = 0; at < batch->part_count; at++)
        if (batch->parts[at].partition == partition)
            return true;
    return false;
}

int64_t lane_judged_at(const struct lane *lane, const struct store_found *found)
{
    int64_t at_us = 0;
    if (apply_tells(lane->apply))
        return found->judged_at_us;
    for (size_t at = 0; at < lane->batch.count; at++) {
        int64_t recorded_us = lane->batch.items[at].record.timestamp_ms * 1000;
        at_us = recorded_us > at_us ? recorded_us : at_us;
    }
    at_us = at_us < found->judged_at_us ? at_us : found->judged_at_us;
    for (size_t at = 0; at < lane->part_count; at++) {
        const struct part *part = &lane->parts[at];
        bool is_in = is_in_batch(&lane->batch, part->partition);
        if (is_in && part->known.newest_at_us > at_us)
            at_us = part->known.newest_at_us;
    }
    return at_us;
}
