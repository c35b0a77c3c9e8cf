/*
 * Everything but the ledger: small, and read before the ledger's rows pass by.
 */
#include "common/base/check.h"
#include "workers/explain/explain.h"

#include <stdlib.h>

#define FINDINGS_MAX 50 /* the newest */

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

static const struct explain_writer *writer_of(const struct explain *explain)
{
    return explain->output == OUTPUT_TABLE ? &EXPLAIN_TABLE : &EXPLAIN_JSON;
}

/* What stands in the line, for the location; added behind *end. */
static enum status note(struct explain *explain, struct span location,
                        struct explain_note **end, struct error *error)
{
    struct explain_note *noted = pool_take(&explain->pool, sizeof(*noted));
    if (noted == NULL)
        return out_of_memory(error);
    *noted = (struct explain_note){.text = pool_buf(&explain->pool, &explain->line),
                                   .number = explain->timeline_count};
    if (location.bytes != NULL)
        noted->location = pool_span(&explain->pool, location);
    bool kept = noted->text.bytes != NULL &&
                (location.bytes == NULL || noted->location.bytes != NULL);
    noted->next = *end;
    *end = noted;
    buf_clear(&explain->line);
    return kept ? STATUS_OK : out_of_memory(error);
}

static enum status note_incident(void *self, const struct incident_view *view,
                                 struct error *error)
{
    struct explain *explain = self;
    if (!is_wanted(explain, &view->incident))
        return STATUS_OK;
    buf_clear(&explain->line);
    writer_of(explain)->incident(explain, view);
    explain->incident_count++;
    return note(explain, view->incident.location, &explain->incidents, error);
}

static enum status gather_incidents(struct explain *explain, struct postgres *postgres,
                                    struct error *error)
{
    const struct incident_filter filter = {.resolved = explain->question.has_at,
                                           .sku = explain->question.sku};
    const struct incident_visitor visitor = {.each = note_incident, .self = explain};
    return store_incidents_list(postgres, &filter, &visitor, error);
}

/* ---- the timeline ----------------------------------------------------------------------- */

static void keep_in_time(struct explain *explain, struct explain_note *noted,
                         int64_t at_us)
{
    noted->at_us = at_us;
    if (explain->timeline_count < explain->timeline_room)
        explain->timeline[explain->timeline_count++] = noted;
}

static enum status open_timeline(struct explain *explain, struct error *error)
{
    const struct explain_found *found = &explain->found;
    if (writer_of(explain)->write == NULL)
        return STATUS_OK;
    explain->timeline_room =
        FINDINGS_MAX + (size_t)found->writes.count + (size_t)found->others.count;
    explain->timeline =
        pool_take(&explain->pool, explain->timeline_room * sizeof(*explain->timeline));
    return explain->timeline != NULL ? STATUS_OK : out_of_memory(error);
}

static enum status time_writes(struct explain *explain, struct error *error)
{
    for (int row = 0; row < explain->found.writes.count; row++) {
        const struct explain_write write = store_explain_write(&explain->found, row);
        struct explain_note *noted = NULL;
        buf_clear(&explain->line);
        writer_of(explain)->write(explain, &write);
        enum status status = note(explain, write.location, &noted, error);
        if (status != STATUS_OK)
            return status;
        keep_in_time(explain, noted,
                     write.has_settled_at ? write.settled_at_us : write.created_at_us);
    }
    return STATUS_OK;
}

/* An order stands in the ledger; what a read found missing stands nowhere else. */
static enum status time_others(struct explain *explain, struct error *error)
{
    for (int row = 0; row < explain->found.others.count; row++) {
        const struct explain_other other = store_explain_other(&explain->found, row);
        struct explain_note *noted = NULL;
        if (other.kind == EXPLAIN_MOVEMENT && !span_is(other.word, "missing"))
            continue;
        buf_clear(&explain->line);
        writer_of(explain)->other(explain, &other);
        enum status status = note(explain, other.location, &noted, error);
        if (status != STATUS_OK)
            return status;
        keep_in_time(explain, noted, other.at_us);
    }
    return STATUS_OK;
}

static int compare_notes(const void *left, const void *right)
{
    const struct explain_note *one = *(struct explain_note *const *)left;
    const struct explain_note *other = *(struct explain_note *const *)right;
    if (one->at_us != other->at_us)
        return one->at_us < other->at_us ? -1 : 1;
    return one->number < other->number ? -1 : one->number > other->number;
}

static enum status close_timeline(struct explain *explain, struct error *error)
{
    if (writer_of(explain)->write == NULL)
        return STATUS_OK;
    enum status status = time_writes(explain, error);
    if (status == STATUS_OK)
        status = time_others(explain, error);
    if (status == STATUS_OK)
        qsort(explain->timeline, explain->timeline_count, sizeof(*explain->timeline),
              compare_notes);
    return status;
}

/* ---- findings of drift ------------------------------------------------------------------ */

static enum status note_finding(void *self, const struct drift_finding *finding,
                                struct error *error)
{
    struct explain *explain = self;
    struct explain_note **end = &explain->findings;
    if (explain->question.has_at && finding->observed_at_us > explain->question.at_us)
        return STATUS_OK;
    while (*end != NULL)
        end = &(*end)->next;
    buf_clear(&explain->line);
    writer_of(explain)->finding(explain, finding);
    enum status status = note(explain, finding->location, end, error);
    if (status == STATUS_OK)
        keep_in_time(explain, *end, finding->observed_at_us);
    return status;
}

static enum status gather_findings(struct explain *explain, struct postgres *postgres,
                                   struct error *error)
{
    const struct drift_filter filter = {.sku = explain->question.sku,
                                        .limit = FINDINGS_MAX};
    const struct drift_visitor visitor = {.each = note_finding, .self = explain};
    return store_drift_findings(postgres, &filter, &visitor, error);
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
        status = open_timeline(explain, error);
    if (status == STATUS_OK)
        status = gather_incidents(explain, postgres, error);
    if (status == STATUS_OK)
        status = gather_findings(explain, postgres, error);
    if (status == STATUS_OK)
        status = close_timeline(explain, error);
    if (status != STATUS_OK || explain->contract == NULL || explain->question.has_at)
        return status;
    return decide(explain, postgres, error);
}
