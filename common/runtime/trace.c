#include "common/runtime/trace.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/http.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "common/runtime/metrics.h"
#include "common/runtime/trace_headers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define PATH "/v1/traces"
#define WAITING_SPANS_MAX 4096
#define WAITING_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define BATCH_SPANS 512 /* so many are sent without waiting for more */
#define GATHER_US 500000
#define TRIES_MAX 5
#define RETRY_US 1000000 /* doubled with every try */
#define RETRY_MAX_US 30000000
#define LAST_US 2000000 /* for all that is left once the worker ends */
#define CONNECT_TIMEOUT_MS 3000
#define TOTAL_TIMEOUT_MS 10000
#define ANSWER_BYTES_MAX ((size_t)256 * 1024)
#define ENVELOPE_BYTES ((size_t)16 * 1024)
#define URL_MAX 1200

struct trace_metrics {
    struct metric *sent;
    struct metric *full;     /* dropped: the queue has no room */
    struct metric *refused;  /* dropped: the collector will not have them */
    struct metric *away;     /* dropped: it did not take them in TRIES_MAX tries */
    struct metric *failures; /* requests that were not taken */
    struct metric *waiting;
};

struct trace_export {
    char url[URL_MAX];
    char service[64];
    char instance[160];
    struct trace_headers headers;
    struct http *http;
    struct trace_metrics metrics;
    struct buf body;     /* the sender's */
    struct buf sending;  /* spans under way; the sender's */
    bool complained;     /* the sender's */
    atomic_llong end_us; /* monotonic; 0 = not ending */
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t news;
    struct buf waiting;
    size_t waiting_count;
};

static struct trace_export exporter = {.lock = PTHREAD_MUTEX_INITIALIZER};
static atomic_bool is_on;

bool trace_is_on(void)
{
    return atomic_load_explicit(&is_on, memory_order_relaxed);
}

bool trace_follows(const struct trace_context *context)
{
    return trace_is_on() && trace_is_sampled(context);
}

bool trace_is_carried(struct span traceparent, struct trace_context *carried_out)
{
    return traceparent_parse(traceparent, carried_out) && trace_follows(carried_out);
}

struct trace_period trace_period(int64_t took_us)
{
    const int64_t now_us = clock_now_us();
    return (struct trace_period){now_us - took_us, now_us};
}

/* ---- in ----------------------------------------------------------------------------- */

/* With the lock held. */
static bool add(const struct trace_span *span)
{
    struct buf *waiting = &exporter.waiting;
    if (exporter.waiting_count >= WAITING_SPANS_MAX ||
        waiting->length >= WAITING_BYTES_MAX)
        return false;
    if (waiting->length > 0)
        buf_byte(waiting, ',');
    otlp_json_span(span, waiting);
    exporter.waiting_count++;
    if (!waiting->failed)
        return true;
    metric_add(exporter.metrics.full, (int64_t)exporter.waiting_count - 1);
    exporter.waiting_count = 0; /* no memory: what was there is gone with it */
    buf_clear(waiting);
    return false;
}

void trace_emit(const struct trace_span *span)
{
    if (!trace_is_on())
        return;
    (void)pthread_mutex_lock(&exporter.lock);
    bool added = add(span);
    if (added && (exporter.waiting_count == 1 || exporter.waiting_count == BATCH_SPANS))
        (void)pthread_cond_signal(&exporter.news);
    (void)pthread_mutex_unlock(&exporter.lock);
    if (!added)
        metric_add(exporter.metrics.full, 1);
}

/* ---- waiting, on the sender's thread ------------------------------------------------- */

static bool is_ending(void)
{
    return atomic_load(&exporter.end_us) != 0;
}

/* The worker ends, and what time was left for sending is over. Asked by the HTTP client. */
static bool is_over(void *self)
{
    (void)self;
    return is_ending() && clock_monotonic_us() > atomic_load(&exporter.end_us);
}

/* With the lock held: until there is news, or the moment has come. */
static void wait_until_us(int64_t until_us)
{
    const struct timespec until = {.tv_sec = until_us / 1000000,
                                   .tv_nsec = until_us % 1000000 * 1000};
    (void)pthread_cond_timedwait(&exporter.news, &exporter.lock, &until);
}

/* Some gather, unless there are many or the worker ends. False: it has ended, and nothing
 * is left. */
static bool take(size_t *count_out)
{
    (void)pthread_mutex_lock(&exporter.lock);
    while (exporter.waiting_count == 0 && !is_ending())
        (void)pthread_cond_wait(&exporter.news, &exporter.lock);
    int64_t until_us = clock_monotonic_us() + GATHER_US;
    while (exporter.waiting_count < BATCH_SPANS && !is_ending() &&
           clock_monotonic_us() < until_us)
        wait_until_us(until_us);
    struct buf taken = exporter.waiting;
    exporter.waiting = exporter.sending;
    exporter.sending = taken;
    *count_out = exporter.waiting_count;
    exporter.waiting_count = 0;
    buf_clear(&exporter.waiting);
    (void)pthread_mutex_unlock(&exporter.lock);
    return *count_out > 0;
}

/* False: there is no time for another try. */
static bool wait_to_retry(int tries, int64_t retry_after_ms)
{
    int64_t wait_us = (int64_t)RETRY_US << tries;
    if (retry_after_ms > 0)
        wait_us = retry_after_ms * 1000;
    if (wait_us > RETRY_MAX_US)
        wait_us = RETRY_MAX_US;
    wait_us += clock_now_us() % (wait_us / 4 + 1); /* all workers were refused at once */
    int64_t until_us = clock_monotonic_us() + wait_us;
    (void)pthread_mutex_lock(&exporter.lock);
    while (!is_ending() && clock_monotonic_us() < until_us)
        wait_until_us(until_us);
    (void)pthread_mutex_unlock(&exporter.lock);
    return !is_over(NULL);
}

/* ---- sending, on the sender's thread ------------------------------------------------- */

static void complain(const char *why)
{
    log_write(
        exporter.complained ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, "spans are not taken",
        LOG_FIELDS(LOG_TEXT("endpoint", exporter.url), LOG_TEXT("why", why), LOG_END));
    exporter.complained = true;
    metric_add(exporter.metrics.failures, 1);
}

/* OTLP names those that may be tried again; all others will end alike. */
static bool may_retry(bool answered, int code)
{
    return !answered || code == 429 || code == 502 || code == 503 || code == 504;
}

static void count_taken(const struct http_outcome *outcome, size_t count)
{
    int64_t rejected = otlp_json_rejected(outcome->body);
    if (rejected > (int64_t)count)
        rejected = (int64_t)count;
    metric_add(exporter.metrics.refused, rejected);
    metric_add(exporter.metrics.sent, (int64_t)count - rejected);
    if (exporter.complained)
        log_info("spans are taken again", LOG_TEXT("endpoint", exporter.url), LOG_END);
    exporter.complained = false;
}

enum trace_fate { FATE_TAKEN, FATE_REFUSED, FATE_AWAY };

static enum trace_fate post(size_t count, int64_t *retry_after_ms_out)
{
    const struct http_request request = {.url = exporter.url,
                                         .headers = exporter.headers.list,
                                         .header_count = exporter.headers.count,
                                         .content_type = "application/json",
                                         .body = buf_view(&exporter.body),
                                         .is_over = is_over};
    struct http_outcome outcome;
    struct error error = {0};
    char why[64];
    bool answered = http_send(exporter.http, &request, &outcome, &error) == STATUS_OK;
    *retry_after_ms_out = outcome.retry_after_ms;
    if (answered && outcome.code >= 200 && outcome.code < 300) {
        count_taken(&outcome, count);
        return FATE_TAKEN;
    }
    (void)snprintf(why, sizeof(why), "HTTP %d", outcome.code);
    complain(answered ? why : error.text);
    return may_retry(answered, outcome.code) ? FATE_AWAY : FATE_REFUSED;
}

static void send(size_t count)
{
    const struct otlp_speaker speaker = {exporter.service, exporter.instance};
    int64_t retry_after_ms = -1;
    buf_clear(&exporter.body);
    otlp_json_open(&speaker, &exporter.body);
    buf_span(&exporter.body, buf_view(&exporter.sending));
    otlp_json_close(&exporter.body);
    enum trace_fate fate =
        exporter.body.failed ? FATE_REFUSED : post(count, &retry_after_ms);
    for (int tries = 1; fate == FATE_AWAY && tries < TRIES_MAX &&
                        wait_to_retry(tries - 1, retry_after_ms);
         tries++)
        fate = post(count, &retry_after_ms);
    if (fate != FATE_TAKEN)
        metric_add(fate == FATE_AWAY ? exporter.metrics.away : exporter.metrics.refused,
                   (int64_t)count);
}

static void *run(void *self)
{
    size_t count = 0;
    while (take(&count)) {
        metric_set(exporter.metrics.waiting, (int64_t)count);
        if (is_over(NULL))
            metric_add(exporter.metrics.away, (int64_t)count);
        else
            send(count);
        metric_set(exporter.metrics.waiting, 0);
    }
    return self;
}

/* ---- settings ----------------------------------------------------------------------- */

static void make_metrics(void)
{
    static const char HELP[] = "Spans that never reached the collector, by why.";
    struct trace_metrics *metrics = &exporter.metrics;
    metrics->sent = metrics_counter("parstock_trace_spans_sent_total", "",
                                    "Spans that the collector took.");
    metrics->full = metrics_counter("parstock_trace_spans_dropped_total",
                                    "reason=\"queue_full\"", HELP);
    metrics->refused =
        metrics_counter("parstock_trace_spans_dropped_total", "reason=\"refused\"", HELP);
    metrics->away =
        metrics_counter("parstock_trace_spans_dropped_total", "reason=\"away\"", HELP);
    metrics->failures = metrics_counter("parstock_trace_export_failures_total", "",
                                        "Requests that the collector did not take.");
    metrics->waiting = metrics_gauge("parstock_trace_spans_in_flight", "",
                                     "Spans of the request that is made now.");
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    size_t size = strlen(end);
    return length >= size && strcmp(text + length - size, end) == 0;
}

static enum status unfit(const char *why, struct error *error)
{
    (void)error_set(error, STATUS_FATAL, "%s", why);
    return error_exit(error, EXIT_CONFIG);
}

/* Plain http reaches other machines too, as collectors are mostly set up; secrets do not go
 * that way. */
static enum status open_way(const char *endpoint, struct error *error)
{
    struct error own = {0};
    const struct http_options options = {.connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                         .total_timeout_ms = TOTAL_TIMEOUT_MS,
                                         .body_max = ANSWER_BYTES_MAX,
                                         .may_be_plain = exporter.headers.count == 0};
    (void)snprintf(exporter.url, sizeof(exporter.url), "%s%s", endpoint,
                   ends_with(endpoint, PATH) ? "" : PATH);
    enum status status = http_open(&options, &exporter.http, error);
    if (status != STATUS_OK || http_check(exporter.http, exporter.url, &own) == STATUS_OK)
        return status;
    return unfit(
        "PARSTOCK_OTLP_ENDPOINT must be https where PARSTOCK_OTLP_HEADERS is set", error);
}

static void name_speaker(const char *worker)
{
    char host[96] = "";
    (void)gethostname(host, sizeof(host) - 1);
    (void)snprintf(exporter.service, sizeof(exporter.service), "parstock-%s", worker);
    (void)snprintf(exporter.instance, sizeof(exporter.instance), "%s:%ld", host,
                   (long)getpid());
}

static enum status start(struct error *error)
{
    pthread_condattr_t by_monotonic;
    buf_init(&exporter.waiting, WAITING_BYTES_MAX + OTLP_SPAN_BYTES_MAX);
    buf_init(&exporter.sending, WAITING_BYTES_MAX + OTLP_SPAN_BYTES_MAX);
    buf_init(&exporter.body, WAITING_BYTES_MAX + OTLP_SPAN_BYTES_MAX + ENVELOPE_BYTES);
    atomic_store(&exporter.end_us, 0);
    (void)pthread_condattr_init(&by_monotonic);
    (void)pthread_condattr_setclock(&by_monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&exporter.news, &by_monotonic);
    (void)pthread_condattr_destroy(&by_monotonic);
    if (pthread_create(&exporter.thread, NULL, run, NULL) != 0)
        return error_set(error, STATUS_FATAL, "no thread for traces can be started");
    atomic_store(&is_on, true);
    log_info("spans of sampled traces are exported", LOG_TEXT("endpoint", exporter.url),
             LOG_END);
    return STATUS_OK;
}

enum status trace_open(const struct config *config, const char *worker,
                       struct trace_export **out, struct error *error)
{
    const char *endpoint = config->otlp_endpoint;
    *out = NULL;
    ASSERT(!trace_is_on());
    if (endpoint == NULL || endpoint[0] == '\0')
        return STATUS_OK;
    name_speaker(worker);
    make_metrics();
    enum status status = trace_headers_load(&exporter.headers, error);
    if (status == STATUS_OK)
        status = open_way(endpoint, error);
    if (status == STATUS_OK)
        status = start(error);
    if (status == STATUS_OK)
        *out = &exporter;
    else
        http_close(&exporter.http);
    return status;
}

void trace_close(struct trace_export **slot)
{
    if (TAKE(*slot) == NULL)
        return;
    atomic_store(&is_on, false);
    atomic_store(&exporter.end_us, clock_monotonic_us() + LAST_US);
    (void)pthread_mutex_lock(&exporter.lock);
    (void)pthread_cond_signal(&exporter.news);
    (void)pthread_mutex_unlock(&exporter.lock);
    (void)pthread_join(exporter.thread, NULL);
    (void)pthread_cond_destroy(&exporter.news);
    http_close(&exporter.http);
    buf_free(&exporter.waiting);
    buf_free(&exporter.sending);
    buf_free(&exporter.body);
}
