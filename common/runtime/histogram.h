/*
 * Histograms of durations in Prometheus' text format, beside the counters and gauges of
 * metrics.h: fixed bounds in seconds, updated by atomic adds.
 */
#ifndef PARSTOCK_RUNTIME_HISTOGRAM_H
#define PARSTOCK_RUNTIME_HISTOGRAM_H

#include "common/base/buf.h"

#define HISTOGRAMS_MAX 256 /* a route of alerts or a shop has its own */
#define HISTOGRAM_LABELS_MAX 256

struct histogram; /* lives until the process ends */

/* The same name gives the same histogram. Bounds: 1 ms to 300 s. Texts outlive the process's
 * work; asserts on more than HISTOGRAMS_MAX. */
struct histogram *histogram_of(const char *name, const char *help);
/* One of several under a name, told apart by labels (copied; `route="a"`). */
struct histogram *histogram_labelled(const char *name, const char *labels,
                                     const char *help);
void histogram_add_us(struct histogram *histogram, int64_t us);

void histograms_write(struct buf *out); /* metrics_write calls it */

#endif
