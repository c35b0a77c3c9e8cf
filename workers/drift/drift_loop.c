#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/runtime/admin.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "workers/drift/drift.h"

#include <stdio.h>

#define CALL_TIMEOUT_MS 30000
#define STATEMENT_TIMEOUT_MS (600 * 1000)
#define IDLE_MS 500
#define STANDBY_MS 2000
#define FULL_ASK_US 2000000
#define AFTER_MAX ((size_t)4096)

/* ---- opening -------------------------------------------------------------------------- */

enum status drift_open(struct drifter *drifter, const struct drift_settings *settings,
                       const struct shop *shop, struct error *error)
{
    drifter->settings = settings;
    drifter->shop = shop;
    drifter->looker.config = settings->config;
    drifter->looker.contract = settings->contract;
    drifter->looker.shop = shop;
    drifter->looker.name = drifter->name;
    drifter->looker.settle_ms = settings->settle_ms;
    metrics_plain_name(shop->name, drifter->name, sizeof drifter->name);
    (void)snprintf(drifter->part, sizeof drifter->part, "shop %s", drifter->name);
    drifter->looker.pairs.pool = &drifter->looker.pool;
    pool_init(&drifter->looker.pool, DRIFT_POOL_MAX);
    pool_init(&drifter->looker.work, DRIFT_POOL_MAX);
    pool_init(&drifter->tell.pool, DRIFT_POOL_MAX);
    buf_init(&drifter->after_sku, AFTER_MAX);
    buf_init(&drifter->after_location, AFTER_MAX);
    enum status status =
        shop_access_places(settings->contract, shop, &drifter->places, error);
    if (status == STATUS_OK)
        status = shop_access_open(shop, CALL_TIMEOUT_MS, &drifter->looker.shopify, error);
    return status;
}

void drift_close(struct drifter *drifter)
{
    drift_tell_end(drifter);
    drift_lag_end(&drifter->looker);
    postgres_close(&drifter->looker.postgres);
    shopify_close(&drifter->looker.shopify);
    shop_access_places_free(&drifter->places);
    pool_free(&drifter->looker.pool);
    pool_free(&drifter->looker.work);
    buf_free(&drifter->after_sku);
    buf_free(&drifter->after_location);
}

enum status drift_connect(struct drifter *drifter, bool *busy_out, struct error *error)
{
    const struct config *config = drifter->settings->config;
    const struct postgres_options options = {.dsn = config->postgres,
                                             .schema = config->schema,
                                             .application_name = "parstock drift",
                                             .statement_timeout_ms =
                                                 STATEMENT_TIMEOUT_MS};
    *busy_out = false;
    enum status status = postgres_open(&options, &drifter->looker.postgres, error);
    if (status == STATUS_OK)
        status = store_drift_lock(drifter->looker.postgres, drifter->shop->name, busy_out,
                                  error);
    if (status != STATUS_OK || *busy_out)
        postgres_close(&drifter->looker.postgres);
    return status;
}

enum status drift_greet(struct drifter *drifter, struct error *error)
{
    unsigned needed = SCOPES_NEEDED & ~SCOPE_WRITE_INVENTORY;
    if (drifter->greeted)
        return STATUS_OK;
    enum status status = shop_access_check(drifter->looker.shopify, needed, error);
    drifter->greeted = status == STATUS_OK;
    return status;
}

/* ---- the worker ----------------------------------------------------------------------- */

/* Says so once for every new reason, forgets what is in hand, waits. */
static void trouble(struct drifter *drifter, const char *what, const struct error *error)
{
    char complaint[sizeof drifter->complaint];
    char why[ERROR_TEXT_MAX + 32];
    (void)snprintf(complaint, sizeof complaint, "%s %s", what, error->code);
    (void)snprintf(why, sizeof why, "%s: %s", what, error->text);
    bool news = strcmp(complaint, drifter->complaint) != 0;
    memcpy(drifter->complaint, complaint, sizeof complaint);
    log_write(news ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "waiting",
              LOG_FIELDS(LOG_TEXT("shop", drifter->name), LOG_TEXT("for", what),
                         LOG_TEXT("code", error->code), LOG_TEXT("error", error->text),
                         LOG_END));
    life_ready(drifter->part, false, why);
    if (!postgres_alive(drifter->looker.postgres)) {
        postgres_close(&drifter->looker.postgres);
        drifter->is_resumed = false;
    }
    drifter->greeted = false;
    life_back_off(&drifter->tries);
}

static void all_well(struct drifter *drifter)
{
    drifter->tries = 0;
    drifter->complaint[0] = '\0';
    life_ready(drifter->part, true, "");
}

static bool have_connection(struct drifter *drifter)
{
    struct error error = {0};
    bool busy = false;
    if (drifter->looker.postgres != NULL)
        return true;
    if (drift_connect(drifter, &busy, &error) != STATUS_OK) {
        trouble(drifter, "postgres", &error);
        return false;
    }
    if (!busy)
        return true;
    life_ready(drifter->part, true, "standing by: another process compares the shop");
    life_wait_ms(STANDBY_MS);
    return false;
}

/* What was not compared is told too: silence must never look like health. */
static enum status note_missed(struct drifter *drifter, int64_t age_ms,
                               struct error *error)
{
    char detail[160];
    int64_t interval_ms = drifter->settings->interval_ms;
    if (age_ms <= interval_ms * 2)
        return STATUS_OK;
    (void)snprintf(detail, sizeof detail,
                   "no full comparison began for %lld s; one is due every %lld s",
                   (long long)(age_ms / 1000), (long long)(interval_ms / 1000));
    log_warn("comparisons were missed", LOG_TEXT("shop", drifter->name),
             LOG_TEXT("detail", detail), LOG_END);
    metric_add(drifter->metrics.runs[3], 1);
    enum status status =
        store_drift_missed(drifter->looker.postgres, drifter->shop->name, detail, error);
    return status == STATUS_OK ? drift_uncompared(drifter, detail, error) : status;
}

static enum status run_full(struct drifter *drifter, bool *ran_out, struct error *error)
{
    const struct drift_wish wish = {.kind = DRIFT_FULL};
    int64_t age_ms = -1;
    *ran_out = false;
    if (clock_monotonic_us() < drifter->full_us)
        return STATUS_OK;
    drifter->full_us = clock_monotonic_us() + FULL_ASK_US;
    enum status status = store_drift_last_full(drifter->looker.postgres,
                                               drifter->shop->name, &age_ms, error);
    if (status != STATUS_OK)
        return status;
    metric_set(drifter->metrics.age_seconds, age_ms >= 0 ? age_ms / 1000 : -1);
    if (age_ms >= 0 && age_ms < drifter->settings->interval_ms)
        return STATUS_OK;
    *ran_out = true;
    status = note_missed(drifter, age_ms, error);
    return status == STATUS_OK ? drift_compare(drifter, &wish, error) : status;
}

static enum status run_hot(struct drifter *drifter, bool *ran_out, struct error *error)
{
    const struct drift_wish wish = {.kind = DRIFT_HOT};
    *ran_out = false;
    if (drifter->settings->hot_ms == 0 || clock_monotonic_us() < drifter->hot_us)
        return STATUS_OK;
    *ran_out = true;
    drifter->hot_us = clock_monotonic_us() + drifter->settings->hot_ms * 1000;
    return drift_compare(drifter, &wish, error);
}

static enum status resume(struct drifter *drifter, struct error *error)
{
    if (drifter->is_resumed)
        return STATUS_OK;
    drifter->is_resumed = true;
    return drift_resume(drifter, error);
}

static enum status work(struct drifter *drifter, bool *ran_out, struct error *error)
{
    enum status status = drift_tell(drifter, error);
    if (status == STATUS_OK)
        status = drift_greet(drifter, error);
    if (status == STATUS_OK)
        status = resume(drifter, error);
    if (status == STATUS_OK)
        status = run_full(drifter, ran_out, error);
    if (status == STATUS_OK && !*ran_out)
        status = run_hot(drifter, ran_out, error);
    return status;
}

static void step(struct drifter *drifter)
{
    struct error error = {0};
    bool ran = false;
    if (!have_connection(drifter))
        return;
    if (work(drifter, &ran, &error) != STATUS_OK) {
        trouble(drifter, postgres_alive(drifter->looker.postgres) ? "shop" : "postgres",
                &error);
        return;
    }
    all_well(drifter);
    if (!ran)
        life_wait_ms(IDLE_MS);
}

void *drift_run_worker(void *self)
{
    struct drifter *drifter = self;
    while (!life_ending()) {
        admin_alive();
        step(drifter);
    }
    return NULL;
}
