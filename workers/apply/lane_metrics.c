/*
 * What a lane tells of itself: how long batches and their commits take, and how far behind
 * its partitions are.
 */
#include "common/runtime/life.h"
#include "workers/apply/apply.h"

#define US_PER_MS 1000

void lane_metrics_open(struct lane *lane)
{
    struct lane_metrics *metrics = &lane->metrics;
    metrics->batches =
        metrics_counter("parstock_batches_total", "", "Transactions committed by apply.");
    metrics->fenced = metrics_counter("parstock_fenced_total", "",
                                      "Partitions lost to another owner's fence.");
    metrics->failures = metrics_counter("parstock_batch_failures_total", "",
                                        "Batches that have to be tried again.");
    metrics->batch_seconds =
        histogram_of("parstock_apply_batch_seconds",
                     "From the first look at a batch's records to its commit.");
    metrics->commit_seconds = histogram_of(
        "parstock_apply_commit_seconds", "Writing and committing a batch's transaction.");
}

void lane_count_times(struct lane *lane)
{
    struct part *part = NULL;
    histogram_add_us(lane->metrics.batch_seconds,
                     clock_monotonic_us() - lane->batch_began_us);
    for (size_t at = 0; at < lane->record_count; at++) {
        const struct kafka_record *record = &lane->records[at];
        if (part == NULL || part->partition != record->partition)
            part = lane_part(lane, record->partition);
        if (part != NULL && record->timestamp_ms > part->judged_ms)
            part->judged_ms = record->timestamp_ms;
    }
}

/*
 * Records that wait are at least as new as the newest that was judged, and as the moment at
 * which nothing waited: the later of the two is the age that can be proven.
 */
static void add_part(struct lane *lane, struct part *part, int64_t now_ms,
                     struct lane_lag *lag)
{
    int64_t end = kafka_in_end(lane->apply->in, part->partition);
    int64_t done = lane_done_up_to(lane, part);
    if (end < 0)
        return; /* nobody knows yet */
    if (done >= end) {
        part->level_ms = now_ms;
        return;
    }
    int64_t since_ms =
        part->judged_ms > part->level_ms ? part->judged_ms : part->level_ms;
    int64_t waits_us = now_ms > since_ms ? (now_ms - since_ms) * US_PER_MS : 0;
    lag->records += end - (done > 0 ? done : 0);
    if (since_ms > 0 && waits_us > lag->seconds_us)
        lag->seconds_us = waits_us;
}

void lane_add_lag(struct lane *lane, struct lane_lag *lag)
{
    int64_t now_ms = clock_now_us() / US_PER_MS;
    (void)pthread_mutex_lock(&lane->lock);
    for (size_t at = 0; at < lane->part_count; at++) {
        struct part *part = &lane->parts[at];
        if (!part->lost)
            add_part(lane, part, now_ms, lag);
    }
    (void)pthread_mutex_unlock(&lane->lock);
}
