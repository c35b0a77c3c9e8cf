#include "common/base/scope.h"
#include "common/runtime/life.h"
#include "workers/resync/resync.h"

#include <stdio.h>
#include <string.h>

#define KEY_BYTES_MAX ((size_t)4 * 1024)
#define LOOK_EVERY_MS 200

/* A page is a transaction of its own: what was marked stays marked. */
static enum status mark_shop(struct resync_job *job, struct resync_shop *shop,
                             struct error *error)
{
    SCOPED(buf_free) struct buf sku = {0};
    SCOPED(buf_free) struct buf location = {0};
    struct resync_page_order order = {.filter = &job->filter,
                                      .shop = shop->shop,
                                      .batch = span_from(job->batch),
                                      .actor = job->actor,
                                      .after_sku = SPAN_OF(""),
                                      .after_location = SPAN_OF("")};
    buf_init(&sku, KEY_BYTES_MAX);
    buf_init(&location, KEY_BYTES_MAX);
    shop->pairs = 0;
    for (;;) {
        SCOPED(rows_release) struct rows rows = {0};
        enum status status = store_resync_mark(job->postgres, &order, &rows, error);
        if (status != STATUS_OK || rows.count == 0)
            return status;
        shop->pairs += rows_int(&rows, 0, 0);
        buf_clear(&sku);
        buf_clear(&location);
        buf_span(&sku, rows_span(&rows, 0, 1));
        buf_span(&location, rows_span(&rows, 0, 2));
        order.after_sku = buf_view(&sku);
        order.after_location = buf_view(&location);
    }
}

enum status resync_do(struct resync_job *job, struct error *error)
{
    enum status status = STATUS_OK;
    job->pairs = 0;
    for (size_t at = 0; at < job->shop_count && status == STATUS_OK; at++) {
        status = mark_shop(job, &job->shops[at], error);
        job->pairs += job->shops[at].pairs;
    }
    return status;
}

void resync_print_result(const struct resync_job *job,
                         const struct resync_standing *standing)
{
    if (job->output != OUTPUT_TABLE) {
        printf(
            "{\"dry_run\": false, \"batch\": \"%s\", \"pairs\": %lld, \"waiting\": %lld, "
            "\"done\": %lld, \"failed\": %lld}\n",
            job->batch, (long long)job->pairs, (long long)standing->waiting,
            (long long)standing->done, (long long)standing->failed);
        return;
    }
    printf("batch %s: %lld pairs are asked for", job->batch, (long long)job->pairs);
    if (standing->done + standing->failed > 0)
        printf("; read back: %lld done, %lld failed, %lld waiting",
               (long long)standing->done, (long long)standing->failed,
               (long long)standing->waiting);
    putchar('\n');
}

enum status resync_wait(struct resync_job *job, int64_t seconds, struct error *error)
{
    struct resync_standing standing = {.waiting = job->pairs};
    int64_t end_us = clock_monotonic_us() + seconds * 1000000;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && standing.waiting > 0 && clock_monotonic_us() < end_us) {
        life_wait_ms(LOOK_EVERY_MS);
        status =
            store_resync_standing(job->postgres, span_from(job->batch), &standing, error);
    }
    if (status != STATUS_OK)
        return status;
    resync_print_result(job, &standing);
    if (standing.waiting > 0) {
        (void)error_set(error, STATUS_RETRY,
                        "%lld pairs are not read back yet; are push and resolve running?",
                        (long long)standing.waiting);
        return error_exit(error, EXIT_AGAIN);
    }
    if (standing.failed == 0)
        return STATUS_OK;
    (void)error_set(error, STATUS_REJECT, "%lld pairs failed; 'parstock incidents list'",
                    (long long)standing.failed);
    return error_exit(error, EXIT_FOUND);
}
