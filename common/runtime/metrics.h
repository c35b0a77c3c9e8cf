/*
 * Counters and gauges in Prometheus' text format, served by the admin endpoint. Series
 * are registered once at start with fixed labels; updating one is an atomic add. Names
 * follow Prometheus' conventions with the prefix parstock_.
 */
#ifndef PARSTOCK_RUNTIME_METRICS_H
#define PARSTOCK_RUNTIME_METRICS_H

#include "common/base/buf.h"

#include <stdatomic.h>

#define METRICS_MAX 4096

struct metric; /* lives until the process ends */

/*
 * `labels` is the text between the braces (`outcome="applied"`) or "". The same name and
 * labels give the same series. Asserts on more than METRICS_MAX.
 */
struct metric *metrics_counter(const char *name, const char *labels, const char *help);
struct metric *metrics_gauge(const char *name, const char *labels, const char *help);

/* The same, kept in microseconds (what metric_add and metric_set are given) and shown in
 * seconds, as their names must say. */
struct metric *metrics_counter_seconds(const char *name, const char *labels,
                                       const char *help);
struct metric *metrics_gauge_seconds(const char *name, const char *labels,
                                     const char *help);
void metric_add(struct metric *metric, int64_t amount);
void metric_set(struct metric *metric, int64_t value);
int64_t metric_value(const struct metric *metric);

/* A name for labels, log lines and parts of readiness, cut to the room: quotes, backslashes
 * and control characters become '_'. */
void metrics_plain_name(struct span name, char *room, size_t size);

void metrics_write(struct buf *out); /* the whole exposition */

#endif
