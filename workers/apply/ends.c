/*
 * The ends of partitions. Markers of Kafka transactions take offsets and bring no record, so
 * that a partition which was read to its end may be done beyond its last record.
 */
#include "common/base/check.h"
#include "common/runtime/life.h"
#include "workers/apply/apply.h"

#define QUIET_US 1000000LL /* while records come, the next one moves `progress` anyway */

void lane_note_end(struct lane *lane, const struct kafka_record *record)
{
    if (!record->is_end && apply_tells(lane->apply))
        return; /* nearly every record: only a shadow has an end before the topic's */
    struct part *part = lane_part(lane, record->partition);
    if (part == NULL || part->lost)
        return;
    bool is_past = record->offset >= part->until_offset;
    int64_t end_offset = is_past ? part->until_offset : record->offset;
    if ((!record->is_end && !is_past) || end_offset <= part->end_offset)
        return;
    part->end_offset = end_offset;
    part->end_us = clock_monotonic_us();
}

int64_t lane_done_up_to(const struct lane *lane, const struct part *part)
{
    if (part->lost)
        return -1;
    bool nothing_in_hand = lane->record_count == 0;
    return nothing_in_hand && part->end_offset > part->next_offset ? part->end_offset
                                                                   : part->next_offset;
}

static enum status pass_end(struct lane *lane, struct part *part, struct error *error)
{
    const struct passed passed = {.topic = span_from(lane->apply->topic),
                                  .fence = {.partition = part->partition,
                                            .epoch = part->epoch,
                                            .next_offset = part->next_offset},
                                  .next_offset = part->end_offset};
    bool fenced = false;
    enum status status = store_pass(lane->postgres, &passed, &fenced, error);
    if (status != STATUS_OK)
        return status;
    if (fenced) {
        lane_lose_part(lane, part);
        return STATUS_OK;
    }
    part->next_offset = part->end_offset;
    if (!lane->tells)
        lane->pending_since_us = clock_monotonic_us();
    lane->tells = true; /* nothing, but the offsets are to be claimed */
    return STATUS_OK;
}

enum status lane_pass_ends(struct lane *lane, struct error *error)
{
    int64_t now_us = clock_monotonic_us();
    enum status status = STATUS_OK;
    ASSERT(lane->record_count == 0);
    for (size_t at = 0; at < lane->part_count && status == STATUS_OK; at++) {
        struct part *part = &lane->parts[at];
        if (!part->lost && part->next_offset >= 0 &&
            part->end_offset > part->next_offset && now_us - part->end_us > QUIET_US)
            status = pass_end(lane, part, error);
    }
    return status;
}
