#include "common/runtime/admin.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/admin_http.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "common/runtime/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

#define SILENT_MAX_S 60
#define IDLE_MS 1000

struct admin {
    struct admin_http *http; /* NULL: the default port was taken */
};

static _Atomic int64_t alive_us;

void admin_alive(void)
{
    atomic_store_explicit(&alive_us, clock_monotonic_us(), memory_order_relaxed);
}

void admin_idle(const char *part, const char *why)
{
    life_ready(part, true, why);
    while (!life_ending()) {
        admin_alive();
        life_wait_ms(IDLE_MS);
    }
}

/* Kubernetes restarts a worker whose loop hangs; one that waits for Kafka is alive. */
static int page_live(struct buf *body)
{
    int64_t since_us = atomic_load_explicit(&alive_us, memory_order_relaxed);
    int64_t silent_s = (clock_monotonic_us() - since_us) / 1000000;
    if (silent_s <= SILENT_MAX_S) {
        buf_text(body, "alive\n");
        return 200;
    }
    buf_format(body, "the worker's loop was silent for %" PRId64 " s\n", silent_s);
    return 503;
}

static int page_ready(struct buf *body)
{
    life_ready_write(body);
    return life_is_ready() ? 200 : 503;
}

static int page_metrics(struct buf *body)
{
    metric_set(metrics_gauge("parstock_ready", "", "1 while every part is ready"),
               life_is_ready() ? 1 : 0);
    metrics_write(body);
    return 200;
}

static const struct admin_page PAGES[] = {
    {"/livez", "text/plain; charset=utf-8", page_live},
    {"/readyz", "text/plain; charset=utf-8", page_ready},
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", page_metrics},
};

static void admin_about(void)
{
    metric_set(metrics_gauge("parstock_build_info", "version=\"" PARSTOCK_VERSION "\"",
                             "Always 1; the version is the label"),
               1);
    metric_set(metrics_gauge("parstock_start_time_seconds", "",
                             "When the process started, seconds since 1970"),
               clock_now_us() / 1000000);
}

/* Another worker on this machine has the default port: good enough a reason to go on. */
static bool may_go_without(const struct config *config, const struct error *error)
{
    return !config->admin_listen_asked && strcmp(error->code, "EADDRINUSE") == 0;
}

static enum status admin_fail(struct error *error)
{
    if (error->status == STATUS_RETRY) {
        error->status = STATUS_FATAL;
        return error_exit(error, EXIT_UNAVAILABLE);
    }
    return error->status;
}

enum status admin_open(const struct config *config, struct admin **out,
                       struct error *error)
{
    admin_alive();
    admin_about();
    struct admin *admin = calloc(1, sizeof(*admin));
    if (admin == NULL)
        return error_set(error, STATUS_FATAL, "admin endpoint: no memory");
    enum status status = admin_http_open(config->admin_listen, PAGES, COUNT_OF(PAGES),
                                         &admin->http, error);
    if (status == STATUS_OK) {
        log_info("admin endpoint", LOG_TEXT("listen", admin_http_address(admin->http)),
                 LOG_END);
    } else if (may_go_without(config, error)) {
        log_warn("no admin endpoint: the default port is taken; PARSTOCK_ADMIN_LISTEN "
                 "chooses another",
                 LOG_TEXT("listen", config->admin_listen), LOG_END);
    } else {
        free(admin);
        return admin_fail(error);
    }
    *out = admin;
    return STATUS_OK;
}

void admin_close(struct admin **slot)
{
    struct admin *admin = TAKE(*slot);
    if (admin == NULL)
        return;
    admin_http_close(&admin->http);
    free(admin);
}
