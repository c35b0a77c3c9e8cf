#include "common/runtime/shop_export.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_webhooks.h"
#include "common/runtime/export_stage.h"
#include "common/runtime/life.h"
#include "common/runtime/shop_access.h"

#include <string.h>

#define POLL_FIRST_MS 100
#define POLL_MAX_MS 5000
#define RUN_TRIES_MAX 10
#define AWAY_TRIES_MAX 8
#define EXPORT_WAIT_MS (6LL * 3600 * 1000)

static void tell(const struct shop_export *export, const char *what, int64_t count)
{
    if (export->progress != NULL)
        export->progress(export->self, what, count);
}

static void tell_lines(void *self, int64_t lines)
{
    tell(self, "lines read", lines);
}

static bool is(const char *left, const char *right)
{
    return strcmp(left, right) == 0;
}

/* Others of this app may run exports: wait a while for a free place. */
enum status shop_export_begin(struct shop_export *export, struct error *error)
{
    int tries = 0;
    int throttled = 0;
    for (int count = 0; count < RUN_TRIES_MAX && !life_ending(); count++) {
        enum status status = STATUS_OK;
        do {
            status = shopify_bulk_run(export->shopify, &export->bulk, error);
        } while (shop_access_again(export->shopify, status, error, &throttled));
        if (status != STATUS_OK &&
            (status != STATUS_RETRY || count + 1 == AWAY_TRIES_MAX))
            return status;
        if (status == STATUS_OK && export->bulk.error_code[0] == '\0')
            return STATUS_OK;
        if (status == STATUS_OK && !is(export->bulk.error_code, "LIMIT_REACHED") &&
            !is(export->bulk.error_code, "OPERATION_IN_PROGRESS"))
            return error_set_code(error, STATUS_FATAL, export->bulk.error_code,
                                  "the shop refuses the export: %s",
                                  export->bulk.message);
        life_back_off(&tries);
    }
    error_set(error, STATUS_RETRY,
              "the shop is busy with other exports: try again later");
    return error_exit(error, EXIT_AGAIN);
}

static enum status export_failed(const struct shop_export *export, struct error *error)
{
    error_set(error, STATUS_RETRY, "the export ended as %s %s: try again later",
              export->bulk.status, export->bulk.error_code);
    return error_exit(error, EXIT_AGAIN);
}

/* The shop's webhook ends the wait; where none comes, it is as long as it is. */
static void wait_for_export(const struct shop_export *export, const char *id,
                            int64_t wait_ms)
{
    struct error ignored = {0};
    bool woken = false;
    for (int64_t waited_ms = 0; waited_ms < wait_ms && !woken && !life_ending();
         waited_ms += POLL_FIRST_MS) {
        life_wait_ms(POLL_FIRST_MS);
        if (store_is_woken(export->postgres, export->shop, span_from(id), &woken,
                           &ignored) != STATUS_OK)
            woken = false;
    }
}

enum status shop_export_await(struct shop_export *export, struct error *error)
{
    char id[SHOPIFY_GID_MAX];
    memcpy(id, export->bulk.id, sizeof id);
    int64_t end_us = clock_monotonic_us() + EXPORT_WAIT_MS * 1000;
    int64_t wait_ms = POLL_FIRST_MS;
    int away = 0;
    int throttled = 0;
    while (!life_ending() && clock_monotonic_us() < end_us) {
        wait_for_export(export, id, wait_ms);
        wait_ms = wait_ms * 2 < POLL_MAX_MS ? wait_ms * 2 : POLL_MAX_MS;
        enum status status = STATUS_OK;
        do {
            status = shopify_bulk_status(export->shopify, id, &export->bulk, error);
        } while (shop_access_again(export->shopify, status, error, &throttled));
        if (status == STATUS_RETRY && ++away < AWAY_TRIES_MAX)
            continue;
        if (status != STATUS_OK)
            return status;
        away = 0;
        tell(export, "objects exported", export->bulk.object_count);
        if (is(export->bulk.status, "COMPLETED"))
            return STATUS_OK;
        if (!is(export->bulk.status, "CREATED") && !is(export->bulk.status, "RUNNING"))
            return export_failed(export, error);
    }
    error_set(error, STATUS_RETRY, "the export was not waited for any longer");
    return error_exit(error, EXIT_AGAIN);
}

enum status shop_export_stage(struct shop_export *export, struct error *error)
{
    SCOPED(export_stage_close) struct export_stage *stage = NULL;
    enum status status =
        export_stage_open(export->postgres, export->sku_steps, &stage, error);
    if (status != STATUS_OK || export->bulk.url[0] == '\0')
        return status;
    export_stage_progress(stage, tell_lines, export);
    status = shopify_download(export->shopify, export->bulk.url, export_stage_take, stage,
                              error);
    const struct error *own = export_stage_error(stage);
    if (own != NULL)
        *error = *own;
    if (status == STATUS_OK)
        status = export_stage_end(stage, error);
    if (status == STATUS_OK && export->bulk.object_count != export_stage_lines(stage))
        return error_set(error, STATUS_RETRY,
                         "the export has %lld lines, not the %lld that the shop counted",
                         (long long)export_stage_lines(stage),
                         (long long)export->bulk.object_count);
    return status;
}
