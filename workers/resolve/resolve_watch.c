#include "workers/resolve/resolve_watch.h"

#include "common/base/check.h"
#include "common/runtime/life.h"

#include <stdio.h>

#define LOOK_EVERY_US 5000000

static const char *const STATES[WATCH_STATES] = {"opened", "reopened", "acknowledged"};
static const char *const SEVERITIES[WATCH_SEVERITIES] = {"critical", "error", "warning",
                                                         "info"};
static const char *const OUTBOXES[OUTBOX_NAME_COUNT] = {
    [OUTBOX_OF_INCIDENTS] = "incidents", [OUTBOX_OF_SHOPS] = "shops"};

static void open_incidents(struct watch *watch)
{
    char labels[96];
    for (int state = 0; state < WATCH_STATES; state++)
        for (int severity = 0; severity < WATCH_SEVERITIES; severity++) {
            (void)snprintf(labels, sizeof labels, "state=\"%s\",severity=\"%s\"",
                           STATES[state], SEVERITIES[severity]);
            watch->incidents[state][severity] = metrics_gauge(
                "parstock_incidents_open", labels, "Incidents that are not resolved.");
        }
}

void watch_open(struct watch *watch)
{
    char labels[96];
    open_incidents(watch);
    for (int outbox = 0; outbox < OUTBOX_NAME_COUNT; outbox++) {
        (void)snprintf(labels, sizeof labels, "outbox=\"%s\"", OUTBOXES[outbox]);
        watch->rows[outbox] = metrics_gauge("parstock_outbox_rows", labels,
                                            "Records that wait for the broker.");
        watch->waiting[outbox] = metrics_gauge_seconds(
            "parstock_outbox_oldest_seconds", labels,
            "How long the oldest of them has been seen waiting, at least.");
    }
}

static struct metric *incident_metric(struct watch *watch,
                                      const struct incident_count *count)
{
    for (int state = 0; state < WATCH_STATES; state++)
        for (int severity = 0; severity < WATCH_SEVERITIES; severity++)
            if (strcmp(count->state, STATES[state]) == 0 &&
                strcmp(count->severity, SEVERITIES[severity]) == 0)
                return watch->incidents[state][severity];
    return NULL;
}

static enum status show_incidents(struct watch *watch, struct postgres *postgres,
                                  struct error *error)
{
    struct incident_count counts[FIGURE_INCIDENTS_MAX];
    size_t count = 0;
    enum status status = store_incident_counts(postgres, counts, &count, error);
    if (status != STATUS_OK)
        return status;
    for (int state = 0; state < WATCH_STATES; state++)
        for (int severity = 0; severity < WATCH_SEVERITIES; severity++)
            metric_set(watch->incidents[state][severity], 0);
    for (size_t at = 0; at < count; at++) {
        struct metric *metric = incident_metric(watch, &counts[at]);
        if (metric != NULL)
            metric_set(metric, counts[at].count);
    }
    return STATUS_OK;
}

static void show_outbox(struct watch *watch, int outbox,
                        const struct outbox_figure *figure, int64_t now_us)
{
    if (figure->first != watch->first[outbox])
        watch->since_us[outbox] = now_us;
    watch->first[outbox] = figure->first;
    metric_set(watch->rows[outbox], figure->rows);
    metric_set(watch->waiting[outbox],
               figure->first != 0 ? now_us - watch->since_us[outbox] : 0);
}

enum status watch_look(struct watch *watch, struct postgres *postgres,
                       struct error *error)
{
    struct outbox_figure figures[OUTBOX_NAME_COUNT] = {0};
    int64_t now_us = clock_monotonic_us();
    if (now_us < watch->next_us)
        return STATUS_OK;
    enum status status = show_incidents(watch, postgres, error);
    if (status == STATUS_OK)
        status = store_outbox_figures(postgres, figures, error);
    if (status != STATUS_OK)
        return status;
    watch->next_us = now_us + LOOK_EVERY_US;
    for (int outbox = 0; outbox < OUTBOX_NAME_COUNT; outbox++)
        show_outbox(watch, outbox, &figures[outbox], now_us);
    return STATUS_OK;
}
