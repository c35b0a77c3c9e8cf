/*
 * Everything but the ledger: small, and read before the ledger's rows pass by.
 */
#include "common/base/check.h"
#include "workers/explain/explain.h"

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_FATAL, "explain: out of memory");
}

/* ---- incidents ------------------------------------------------------------------------------- */

/* With --at: was it open then? It is shown as it stands. */
static bool is_wanted(const struct explain *explain, const struct incident *incident)
{
    int64_t at_us = explain->question.at_us;
    if (!explain->question.has_at)
        return true;
    return incident->opened_at_us <= at_us &&
           (incident->state != INCIDENT_RESOLVED || incident->at_us > at_us);
}

static enum status note_incident(void *self, const struct incident_view *view,
                                 struct error *error)
{
    struct explain *explain = self;
    if (!is_wanted(explain, &view->incident))
        return STATUS_OK;
    struct explain_incident *noted = pool_take(&explain->pool, sizeof(*noted));
    const struct explain_writer *writer =
        explain->output == OUTPUT_TABLE ? &EXPLAIN_TABLE : &EXPLAIN_JSON;
    buf_clear(&explain->line);
    writer->incident(&explain->line, view);
    if (noted == NULL)
        return out_of_memory(error);
    *noted = (struct explain_incident){.next = explain->incidents,
                                       .text = pool_buf(&explain->pool, &explain->line)};
    const struct span location = view->incident.location;
    if (location.bytes != NULL)
        noted->location = pool_span(&explain->pool, location);
    bool kept = noted->text.bytes != NULL &&
                (location.bytes == NULL || noted->location.bytes != NULL);
    explain->incidents = noted;
    explain->incident_count++;
    buf_clear(&explain->line);
    return kept ? STATUS_OK : out_of_memory(error);
}

static enum status gather_incidents(struct explain *explain, struct postgres *postgres,
                                    struct error *error)
{
    const struct incident_filter filter = {.resolved = explain->question.has_at,
                                           .sku = explain->question.sku};
    const struct incident_visitor visitor = {.each = note_incident, .self = explain};
    return store_incidents_list(postgres, &filter, &visitor, error);
}

/* ---- what the shops should show, step by step -------------------------------------------------- */

static struct place *list_places(struct explain *explain, size_t count)
{
    struct place *places = pool_take(&explain->pool, (count + 1) * sizeof(*places));
    for (size_t row = 0; places != NULL && row < count; row++)
        places[row] =
            (struct place){explain->question.sku,
                           store_explain_place(&explain->found, (int)row).location};
    return places;
}

static enum status decide(struct explain *explain, struct postgres *postgres,
                          struct error *error)
{
    const struct contract *contract = explain->contract;
    size_t count = (size_t)explain->found.places.count;
    const struct place *places = list_places(explain, count);
    enum status status = places != NULL ? STATUS_OK : out_of_memory(error);
    for (size_t shop = 0; status == STATUS_OK && shop < contract->shop_count; shop++) {
        const struct pair_question question = {
            .contract = contract, .shop = shop, .places = places, .count = count};
        struct pair_decision *decisions =
            pool_take(&explain->pool, (count + 1) * sizeof(*decisions));
        if (decisions == NULL)
            return out_of_memory(error);
        status = pair_decide(postgres, &question, &explain->pool, decisions, error);
        explain->decisions[shop] = decisions;
    }
    return status;
}

enum status explain_gather(struct explain *explain, struct postgres *postgres,
                           struct error *error)
{
    enum status status =
        store_explain(postgres, &explain->question, &explain->found, error);
    if (status == STATUS_OK)
        status = gather_incidents(explain, postgres, error);
    if (status != STATUS_OK || explain->contract == NULL || explain->question.has_at)
        return status;
    return decide(explain, postgres, error);
}
