#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_catalog.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "common/runtime/shop_export.h"
#include "common/runtime/shop_incident.h"
#include "workers/drift/drift.h"

#include <stdio.h>

#define AWAY_TRIES_MAX 8
#define WAIT_SLICE_MS 500

static struct drift_target target_of(struct drifter *drifter)
{
    return (struct drift_target){.run = &drifter->run,
                                 .places = &drifter->places,
                                 .mode = drifter->shop->mode,
                                 .settle_ms = drifter->settings->settle_ms,
                                 .contract = drifter->settings->contract};
}

/* ---- the first look at everything ----------------------------------------------------- */

static void draw(void *self, const char *what, int64_t count)
{
    const struct drifter *drifter = self;
    if (drifter->settings->is_command)
        log_debug("comparing", LOG_TEXT("shop", drifter->name), LOG_TEXT("what", what),
                  LOG_INT("count", count), LOG_END);
}

static enum status stage_export(struct drifter *drifter, struct error *error)
{
    struct shop_export export = {.shopify = drifter->looker.shopify,
                                 .shop = drifter->shop->name,
                                 .postgres = drifter->looker.postgres,
                                 .sku_steps = drifter->settings->contract->sku_steps,
                                 .progress = draw,
                                 .self = drifter};
    enum status status = store_catalog_staging(drifter->looker.postgres, error);
    if (status == STATUS_OK)
        status = shop_export_begin(&export, error);
    if (status == STATUS_OK)
        status = shop_export_await(&export, error);
    if (status == STATUS_OK)
        status = shop_export_stage(&export, error);
    drifter->run.calls++;
    return status;
}

static enum status compare_export(struct drifter *drifter, struct error *error)
{
    const struct drift_target target = target_of(drifter);
    enum status status = store_drift_compare(drifter->looker.postgres, &target, error);
    if (status != STATUS_OK || drifter->run.compared > 0 || drifter->run.suspects == 0)
        return status;
    (void)error_set(error, STATUS_REJECT,
                    "the export has none of the %lld pairs that are known in the shop: "
                    "not believed; check the shop and the app's scopes",
                    (long long)drifter->run.suspects);
    return error_exit(error, EXIT_UNAVAILABLE);
}

/* ---- pairs that are decided under another contract file -------------------------------- */

static void go_on_behind(struct drifter *drifter, struct drift_choice *choice)
{
    const struct drift_pairs *pairs = &drifter->looker.pairs;
    const struct drift_pair *last = &pairs->all[pairs->count - 1];
    buf_clear(&drifter->after_sku);
    buf_clear(&drifter->after_location);
    buf_span(&drifter->after_sku, last->sku);
    buf_span(&drifter->after_location, last->location);
    choice->after_sku = buf_view(&drifter->after_sku);
    choice->after_location = buf_view(&drifter->after_location);
}

/* False: push follows our file, so that the rows say what we would. */
static enum status suspect_page(struct drifter *drifter, bool *other_out,
                                struct error *error)
{
    bool suspected[DRIFT_BATCH_MAX];
    const struct drift_target target = target_of(drifter);
    enum status status = drift_decide(&drifter->looker, error);
    if (status != STATUS_OK)
        return status;
    *other_out = drifter->looker.looked.facts[0].follows_other_contract;
    for (size_t at = 0; at < drifter->looker.pairs.count; at++) {
        const struct drift_facts *facts = &drifter->looker.looked.facts[at];
        suspected[at] =
            facts->desired.known && facts->desired.units != facts->noted.units;
    }
    const struct drift_suspects suspects = {&drifter->looker.pairs, suspected,
                                            drifter->looker.looked.facts};
    int64_t compared = drifter->run.compared;
    if (!*other_out)
        return STATUS_OK;
    status = store_drift_suspect(drifter->looker.postgres, &target, &suspects, error);
    drifter->run.compared = compared;
    return status;
}

static enum status suspect_undecided(struct drifter *drifter, struct error *error)
{
    struct drift_choice choice = {.shop = drifter->shop->name,
                                  .places = &drifter->places,
                                  .limit = DRIFT_BATCH_MAX};
    bool other = true;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && other && !life_ending()) {
        pool_reset(&drifter->looker.pool);
        status = store_drift_chosen(drifter->looker.postgres, &choice,
                                    &drifter->looker.pairs, error);
        if (status != STATUS_OK || drifter->looker.pairs.count == 0)
            break;
        status = suspect_page(drifter, &other, error);
        go_on_behind(drifter, &choice);
    }
    buf_clear(&drifter->after_sku);
    buf_clear(&drifter->after_location);
    return status;
}

/* ---- the first look at some ----------------------------------------------------------- */

static enum status suspect_pairs(struct drifter *drifter, struct error *error)
{
    bool suspected[DRIFT_BATCH_MAX];
    const struct drift_target target = target_of(drifter);
    enum status status = drift_look(&drifter->looker, error);
    if (status != STATUS_OK)
        return status;
    for (size_t at = 0; at < drifter->looker.pairs.count; at++)
        suspected[at] = drifter->looker.looked.judgements[at].verdict != DRIFT_CLEAN;
    const struct drift_suspects suspects = {&drifter->looker.pairs, suspected,
                                            drifter->looker.looked.facts};
    return store_drift_suspect(drifter->looker.postgres, &target, &suspects, error);
}

static struct span behind(const struct buf *text)
{
    return text->length > 0 ? buf_view(text) : (struct span){0};
}

static enum status look_at_hot(struct drifter *drifter, struct error *error)
{
    struct drift_choice choice = {.shop = drifter->shop->name,
                                  .places = &drifter->places,
                                  .limit = DRIFT_BATCH_MAX,
                                  .after_sku = behind(&drifter->after_sku),
                                  .after_location = behind(&drifter->after_location)};
    pool_reset(&drifter->looker.pool);
    enum status status =
        store_drift_hot(drifter->looker.postgres, &choice, &drifter->looker.pairs, error);
    if (status != STATUS_OK)
        return status;
    if (drifter->looker.pairs.count == 0) {
        buf_clear(&drifter->after_sku);
        buf_clear(&drifter->after_location);
        return STATUS_OK;
    }
    status = suspect_pairs(drifter, error);
    go_on_behind(drifter, &choice);
    return status;
}

static enum status look_at_chosen(struct drifter *drifter, const struct drift_wish *wish,
                                  struct error *error)
{
    struct drift_choice choice = {.shop = drifter->shop->name,
                                  .places = &drifter->places,
                                  .sku = wish->sku,
                                  .location = wish->location,
                                  .limit = DRIFT_BATCH_MAX};
    enum status status = STATUS_OK;
    while (status == STATUS_OK && !life_ending()) {
        pool_reset(&drifter->looker.pool);
        status = store_drift_chosen(drifter->looker.postgres, &choice,
                                    &drifter->looker.pairs, error);
        if (status != STATUS_OK || drifter->looker.pairs.count == 0)
            break;
        status = suspect_pairs(drifter, error);
        go_on_behind(drifter, &choice);
    }
    buf_clear(&drifter->after_sku);
    buf_clear(&drifter->after_location);
    return status;
}

/* ---- the second look ------------------------------------------------------------------ */

/* *over_out: no suspect is left. */
static enum status second_look(struct drifter *drifter, bool *over_out,
                               struct error *error)
{
    const struct drift_target target = target_of(drifter);
    int64_t wait_ms = 0;
    pool_reset(&drifter->looker.pool);
    enum status status = store_drift_due(drifter->looker.postgres, &target,
                                         &drifter->looker.pairs, &wait_ms, error);
    *over_out = status == STATUS_OK && drifter->looker.pairs.count == 0 && wait_ms == 0;
    if (status != STATUS_OK || *over_out)
        return status;
    if (drifter->looker.pairs.count == 0) {
        life_wait_ms(wait_ms < WAIT_SLICE_MS ? wait_ms : WAIT_SLICE_MS);
        return STATUS_OK;
    }
    status = drift_look(&drifter->looker, error);
    if (status == STATUS_OK)
        status = drift_settle(drifter, error);
    return status;
}

/* The shop may be away for a while: a comparison outlasts that. */
static enum status second_looks(struct drifter *drifter, struct error *error)
{
    bool over = false;
    int away = 0;
    enum status status = STATUS_OK;
    while (!over && !life_ending()) {
        status = second_look(drifter, &over, error);
        if (status == STATUS_OK) {
            away = 0;
            continue;
        }
        if (status != STATUS_RETRY || !postgres_alive(drifter->looker.postgres) ||
            away >= AWAY_TRIES_MAX)
            return status;
        life_back_off(&away);
    }
    return STATUS_OK;
}

/* ---- the end -------------------------------------------------------------------------- */

static void count_run(const struct drifter *drifter, size_t end)
{
    const struct drift_metrics *metrics = &drifter->metrics;
    if (metrics->compared == NULL)
        return;
    metric_add(metrics->runs[end], 1);
    metric_add(metrics->compared, drifter->run.compared);
    metric_add(metrics->suspects, drifter->run.suspects);
    metric_add(metrics->in_flight, drifter->run.in_flight);
}

static struct shop_incident incident_of(const struct drifter *drifter, const char *detail)
{
    return (struct shop_incident){.class = INCIDENT_UNCOMPARED,
                                  .shop = drifter->shop->name,
                                  .actor = "drift",
                                  .detail = detail,
                                  .at_us = clock_now_us()};
}

enum status drift_uncompared(struct drifter *drifter, const char *detail,
                             struct error *error)
{
    const struct shop_incident incident = incident_of(drifter, detail);
    bool news = false;
    return shop_incident_raise(drifter->looker.postgres, &incident, &news, error);
}

/* Silence must never look like health: a comparison of everything that came to nothing is
 * an incident, which the next one that succeeds ends. */
static enum status tell_of_full(struct drifter *drifter, const struct error *why,
                                struct error *error)
{
    bool news = false;
    if (drifter->run.kind != DRIFT_FULL)
        return STATUS_OK;
    if (why != NULL)
        return drift_uncompared(drifter, why->text, error);
    const struct shop_incident incident =
        incident_of(drifter, "everything was compared again");
    return shop_incident_end(drifter->looker.postgres, &incident, &news, error);
}

static enum status end_run(struct drifter *drifter, const struct error *why,
                           struct error *error)
{
    static const char *const ENDS[] = {"finished", "partial", "failed"};
    const struct drift_run *run = &drifter->run;
    size_t end = why == NULL ? 0 : run->compared > 0 ? 1 : 2;
    log_info("compared", LOG_TEXT("shop", drifter->name), LOG_INT("run", run->id),
             LOG_TEXT("kind", drift_kind_name(run->kind)), LOG_TEXT("state", ENDS[end]),
             LOG_INT("pairs", run->compared), LOG_INT("suspects", run->suspects),
             LOG_INT("in_flight", run->in_flight), LOG_INT("findings", run->findings),
             LOG_TEXT("why", why != NULL ? why->text : ""), LOG_END);
    count_run(drifter, end);
    drift_count_calls(drifter);
    enum status status = tell_of_full(drifter, why, error);
    if (status == STATUS_OK)
        status = store_drift_end(drifter->looker.postgres, &drifter->run, ENDS[end],
                                 why != NULL ? why->text : "", error);
    if (status == STATUS_OK && !drifter->settings->is_command)
        drifter->run.id = 0;
    return status;
}

/* What was begun is ended, be it that the shop does not answer; a process that is told to
 * end, or that lost the database, leaves the run to the next one. */
static enum status conclude(struct drifter *drifter, enum status status,
                            struct error *error)
{
    struct error own = {0};
    if (life_ending() || !postgres_alive(drifter->looker.postgres))
        return status;
    if (status == STATUS_OK)
        return end_run(drifter, NULL, error);
    (void)end_run(drifter, error, &own);
    return status;
}

static enum status first_look(struct drifter *drifter, const struct drift_wish *wish,
                              struct error *error)
{
    if (wish->kind == DRIFT_HOT)
        return look_at_hot(drifter, error);
    if (wish->kind == DRIFT_ASKED &&
        (wish->sku.bytes != NULL || wish->location.bytes != NULL))
        return look_at_chosen(drifter, wish, error);
    enum status status = stage_export(drifter, error);
    if (status == STATUS_OK)
        status = compare_export(drifter, error);
    if (status == STATUS_OK)
        status = suspect_undecided(drifter, error);
    return status;
}

enum status drift_compare(struct drifter *drifter, const struct drift_wish *wish,
                          struct error *error)
{
    drifter->run = (struct drift_run){.shop = drifter->shop->name, .kind = wish->kind};
    drift_lag_mark(&drifter->looker);
    enum status status = store_drift_begin(drifter->looker.postgres, &drifter->run,
                                           drifter->settings->contract->digest, error);
    if (status != STATUS_OK)
        return status;
    status = first_look(drifter, wish, error);
    if (status == STATUS_OK)
        status = second_looks(drifter, error);
    return conclude(drifter, status, error);
}

enum status drift_resume(struct drifter *drifter, struct error *error)
{
    bool staged = false;
    drifter->run = (struct drift_run){.shop = drifter->shop->name};
    enum status status =
        store_drift_resume(drifter->looker.postgres, &drifter->run, &staged, error);
    if (status != STATUS_OK || drifter->run.id == 0)
        return status;
    log_info("a comparison that was left unfinished goes on",
             LOG_TEXT("shop", drifter->name), LOG_INT("run", drifter->run.id), LOG_END);
    const struct drift_wish wish = {.kind = drifter->run.kind};
    drift_lag_mark(&drifter->looker);
    if (!staged)
        status = first_look(drifter, &wish, error);
    if (status == STATUS_OK)
        status = second_looks(drifter, error);
    return conclude(drifter, status, error);
}
