#include "common/runtime/histogram.h"

#include "common/base/check.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

struct bound {
    int64_t us;
    const char *text;
};

static const struct bound BOUNDS[] = {
    {1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"},  {10000, "0.01"},
    {25000, "0.025"}, {50000, "0.05"},  {100000, "0.1"},  {250000, "0.25"},
    {500000, "0.5"},  {1000000, "1"},   {2500000, "2.5"}, {5000000, "5"},
    {10000000, "10"}, {30000000, "30"}, {60000000, "60"}, {300000000, "300"},
};

struct histogram {
    const char *name;
    const char *help;
    char labels[HISTOGRAM_LABELS_MAX];
    _Atomic int64_t buckets[COUNT_OF(BOUNDS) + 1]; /* the last: beyond all bounds */
    _Atomic int64_t sum_us;
};

static struct histogram histograms[HISTOGRAMS_MAX];
static atomic_size_t histogram_count;
static pthread_mutex_t histograms_lock = PTHREAD_MUTEX_INITIALIZER;

static struct histogram *histogram_find(const char *name, const char *labels,
                                        size_t count)
{
    for (size_t at = 0; at < count; at++)
        if (strcmp(histograms[at].name, name) == 0 &&
            strcmp(histograms[at].labels, labels) == 0)
            return &histograms[at];
    return NULL;
}

struct histogram *histogram_labelled(const char *name, const char *labels,
                                     const char *help)
{
    ASSERT(strlen(labels) < HISTOGRAM_LABELS_MAX);
    pthread_mutex_lock(&histograms_lock);
    size_t count = atomic_load(&histogram_count);
    struct histogram *found = histogram_find(name, labels, count);
    if (found == NULL) {
        ASSERT(count < HISTOGRAMS_MAX);
        found = &histograms[count];
        found->name = name;
        found->help = help;
        (void)snprintf(found->labels, sizeof(found->labels), "%s", labels);
        atomic_store(&histogram_count, count + 1);
    }
    pthread_mutex_unlock(&histograms_lock);
    return found;
}

struct histogram *histogram_of(const char *name, const char *help)
{
    return histogram_labelled(name, "", help);
}

void histogram_add_us(struct histogram *histogram, int64_t us)
{
    size_t at = 0;
    while (at < COUNT_OF(BOUNDS) && us > BOUNDS[at].us)
        at++;
    atomic_fetch_add_explicit(&histogram->buckets[at], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->sum_us, us, memory_order_relaxed);
}

static void write_sample(const struct histogram *histogram, const char *what,
                         struct buf *out)
{
    buf_format(out, "%s_%s", histogram->name, what);
    if (histogram->labels[0] != '\0')
        buf_format(out, "{%s}", histogram->labels);
}

static void write_bucket(const struct histogram *histogram, const char *bound,
                         int64_t count, struct buf *out)
{
    const char *comma = histogram->labels[0] != '\0' ? "," : "";
    buf_format(out, "%s_bucket{%s%sle=\"%s\"} %" PRId64 "\n", histogram->name,
               histogram->labels, comma, bound, count);
}

static void write_one(struct histogram *histogram, struct buf *out)
{
    int64_t count = 0;
    for (size_t at = 0; at < COUNT_OF(BOUNDS); at++) {
        count += atomic_load(&histogram->buckets[at]);
        write_bucket(histogram, BOUNDS[at].text, count, out);
    }
    count += atomic_load(&histogram->buckets[COUNT_OF(BOUNDS)]);
    int64_t sum_us = atomic_load(&histogram->sum_us);
    write_bucket(histogram, "+Inf", count, out);
    write_sample(histogram, "sum", out);
    buf_format(out, " %" PRId64 ".%06" PRId64 "\n", sum_us / 1000000, sum_us % 1000000);
    write_sample(histogram, "count", out);
    buf_format(out, " %" PRId64 "\n", count);
}

/* The first of its name; a family must be one block of lines. */
static size_t family_of(size_t at)
{
    size_t first = 0;
    while (strcmp(histograms[first].name, histograms[at].name) != 0)
        first++;
    return first;
}

void histograms_write(struct buf *out)
{
    size_t count = atomic_load(&histogram_count);
    for (size_t at = 0; at < count; at++) {
        if (family_of(at) != at)
            continue;
        buf_format(out, "# HELP %s %s\n# TYPE %s histogram\n", histograms[at].name,
                   histograms[at].help, histograms[at].name);
        for (size_t other = at; other < count; other++)
            if (family_of(other) == at)
                write_one(&histograms[other], out);
    }
}
