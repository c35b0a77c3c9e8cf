#include "common/base/check.h"
#include "common/runtime/histogram.h"
#include "common/runtime/metrics.h"
#include "workers/gateway/gateway.h"

#include <stdio.h>

#define STATUS_MAX 600

/* By route and status; filled on the server's thread alone. */
static struct metric *requests[GATEWAY_ROUTES_MAX + 1][STATUS_MAX];
static struct metric *events[CONTRACT_SOURCES_MAX];

static size_t route_number(const struct gateway *gateway, const struct web_route *route)
{
    for (size_t at = 0; at < gateway->route_count; at++)
        if (route == &gateway->routes[at])
            return at;
    return GATEWAY_ROUTES_MAX; /* of no route: refused before it had one */
}

void gateway_seen(void *self, const struct web_seen *seen)
{
    const struct gateway *gateway = self;
    size_t route = route_number(gateway, seen->route);
    ASSERT(seen->status >= 0 && seen->status < STATUS_MAX);
    struct metric **metric = &requests[route][seen->status];
    if (*metric == NULL) {
        char labels[160];
        (void)snprintf(labels, sizeof(labels), "route=\"%s\",status=\"%d\"",
                       seen->route != NULL ? seen->route->path : "", seen->status);
        *metric = metrics_counter("parstock_gateway_requests_total", labels,
                                  "Requests answered.");
    }
    metric_add(*metric, 1);
    metric_add(metrics_counter("parstock_gateway_body_bytes_total", "",
                               "Bytes of the bodies of requests."),
               (int64_t)seen->body_bytes);
    histogram_add_us(histogram_of("parstock_gateway_request_seconds",
                                  "From the first byte of a request to the last of its "
                                  "answer."),
                     seen->took_us);
}

/* On the publisher's thread alone. */
void gateway_count_events(const struct gateway *gateway, int source, size_t count)
{
    if (events[source] == NULL) {
        char name[128];
        char labels[160];
        metrics_plain_name(gateway->contract->sources[source].name, name, sizeof(name));
        (void)snprintf(labels, sizeof(labels), "source=\"%s\"", name);
        events[source] = metrics_counter("parstock_gateway_events_total", labels,
                                         "Events published, by source.");
    }
    metric_add(events[source], (int64_t)count);
}

/* A counter that another part keeps: brought up to what it says. */
static void count_up_to(const char *name, const char *help, int64_t value)
{
    struct metric *metric = metrics_counter(name, "", help);
    metric_add(metric, value - metric_value(metric));
}

void gateway_gauges(struct gateway *gateway)
{
    struct web_figures web = {0};
    struct publisher_figures published = publisher_figures(gateway->publisher);
    if (gateway->server != NULL)
        web = web_server_figures(gateway->server);
    metric_set(metrics_gauge("parstock_gateway_connections", "", "Open connections."),
               web.connections);
    metric_set(metrics_gauge("parstock_gateway_requests_in_work", "",
                             "Requests that are in and not answered yet."),
               web.in_work);
    metric_set(metrics_gauge("parstock_gateway_body_memory_bytes", "",
                             "Memory that bodies and large answers take."),
               web.body_bytes);
    metric_set(metrics_gauge("parstock_gateway_posts_waiting", "",
                             "Posts that wait for the broker."),
               published.waiting);
    count_up_to("parstock_gateway_evicted_connections_total",
                "Connections closed to make place for others.", web.evicted);
    count_up_to("parstock_gateway_transactions_total", "Kafka transactions committed.",
                published.batches);
    count_up_to("parstock_gateway_transaction_failures_total",
                "Kafka transactions that were not committed.", published.failed);
}
