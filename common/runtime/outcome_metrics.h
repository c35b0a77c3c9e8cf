/*
 * Outcomes by partition, as Prometheus wants them:
 *
 *     parstock_apply_events_total{outcome="applied",partition="3"}
 *
 * The sum over outcomes is what was read of the partition since this process started. A
 * partition that goes and comes back finds its series again; one that went keeps its last
 * value, as a counter must. The number of series is bounded: past the first
 * OUTCOME_METRICS_PARTITIONS partitions all others share partition="other".
 */
#ifndef PARSTOCK_RUNTIME_OUTCOME_METRICS_H
#define PARSTOCK_RUNTIME_OUTCOME_METRICS_H

#include "common/domain/outcome.h"
#include "common/runtime/metrics.h"

#define OUTCOME_METRICS_PARTITIONS 256

struct outcome_metrics {
    struct metric *outcomes[OUTCOME_COUNT];
};

/* The partition's series; from any thread. Cheap, but for taking a partition, not for
 * counting: keep what it gives. */
struct outcome_metrics outcome_metrics_of(int32_t partition);

void outcome_metrics_add(const struct outcome_metrics *metrics,
                         const int64_t counts[OUTCOME_COUNT]);

#endif
