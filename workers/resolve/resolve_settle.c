/*
 * Resyncs read back: each is done once the shop was read after the write and showed what it
 * should, or it has failed and a person hears of it. Those that push never came to are one
 * problem of the shop, not one a pair.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/json_text.h"
#include "common/io/store_resolve_keep.h"
#include "common/runtime/life.h"
#include "workers/resolve/resolve_keep.h"

#include <stdio.h>

#define EVIDENCE_BYTES_MAX ((size_t)16 * 1024)

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "resolve: out of memory");
}

/* ---- failures --------------------------------------------------------------------------- */

static struct span evidence_of(struct keeper *keeper, const struct resync *resync)
{
    SCOPED(buf_free) struct buf text = {0};
    const struct readback_look *look = &resync->look;
    buf_init(&text, EVIDENCE_BYTES_MAX);
    buf_byte(&text, '{');
    json_member_text(&text, "action", resync->id);
    json_member_text(&text, "rule", resync->rule);
    json_member_text(&text, "verdict", span_from(resync->verdict->id));
    json_member_text(&text, "verdict_why", span_from(resync->verdict->why));
    json_member_text(&text, "fault", look->fault);
    json_member_number_or_null(&text, "desired", look->has_desired, look->desired);
    json_member_number_or_null(&text, "shown", look->has_shown, look->shown);
    json_member_number(&text, "waited_ms", look->age_ms);
    buf_byte(&text, '}');
    return pool_buf(&keeper->pool, &text);
}

static enum status tell_failure(struct keeper *keeper, struct keeper_news *news,
                                const struct resync *resync, struct error *error)
{
    bool is_late = resync->verdict == readback_late();
    const struct incident_subject subject = {
        .shop = resync->shop, .sku = resync->sku, .location = resync->location};
    int64_t now_us = clock_now_us();
    const struct incident_origin origin = {.offset = now_us,
                                           .recorded_at_us = now_us,
                                           .sku = resync->sku,
                                           .location = resync->location,
                                           .event_id = resync->id};
    enum incident_class class = is_late ? INCIDENT_RESYNC_LATE : INCIDENT_RESYNC_FAILED;
    bool taken = incident_set_add(&news->set, class, &subject, &origin);
    ASSERT(taken); /* a page has fewer resyncs than a set has room */
    struct span evidence = evidence_of(keeper, resync);
    for (size_t at = 0; at < news->set.count; at++) {
        struct incident_sighting *sighting = &news->set.items[at];
        bool is_it =
            sighting->class == class &&
            span_equal(sighting->subject.shop, resync->shop) &&
            (is_late || (span_equal(sighting->subject.sku, resync->sku) &&
                         span_equal(sighting->subject.location, resync->location)));
        if (!is_it)
            continue;
        sighting->evidence = evidence;
        sighting->finding.root_cause = resync->verdict->why;
    }
    return evidence.bytes != NULL ? STATUS_OK : out_of_memory(error);
}

/* ---- approved ones ---------------------------------------------------------------------- */

/* The incident says what came of its action; one that a second writer had is over with it. */
static enum status answer(struct keeper *keeper, const struct resync *resync,
                          struct error *error)
{
    char note[200];
    struct incident after;
    bool is_done = resync->verdict->next == READBACK_DONE;
    (void)snprintf(note, sizeof note, is_done ? "%s: %lld" : "%s", resync->verdict->why,
                   (long long)resync->look.shown);
    const struct incident_deed deed = {.verb = is_done ? INCIDENT_DONE : INCIDENT_FAIL,
                                       .id = resync->incident,
                                       .actor = SPAN_OF(RESOLVE_ACTOR),
                                       .note = span_from(note)};
    enum status status =
        store_incident_do(keeper->postgres, &deed, &keeper->pool, &after, error);
    if (status == STATUS_REJECT)
        return STATUS_OK; /* it has ended meanwhile */
    if (status != STATUS_OK || !is_done || !span_is(after.class, "second_writer"))
        return status;
    struct keeper_news *news = keeper_news(keeper, error);
    struct span reason = pool_span(&keeper->pool, span_from(note));
    if (news == NULL || reason.bytes == NULL)
        return out_of_memory(error);
    news->ends.count = 1;
    news->ends.ids[0] = resync->incident;
    news->ends.skus[0] = resync->sku;
    news->ends.reasons[0] = reason;
    return keeper_end(keeper, news, error);
}

/* ---- push is at it again ---------------------------------------------------------------- */

static enum status end_late(struct keeper *keeper, const struct resync_page *page,
                            struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    struct span shops[RESOLVE_BATCH_MAX];
    size_t count = 0;
    for (size_t at = 0; at < page->count; at++)
        if (page->items[at].verdict->next == READBACK_DONE)
            shops[count++] = page->items[at].shop;
    if (count == 0)
        return STATUS_OK;
    struct keeper_news *news = keeper_news(keeper, error);
    if (news == NULL)
        return STATUS_RETRY;
    const struct resolve_over over = {"resync_late", shops, count,
                                      "resyncs are read back again"};
    enum status status = store_resolve_ends(keeper->postgres, &over, &rows, error);
    if (status == STATUS_OK)
        status = store_incidents_take_ends(&rows, &keeper->pool, &news->ends, error);
    return status == STATUS_OK ? keeper_end(keeper, news, error) : status;
}

/* ---- all of a page ---------------------------------------------------------------------- */

static enum status tell_page(struct keeper *keeper, const struct resync_page *page,
                             struct error *error)
{
    struct keeper_news *news = keeper_news(keeper, error);
    enum status status = news != NULL ? STATUS_OK : STATUS_RETRY;
    for (size_t at = 0; at < page->count && status == STATUS_OK; at++)
        if (page->items[at].verdict->next == READBACK_FAILED)
            status = tell_failure(keeper, news, &page->items[at], error);
    if (status == STATUS_OK)
        status = keeper_see(keeper, news, error);
    for (size_t at = 0; at < page->count && status == STATUS_OK; at++) {
        const struct resync *resync = &page->items[at];
        if (resync->incident.bytes != NULL && (resync->verdict->next == READBACK_DONE ||
                                               resync->verdict->next == READBACK_FAILED))
            status = answer(keeper, resync, error);
    }
    return status == STATUS_OK ? end_late(keeper, page, error) : status;
}

static void count_up(const struct resolve_metrics *metrics,
                     const struct resync_page *page)
{
    for (size_t at = 0; at < page->count; at++) {
        metric_add(metrics->done, page->items[at].verdict->next == READBACK_DONE);
        metric_add(metrics->failed, page->items[at].verdict->next == READBACK_FAILED);
    }
}

enum status keeper_settle(struct keeper *keeper, bool *more_out, struct error *error)
{
    struct resync_page *page = pool_take(&keeper->pool, sizeof(*page));
    bool any = false;
    if (page == NULL)
        return out_of_memory(error);
    enum status status = store_resyncs_look(
        keeper->postgres, keeper->resolve->patience_ms, &keeper->pool, page, error);
    for (size_t at = 0; status == STATUS_OK && at < page->count; at++) {
        page->items[at].verdict = readback_judge(&page->items[at].look);
        any = any || page->items[at].verdict->next != READBACK_WAIT;
    }
    if (status == STATUS_OK && any)
        status = store_resyncs_settle(keeper->postgres, page, error);
    if (status == STATUS_OK && any)
        status = tell_page(keeper, page, error);
    if (status == STATUS_OK)
        count_up(&keeper->resolve->metrics, page);
    *more_out = any && page->count == RESOLVE_BATCH_MAX;
    return status;
}
