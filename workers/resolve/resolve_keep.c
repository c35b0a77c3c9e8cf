#include "workers/resolve/resolve_keep.h"

#include "common/base/check.h"
#include "common/io/store_incident_outbox.h"
#include "common/io/store_resolve_keep.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"

#define RELAY_WAIT_MS 2000
#define KEEPER_POOL_MAX ((size_t)128 << 20)

/* In the order in which they are looked at, each until it has no more. */
static const struct piece {
    const char *name;
    enum status (*run)(struct keeper *keeper, bool *more_out, struct error *error);
} PIECES[] = {
    {"approved actions", keeper_approved},
    {"rejected stops", keeper_rejected},
    {"reading back", keeper_settle},
    {"ended runs", keeper_close},
};

/* ---- incidents -------------------------------------------------------------------------- */

struct keeper_news *keeper_news(struct keeper *keeper, struct error *error)
{
    struct keeper_news *news = pool_take(&keeper->pool, sizeof(*news));
    if (news == NULL) {
        (void)error_set(error, STATUS_RETRY, "resolve: out of memory");
        return NULL;
    }
    memset(news, 0, sizeof(*news));
    news->set.actor = news->ends.actor = RESOLVE_ACTOR;
    return news;
}

enum status keeper_see(struct keeper *keeper, struct keeper_news *news,
                       struct error *error)
{
    enum status status = store_incidents_see(keeper->postgres, &news->set, &keeper->pool,
                                             &news->changes, error);
    if (status == STATUS_OK)
        status =
            store_incidents_tell(keeper->postgres, &news->changes, &keeper->pool, error);
    return status;
}

enum status keeper_end(struct keeper *keeper, struct keeper_news *news,
                       struct error *error)
{
    enum status status = store_incidents_resolve(keeper->postgres, &news->ends,
                                                 &keeper->pool, &news->changes, error);
    if (status == STATUS_OK)
        status =
            store_incidents_tell(keeper->postgres, &news->changes, &keeper->pool, error);
    news->ends.count = 0;
    return status;
}

/* ---- the loop --------------------------------------------------------------------------- */

static enum status run_piece(struct keeper *keeper, const struct piece *piece,
                             struct error *error)
{
    bool more = true;
    enum status status = STATUS_OK;
    while (more && status == STATUS_OK && !life_ending()) {
        more = false;
        pool_reset(&keeper->pool);
        status = postgres_script(keeper->postgres, "BEGIN", error);
        if (status == STATUS_OK)
            status = piece->run(keeper, &more, error);
        if (status == STATUS_OK)
            status = postgres_script(keeper->postgres, "COMMIT", error);
    }
    return status;
}

static enum status relay(struct keeper *keeper, struct error *error)
{
    size_t sent = 1;
    enum status status = STATUS_OK;
    while (sent > 0 && status == STATUS_OK && !life_ending())
        status = incident_relay_step(keeper->relay, keeper->postgres, RELAY_WAIT_MS,
                                     &sent, error);
    return status;
}

static enum status show_totals(struct keeper *keeper, struct error *error)
{
    const struct resolve_metrics *metrics = &keeper->resolve->metrics;
    struct resync_totals totals = {0};
    enum status status = store_resync_totals(keeper->postgres, &totals, error);
    if (status != STATUS_OK)
        return status;
    metric_set(metrics->pending, totals.pending);
    metric_set(metrics->stopped, totals.stopped);
    return STATUS_OK;
}

static enum status connect_postgres(struct keeper *keeper, struct error *error)
{
    const struct postgres_options options = resolve_postgres(keeper->resolve);
    if (keeper->postgres != NULL && postgres_alive(keeper->postgres))
        return STATUS_OK;
    postgres_close(&keeper->postgres);
    return postgres_open(&options, &keeper->postgres, error);
}

static enum status look(struct keeper *keeper, struct error *error)
{
    enum status status = connect_postgres(keeper, error);
    for (size_t at = 0; at < COUNT_OF(PIECES) && status == STATUS_OK; at++)
        status = run_piece(keeper, &PIECES[at], error);
    if (status == STATUS_OK)
        status = show_totals(keeper, error);
    if (status == STATUS_OK)
        status = watch_look(&keeper->watch, keeper->postgres, error);
    return status;
}

/* The broker being away is no reason to leave a shop wrong: it is waited for beside. */
static void tell(struct keeper *keeper)
{
    struct error error = {0};
    if (relay(keeper, &error) == STATUS_OK)
        return;
    if (keeper->postgres != NULL && !postgres_alive(keeper->postgres))
        postgres_close(&keeper->postgres);
    log_debug("incidents wait for the broker", LOG_TEXT("error", error.text), LOG_END);
}

static void trouble(struct keeper *keeper, const struct error *error)
{
    if (keeper->tries == 0)
        log_warn("the keeper waits", LOG_TEXT("error", error->text),
                 LOG_TEXT("code", error->code), LOG_END);
    postgres_close(&keeper->postgres);
    life_ready("keeper", false, error->text);
    life_back_off(&keeper->tries);
}

void *resolve_keep(void *self)
{
    struct keeper keeper = {.resolve = self};
    struct error error = {0};
    pool_init(&keeper.pool, KEEPER_POOL_MAX);
    watch_open(&keeper.watch);
    life_ready("keeper", false, "starting");
    if (incident_relay_open(&keeper.resolve->config, "parstock-resolve-incidents",
                            &keeper.relay, &error) != STATUS_OK) {
        log_error("incidents can not be told", LOG_TEXT("error", error.text), LOG_END);
        life_end();
    }
    while (!life_ending()) {
        if (look(&keeper, &error) != STATUS_OK) {
            trouble(&keeper, &error);
            continue;
        }
        keeper.tries = 0;
        life_ready("keeper", true, "");
        tell(&keeper);
        life_wait_ms(keeper.resolve->tick_ms);
    }
    incident_relay_close(&keeper.relay);
    postgres_close(&keeper.postgres);
    pool_free(&keeper.pool);
    return NULL;
}
