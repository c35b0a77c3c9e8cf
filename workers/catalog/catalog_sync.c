#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "common/runtime/shop_export.h"
#include "workers/catalog/catalog.h"

#include <stdio.h>

#define CALL_TIMEOUT_MS 30000
#define MERGE_STEP 5000

struct sync {
    struct catalog *catalog;
    const struct shop *shop;
    struct shopify *shopify;
    struct shop_places places;
    struct catalog_run run;
    struct catalog_counts counts;
};

static void draw(const struct sync *sync, const char *what, int64_t count)
{
    if (sync->catalog->terminal)
        fprintf(stderr, "\r%.*s: %s %lld\033[K", SPAN_ARGS(sync->shop->name), what,
                (long long)count);
}

static void draw_export(void *self, const char *what, int64_t count)
{
    draw(self, what, count);
}

/* ---- locations ---------------------------------------------------------------------- */

static void warn_inactive(struct span code)
{
    char name[128];
    (void)snprintf(name, sizeof name, "%.*s", SPAN_ARGS(code));
    log_warn("a location of the contract is not active in the shop",
             LOG_TEXT("location", name), LOG_END);
}

static enum status check_place(const struct sync *sync, size_t place,
                               const struct shopify_locations *found, struct error *error)
{
    struct span gid = sync->places.gids[place];
    struct span code = sync->places.codes[place];
    for (size_t at = 0; at < found->count; at++) {
        if (!span_equal(found->all[at].gid, gid))
            continue;
        if (!found->all[at].active)
            warn_inactive(code);
        return STATUS_OK;
    }
    error_set(error, STATUS_FATAL,
              "shop %.*s has no location %.*s (%.*s in the contract): correct its id",
              SPAN_ARGS(sync->shop->name), SPAN_ARGS(gid), SPAN_ARGS(code));
    return error_exit(error, EXIT_CONFIG);
}

static enum status check_places(struct sync *sync, struct error *error)
{
    SCOPED(pool_free) struct pool pool;
    struct shopify_locations found = {.pool = &pool};
    pool_init(&pool, (size_t)1 << 20);
    enum status status = STATUS_OK;
    int tries = 0;
    do {
        status = shopify_locations(sync->shopify, &found, error);
    } while (shop_access_again(sync->shopify, status, error, &tries));
    for (size_t place = 0; place < sync->places.count && status == STATUS_OK; place++)
        status = check_place(sync, place, &found, error);
    return status;
}

static enum status read_export(struct sync *sync, struct error *error)
{
    struct shop_export export = {.shopify = sync->shopify,
                                 .postgres = sync->catalog->postgres,
                                 .shop = sync->shop->name,
                                 .sku_steps = sync->catalog->contract->sku_steps,
                                 .progress = draw_export,
                                 .self = sync};
    enum status status = shop_export_begin(&export, error);
    if (status == STATUS_OK)
        status = shop_export_await(&export, error);
    if (status == STATUS_OK)
        status = shop_export_stage(&export, error);
    return status;
}

/* ---- the merge ---------------------------------------------------------------------- */

static enum status merge_levels(struct sync *sync, struct error *error)
{
    const struct catalog_target target = {
        .run = &sync->run, .places = &sync->places, .mode = sync->shop->mode};
    enum status status = STATUS_OK;
    for (int64_t from = 0; from < sync->counts.levels && status == STATUS_OK;
         from += MERGE_STEP) {
        status = store_catalog_merge_levels(sync->catalog->postgres, &target, from,
                                            from + MERGE_STEP, error);
        draw(sync, "levels merged", from);
    }
    return status;
}

static enum status merge(struct sync *sync, struct error *error)
{
    struct postgres *postgres = sync->catalog->postgres;
    enum status status = store_catalog_counts(postgres, &sync->run, &sync->counts, error);
    if (status != STATUS_OK)
        return status;
    if (sync->counts.items == 0 && sync->counts.items_before > 0) {
        error_set(
            error, STATUS_REJECT,
            "the export is empty although %lld items are known: nothing was changed; "
            "check the shop and the app's scopes",
            (long long)sync->counts.items_before);
        return error_exit(error, EXIT_FOUND);
    }
    status = store_catalog_merge_items(postgres, &sync->run, error);
    if (status == STATUS_OK)
        status = merge_levels(sync, error);
    if (status == STATUS_OK)
        status = store_catalog_finish(postgres, &sync->run, &sync->places, &sync->counts,
                                      error);
    return status;
}

static enum status begin_run(struct sync *sync, struct error *error)
{
    bool busy = false;
    sync->run.shop = sync->shop->name;
    enum status status =
        store_catalog_begin(sync->catalog->postgres, &sync->run, &busy, error);
    if (status != STATUS_OK || !busy)
        return status;
    error_set(error, STATUS_RETRY, "another catalog sync of shop %.*s is running",
              SPAN_ARGS(sync->shop->name));
    return error_exit(error, EXIT_AGAIN);
}

static enum status run_sync(struct sync *sync, struct error *error)
{
    enum status status =
        shop_access_places(sync->catalog->contract, sync->shop, &sync->places, error);
    if (status == STATUS_OK)
        status = shop_access_open(sync->shop, CALL_TIMEOUT_MS, &sync->shopify, error);
    if (status == STATUS_OK)
        status = shop_access_check(sync->shopify, SCOPES_NEEDED & ~SCOPE_WRITE_INVENTORY,
                                   error);
    if (status == STATUS_OK)
        status = check_places(sync, error);
    if (status == STATUS_OK)
        status = begin_run(sync, error);
    if (status == STATUS_OK)
        status = read_export(sync, error);
    if (status == STATUS_OK)
        status = merge(sync, error);
    return status;
}

enum status catalog_sync(struct catalog *catalog, const struct shop *shop,
                         struct catalog_counts *counts, struct error *error)
{
    struct sync sync = {.catalog = catalog, .shop = shop};
    enum status status = run_sync(&sync, error);
    if (catalog->terminal)
        fputs("\r\033[K", stderr);
    shopify_close(&sync.shopify);
    shop_access_places_free(&sync.places);
    *counts = sync.counts;
    return status;
}
