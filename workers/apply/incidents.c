#include "workers/apply/incidents.h"

#include "common/base/check.h"
#include "common/codec/incident_json.h"
#include "common/io/store_incidents.h"
#include "workers/apply/traces.h"

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "apply: out of memory for incidents");
}

static bool is_id_reused(const struct item *item)
{
    return item->verdict.outcome == OUTCOME_REJECTED &&
           item->verdict.reason == REASON_ID_REUSED;
}

static bool has_any(const struct batch *batch)
{
    for (size_t at = 0; at < batch->part_count; at++)
        if (batch->parts[at].counts[OUTCOME_REJECTED] > 0)
            return true;
    return false;
}

/* As many as the contract has speakers, so that there is always room. */
static void see(struct batch *batch, struct incident_set *set, const struct item *item,
                struct span topic)
{
    const struct event *event = &item->event;
    const struct incident_subject subject = {.source = event->source_name};
    const struct incident_origin origin = {.topic = topic,
                                           .partition = item->record.partition,
                                           .offset = item->record.offset,
                                           .recorded_at_us =
                                               item->record.timestamp_ms * 1000,
                                           .sku = event->sku,
                                           .location = event->location_code,
                                           .event_id = event->id,
                                           .traceparent = trace_of_item(batch, item)};
    bool taken = incident_set_add(set, INCIDENT_ID_REUSED, &subject, &origin);
    ASSERT(taken);
}

static enum status write_rows(struct batch *batch, const struct incident_changes *changes,
                              struct error *error)
{
    struct outbox_row *rows =
        pool_take(&batch->pool, (changes->count + 1) * sizeof(*rows));
    if (rows == NULL)
        return out_of_memory(error);
    for (size_t at = 0; at < changes->count; at++) {
        const struct incident_change *change = &changes->items[at];
        if (!incident_json_record(&change->incident, change->sighting, &batch->pool,
                                  &rows[at]))
            return out_of_memory(error);
    }
    batch->incidents = rows;
    batch->incident_count = changes->count;
    batch->incident_changes = changes;
    return STATUS_OK;
}

enum status batch_incidents(struct batch *batch, struct postgres *postgres,
                            struct span topic, struct error *error)
{
    batch->incident_count = 0;
    if (!has_any(batch))
        return STATUS_OK;
    struct incident_set *set = pool_take(&batch->pool, sizeof(*set));
    struct incident_changes *changes = pool_take(&batch->pool, sizeof(*changes));
    if (set == NULL || changes == NULL)
        return out_of_memory(error);
    set->actor = "apply";
    set->count = 0;
    for (size_t at = 0; at < batch->count; at++)
        if (is_id_reused(&batch->items[at]))
            see(batch, set, &batch->items[at], topic);
    enum status status = store_incidents_see(postgres, set, &batch->pool, changes, error);
    if (status == STATUS_OK)
        status = write_rows(batch, changes, error);
    return status;
}
