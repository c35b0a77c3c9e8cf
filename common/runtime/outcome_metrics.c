#include "common/runtime/outcome_metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

static int32_t known[OUTCOME_METRICS_PARTITIONS];
static size_t known_count;
static pthread_mutex_t known_lock = PTHREAD_MUTEX_INITIALIZER;

/* Has the partition series of its own? The first ones get them. */
static bool has_series(int32_t partition)
{
    size_t at = 0;
    pthread_mutex_lock(&known_lock);
    while (at < known_count && known[at] != partition)
        at++;
    if (at == known_count && known_count < OUTCOME_METRICS_PARTITIONS)
        known[known_count++] = partition;
    bool has = at < known_count;
    pthread_mutex_unlock(&known_lock);
    return has;
}

struct outcome_metrics outcome_metrics_of(int32_t partition)
{
    struct outcome_metrics metrics;
    char number[16] = "other";
    if (has_series(partition))
        (void)snprintf(number, sizeof(number), "%" PRId32, partition);
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
        char labels[64];
        (void)snprintf(labels, sizeof(labels), "outcome=\"%s\",partition=\"%s\"",
                       outcome_name((enum outcome)outcome), number);
        metrics.outcomes[outcome] =
            metrics_counter("parstock_apply_events_total", labels,
                            "Stock-change records judged, by outcome and partition.");
    }
    return metrics;
}

void outcome_metrics_add(const struct outcome_metrics *metrics,
                         const int64_t counts[OUTCOME_COUNT])
{
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++)
        metric_add(metrics->outcomes[outcome], counts[outcome]);
}
