#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "workers/catalog/catalog.h"

#include <stdio.h>

#define CALL_TIMEOUT_MS 30000
#define MERGE_STEP 5000
#define POLL_FIRST_MS 100
#define POLL_MAX_MS 5000
#define RUN_TRIES_MAX 10
#define AWAY_TRIES_MAX 8
#define EXPORT_WAIT_MS (6LL * 3600 * 1000)

struct sync {
    struct catalog *catalog;
    const struct shop *shop;
    struct shopify *shopify;
    struct shop_places places;
    struct catalog_run run;
    struct catalog_counts counts;
    struct shopify_bulk bulk;
};

static void draw(const struct sync *sync, const char *what, int64_t count)
{
    if (sync->catalog->terminal)
        fprintf(stderr, "\r%.*s: %s %lld\033[K", SPAN_ARGS(sync->shop->name), what,
                (long long)count);
}

static void draw_lines(void *self, int64_t lines)
{
    draw(self, "lines read", lines);
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

/* ---- the export --------------------------------------------------------------------- */

static bool is(const char *left, const char *right)
{
    return strcmp(left, right) == 0;
}

/* Others of this app may run exports: wait a while for a free place. */
static enum status begin_export(struct sync *sync, struct error *error)
{
    int tries = 0;
    int throttled = 0;
    for (int count = 0; count < RUN_TRIES_MAX && !life_ending(); count++) {
        enum status status = STATUS_OK;
        do {
            status = shopify_bulk_run(sync->shopify, &sync->bulk, error);
        } while (shop_access_again(sync->shopify, status, error, &throttled));
        if (status != STATUS_OK &&
            (status != STATUS_RETRY || count + 1 == AWAY_TRIES_MAX))
            return status;
        if (status == STATUS_OK && sync->bulk.error_code[0] == '\0')
            return STATUS_OK;
        if (status == STATUS_OK && !is(sync->bulk.error_code, "LIMIT_REACHED") &&
            !is(sync->bulk.error_code, "OPERATION_IN_PROGRESS"))
            return error_set_code(error, STATUS_FATAL, sync->bulk.error_code,
                                  "the shop refuses the export: %s", sync->bulk.message);
        life_back_off(&tries);
    }
    error_set(error, STATUS_RETRY,
              "the shop is busy with other exports: try again later");
    return error_exit(error, EXIT_AGAIN);
}

static enum status export_failed(const struct sync *sync, struct error *error)
{
    error_set(error, STATUS_RETRY, "the export ended as %s %s: try again later",
              sync->bulk.status, sync->bulk.error_code);
    return error_exit(error, EXIT_AGAIN);
}

static enum status await_export(struct sync *sync, struct error *error)
{
    char id[SHOPIFY_GID_MAX];
    memcpy(id, sync->bulk.id, sizeof id);
    int64_t end_us = clock_monotonic_us() + EXPORT_WAIT_MS * 1000;
    int64_t wait_ms = POLL_FIRST_MS;
    int away = 0;
    int throttled = 0;
    while (!life_ending() && clock_monotonic_us() < end_us) {
        life_wait_ms(wait_ms);
        wait_ms = wait_ms * 2 < POLL_MAX_MS ? wait_ms * 2 : POLL_MAX_MS;
        enum status status = STATUS_OK;
        do {
            status = shopify_bulk_status(sync->shopify, id, &sync->bulk, error);
        } while (shop_access_again(sync->shopify, status, error, &throttled));
        if (status == STATUS_RETRY && ++away < AWAY_TRIES_MAX)
            continue;
        if (status != STATUS_OK)
            return status;
        away = 0;
        draw(sync, "objects exported", sync->bulk.object_count);
        if (is(sync->bulk.status, "COMPLETED"))
            return STATUS_OK;
        if (!is(sync->bulk.status, "CREATED") && !is(sync->bulk.status, "RUNNING"))
            return export_failed(sync, error);
    }
    error_set(error, STATUS_RETRY, "the export was not waited for any longer");
    return error_exit(error, EXIT_AGAIN);
}

static enum status read_export(struct sync *sync, struct error *error)
{
    SCOPED(feed_close) struct feed *feed = NULL;
    enum status status = feed_open(sync->catalog->postgres,
                                   sync->catalog->contract->sku_steps, &feed, error);
    if (status != STATUS_OK || sync->bulk.url[0] == '\0')
        return status;
    feed_progress(feed, draw_lines, sync);
    status = shopify_download(sync->shopify, sync->bulk.url, feed_take, feed, error);
    const struct error *own = feed_error(feed);
    if (own != NULL)
        *error = *own;
    if (status == STATUS_OK)
        status = feed_end(feed, error);
    if (status == STATUS_OK && sync->bulk.object_count != feed_lines(feed))
        return error_set(error, STATUS_RETRY,
                         "the export has %lld lines, not the %lld that the shop counted",
                         (long long)feed_lines(feed), (long long)sync->bulk.object_count);
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
        status = begin_export(sync, error);
    if (status == STATUS_OK)
        status = await_export(sync, error);
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
