#include "common/runtime/metrics.h"

#include "common/base/check.h"
#include "common/base/pool.h"
#include "common/runtime/histogram.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#define US_PER_SECOND 1000000LL
#define METRICS_TEXT_MAX ((size_t)1024 * 1024)

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE };

struct metric {
    const char *name;
    const char *labels;
    const char *help;
    enum metric_kind kind;
    bool is_seconds; /* kept in microseconds */
    size_t family;   /* index of the first series of this name */
    _Atomic int64_t value;
};

static const char *const KIND_NAMES[] = {
    [METRIC_COUNTER] = "counter",
    [METRIC_GAUGE] = "gauge",
};

static struct metric metrics[METRICS_MAX];
static atomic_size_t metric_count;
static struct pool metric_texts = {.max = METRICS_TEXT_MAX};
static pthread_mutex_t metrics_lock = PTHREAD_MUTEX_INITIALIZER;

static const char *metric_keep(const char *text)
{
    struct span kept = pool_span(
        &metric_texts, (struct span){.bytes = text, .length = strlen(text) + 1});
    ASSERT(kept.bytes != NULL);
    return kept.bytes;
}

static struct metric *metric_find(const char *name, const char *labels)
{
    size_t count = atomic_load(&metric_count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(metrics[i].name, name) == 0 && strcmp(metrics[i].labels, labels) == 0)
            return &metrics[i];
    }
    return NULL;
}

/* Index of the first series of this name; `count` where there is none. */
static size_t metric_family(const char *name, size_t count)
{
    size_t first = 0;
    while (first < count && strcmp(metrics[first].name, name) != 0)
        first++;
    return first;
}

static struct metric *metric_make(const struct metric *wanted)
{
    size_t count = atomic_load(&metric_count);
    ASSERT(count < METRICS_MAX);
    struct metric *metric = &metrics[count];
    size_t family = metric_family(wanted->name, count);
    bool is_first = family == count;
    metric->name = is_first ? metric_keep(wanted->name) : metrics[family].name;
    metric->help = is_first ? metric_keep(wanted->help) : metrics[family].help;
    metric->labels = metric_keep(wanted->labels);
    metric->kind = wanted->kind;
    metric->is_seconds = wanted->is_seconds;
    metric->family = family;
    atomic_store(&metric->value, 0);
    /* Only now may a reader see it: readers take no lock. */
    atomic_store(&metric_count, count + 1);
    return metric;
}

static struct metric *metric_register(const struct metric *wanted)
{
    ASSERT(strncmp(wanted->name, "parstock_", strlen("parstock_")) == 0);
    pthread_mutex_lock(&metrics_lock);
    struct metric *metric = metric_find(wanted->name, wanted->labels);
    if (metric == NULL)
        metric = metric_make(wanted);
    pthread_mutex_unlock(&metrics_lock);
    ASSERT(metric->kind == wanted->kind && metric->is_seconds == wanted->is_seconds);
    return metric;
}

struct metric *metrics_counter(const char *name, const char *labels, const char *help)
{
    struct metric wanted = {
        .name = name, .labels = labels, .help = help, .kind = METRIC_COUNTER};
    return metric_register(&wanted);
}

struct metric *metrics_gauge(const char *name, const char *labels, const char *help)
{
    struct metric wanted = {
        .name = name, .labels = labels, .help = help, .kind = METRIC_GAUGE};
    return metric_register(&wanted);
}

struct metric *metrics_counter_seconds(const char *name, const char *labels,
                                       const char *help)
{
    struct metric wanted = {.name = name,
                            .labels = labels,
                            .help = help,
                            .kind = METRIC_COUNTER,
                            .is_seconds = true};
    return metric_register(&wanted);
}

struct metric *metrics_gauge_seconds(const char *name, const char *labels,
                                     const char *help)
{
    struct metric wanted = {.name = name,
                            .labels = labels,
                            .help = help,
                            .kind = METRIC_GAUGE,
                            .is_seconds = true};
    return metric_register(&wanted);
}

void metric_add(struct metric *metric, int64_t amount)
{
    ASSERT(metric->kind == METRIC_GAUGE || amount >= 0);
    atomic_fetch_add_explicit(&metric->value, amount, memory_order_relaxed);
}

void metric_set(struct metric *metric, int64_t value)
{
    ASSERT(metric->kind == METRIC_GAUGE);
    atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

int64_t metric_value(const struct metric *metric)
{
    return atomic_load_explicit(&metric->value, memory_order_relaxed);
}

static void metric_write_help(const struct metric *metric, struct buf *out)
{
    buf_format(out, "# HELP %s ", metric->name);
    for (const char *at = metric->help; *at != '\0'; at++) {
        if (*at == '\\' || *at == '\n')
            buf_text(out, *at == '\n' ? "\\n" : "\\\\");
        else
            buf_byte(out, *at);
    }
    buf_format(out, "\n# TYPE %s %s\n", metric->name, KIND_NAMES[metric->kind]);
}

static void metric_write_value(const struct metric *metric, struct buf *out)
{
    buf_text(out, metric->name);
    if (metric->labels[0] != '\0')
        buf_format(out, "{%s}", metric->labels);
    int64_t value = metric_value(metric);
    if (metric->is_seconds)
        buf_format(out, " %s%lld.%06lld\n", value < 0 ? "-" : "",
                   llabs((long long)value) / US_PER_SECOND,
                   llabs((long long)value) % US_PER_SECOND);
    else
        buf_format(out, " %" PRId64 "\n", value);
}

/* A family must be one block of lines. */
void metrics_write(struct buf *out)
{
    size_t count = atomic_load(&metric_count);
    for (size_t i = 0; i < count; i++) {
        if (metrics[i].family != i)
            continue;
        metric_write_help(&metrics[i], out);
        for (size_t j = i; j < count; j++) {
            if (metrics[j].family == i)
                metric_write_value(&metrics[j], out);
        }
    }
    histograms_write(out);
}

void metrics_plain_name(struct span name, char *room, size_t size)
{
    size_t length = name.length < size - 1 ? name.length : size - 1;
    for (size_t at = 0; at < length; at++) {
        char byte = name.bytes[at];
        room[at] = byte == '"' || byte == '\\' || (unsigned char)byte < 0x20 ? '_' : byte;
    }
    room[length] = '\0';
}
