/*
 * Runs that have ended, held against the open incidents of their shop: found clean by two of
 * them, an incident is over.
 */
#include "common/base/check.h"
#include "common/io/store_resolve_keep.h"
#include "common/runtime/log.h"
#include "workers/resolve/resolve_keep.h"

#include <stdio.h>

static int order_of(const struct run_word *word, const struct incident_of_pair *pair)
{
    int order = span_compare(word->sku, pair->sku);
    return order != 0 ? order : span_compare(word->location, pair->location);
}

/* Of an incident that is no pair's, a run can say nothing. */
static enum incident_finding_of_run says(void *self, const struct incident_of_pair *pair)
{
    const struct run_words *words = self;
    size_t low = 0;
    size_t high = words->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct run_word *word = &words->items[middle];
        int order = order_of(word, pair);
        if (order == 0)
            return word->is_found   ? INCIDENT_RUN_FOUND
                   : word->is_clean ? INCIDENT_RUN_CLEAN
                                    : INCIDENT_RUN_SILENT;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return INCIDENT_RUN_SILENT;
}

static enum status hold_against(struct keeper *keeper, const struct ended_run *ended,
                                struct error *error)
{
    char name[24];
    struct run_words words = {0};
    struct incident_run_report report = {0};
    enum status status =
        store_run_words(keeper->postgres, ended, &keeper->pool, &words, error);
    if (status != STATUS_OK)
        return status;
    (void)snprintf(name, sizeof name, "%lld", (long long)ended->id);
    const struct incident_run run = {.shop = ended->shop,
                                     .id = span_from(name),
                                     .actor = SPAN_OF(RESOLVE_ACTOR),
                                     .began_at_us = ended->began_at_us,
                                     .says = says,
                                     .self = &words};
    status = store_incidents_run(keeper->postgres, &run, &report, error);
    if (status == STATUS_OK && report.resolved > 0)
        log_info("incidents resolved by two clean runs", LOG_INT("run", ended->id),
                 LOG_INT("resolved", (int64_t)report.resolved), LOG_END);
    return status;
}

enum status keeper_close(struct keeper *keeper, bool *more_out, struct error *error)
{
    struct ended_run run = {0};
    enum status status = store_run_ended(keeper->postgres, &keeper->pool, &run, error);
    *more_out = run.is_there;
    if (status != STATUS_OK || !run.is_there)
        return status;
    if (run.is_finished)
        status = hold_against(keeper, &run, error);
    return status == STATUS_OK ? store_run_closed(keeper->postgres, run.id, error)
                               : status;
}
