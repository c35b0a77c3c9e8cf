/*
 * What a person has decided: approved actions are carried out once, in the transaction that
 * marks them as taken in hand; a stop whose incident can not be approved any more ends, and
 * what it held is dropped.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/proposal_json.h"
#include "common/io/store_resolve_keep.h"
#include "common/io/store_zeroing.h"
#include "common/runtime/log.h"
#include "workers/resolve/resolve_keep.h"

#include <stdio.h>

#define NAME_MAX_BYTES 320
#define STOPPED_CLASS "guard_stopped"

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "resolve: out of memory");
}

static enum status say(struct keeper *keeper, const struct incident_approved *approved,
                       enum incident_verb verb, const char *note, struct error *error)
{
    struct incident after;
    const struct incident_deed deed = {.verb = verb,
                                       .id = approved->id,
                                       .actor = SPAN_OF(RESOLVE_ACTOR),
                                       .note = span_from(note)};
    return store_incident_do(keeper->postgres, &deed, &keeper->pool, &after, error);
}

/* ---- carrying out ----------------------------------------------------------------------- */

/* Said to be done once it was read back. */
static enum status resync(struct keeper *keeper, const struct incident_approved *approved,
                          const struct proposal *proposal, struct error *error)
{
    char name[NAME_MAX_BYTES];
    bool is_new = false;
    (void)snprintf(name, sizeof name, "%.*s@%lld", SPAN_ARGS(approved->id),
                   (long long)approved->approved_at_us);
    struct span id = pool_span(&keeper->pool, span_from(name));
    if (id.bytes == NULL)
        return out_of_memory(error);
    const struct resolve_act act = {.id = id,
                                    .sku = proposal->sku,
                                    .shop = proposal->shop,
                                    .location = proposal->location,
                                    .run_id = SPAN_OF(""),
                                    .batch = id,
                                    .action = POLICY_RESYNC,
                                    .rule = SPAN_OF("approved"),
                                    .bar = SPAN_OF(""),
                                    .actor = approved->approved_by,
                                    .incident = approved->id,
                                    .state = RESOLVE_PENDING};
    return store_resolve_act(keeper->postgres, &act, 1, &is_new, error);
}

static enum status end_stop_incident(struct keeper *keeper, const char *class,
                                     struct span shop, const char *reason,
                                     struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    struct keeper_news *news = keeper_news(keeper, error);
    if (news == NULL)
        return STATUS_RETRY;
    const struct resolve_over over = {class, &shop, 1, reason};
    enum status status = store_resolve_ends(keeper->postgres, &over, &rows, error);
    if (status == STATUS_OK)
        status = store_incidents_take_ends(&rows, &keeper->pool, &news->ends, error);
    return status == STATUS_OK ? keeper_end(keeper, news, error) : status;
}

static enum status release(struct keeper *keeper,
                           const struct incident_approved *approved, struct span shop,
                           struct error *error)
{
    char note[160];
    int64_t held = 0;
    enum status status = store_stop_end(keeper->postgres, shop, true, &held, error);
    (void)snprintf(note, sizeof note, "approved: %lld held resyncs go on",
                   (long long)held);
    if (status == STATUS_OK)
        status = say(keeper, approved, INCIDENT_DONE, note, error);
    if (status == STATUS_OK)
        status = end_stop_incident(keeper, STOPPED_CLASS, shop, note, error);
    if (status == STATUS_OK)
        log_info("a stop was lifted", LOG_INT("held", held), LOG_END);
    return status;
}

static enum status release_zeroes(struct keeper *keeper,
                                  const struct incident_approved *approved,
                                  struct span shop, struct error *error)
{
    char note[160];
    int64_t held = 0;
    enum status status = store_zeroing_release(keeper->postgres, shop, &held, error);
    (void)snprintf(note, sizeof note, "approved: %lld levels go to zero",
                   (long long)held);
    if (status == STATUS_OK)
        status = say(keeper, approved, INCIDENT_DONE, note, error);
    if (status == STATUS_OK)
        status = end_stop_incident(keeper, "zeroing_stopped", shop, note, error);
    return status;
}

static enum status carry_out(struct keeper *keeper,
                             const struct incident_approved *approved,
                             struct error *error)
{
    struct proposal proposal;
    enum status status =
        proposal_decode(approved->proposal, &keeper->pool, &proposal, error);
    if (status == STATUS_RETRY)
        return status;
    if (status != STATUS_OK || proposal.verb == PROPOSAL_OTHER)
        return say(keeper, approved, INCIDENT_FAIL,
                   "the proposal names no action that resolve can carry out", error);
    if (proposal.verb == PROPOSAL_RESYNC)
        return resync(keeper, approved, &proposal, error);
    if (span_is(proposal.scope, "drift"))
        return release(keeper, approved, proposal.shop, error);
    if (span_is(proposal.scope, "zeroing"))
        return release_zeroes(keeper, approved, proposal.shop, error);
    return say(keeper, approved, INCIDENT_FAIL, "the proposal's scope is not known",
               error);
}

enum status keeper_approved(struct keeper *keeper, bool *more_out, struct error *error)
{
    struct incident_approved_page *page = pool_take(&keeper->pool, sizeof(*page));
    if (page == NULL)
        return out_of_memory(error);
    enum status status = store_incidents_take_approved(
        keeper->postgres, SPAN_OF(RESOLVE_ACTOR), &keeper->pool, page, error);
    for (size_t at = 0; status == STATUS_OK && at < page->count; at++)
        status = carry_out(keeper, &page->items[at], error);
    *more_out = status == STATUS_OK && page->count == INCIDENT_APPROVED_MAX;
    return status;
}

/* ---- not wanted ------------------------------------------------------------------------- */

enum status keeper_rejected(struct keeper *keeper, bool *more_out, struct error *error)
{
    struct span shops[RESOLVE_SHOPS_MAX];
    size_t count = 0;
    *more_out = false;
    enum status status =
        store_stops_over(keeper->postgres, &keeper->pool, shops, &count, error);
    for (size_t at = 0; status == STATUS_OK && at < count; at++) {
        char note[160];
        int64_t held = 0;
        status = store_stop_end(keeper->postgres, shops[at], false, &held, error);
        (void)snprintf(note, sizeof note, "not approved: %lld held resyncs are dropped",
                       (long long)held);
        if (status == STATUS_OK)
            status = end_stop_incident(keeper, STOPPED_CLASS, shops[at], note, error);
    }
    return status;
}
