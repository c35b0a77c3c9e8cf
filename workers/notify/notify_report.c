#include "workers/notify/notify.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/json_text.h"
#include "common/io/store_incident_outbox.h"

#define EVIDENCE_BYTES_MAX ((size_t)16 * 1024)

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "notify: out of memory for incidents");
}

/* One sighting of the route; the moment tells its openings apart. */
static enum status raise(struct notify_speaker *speaker,
                         const struct incident_sighting *sighting, struct error *error)
{
    struct incident_set *set = pool_take(&speaker->pool, sizeof(*set));
    struct incident_changes *changes = pool_take(&speaker->pool, sizeof(*changes));
    if (set == NULL || changes == NULL || sighting->evidence.bytes == NULL)
        return out_of_memory(error);
    set->actor = "notify";
    set->count = 1;
    set->items[0] = *sighting;
    enum status status =
        store_incidents_see(speaker->postgres, set, &speaker->pool, changes, error);
    if (status == STATUS_OK)
        status = store_incidents_tell(speaker->postgres, changes, &speaker->pool, error);
    return status;
}

static struct incident_sighting sighting_of(const struct notify_speaker *speaker,
                                            enum incident_class class, int64_t count)
{
    const struct incident_origin origin = {.offset = speaker->state.now_us,
                                           .recorded_at_us = speaker->state.now_us};
    return (struct incident_sighting){.class = class,
                                      .subject = {.source = speaker->way.route->name},
                                      .first = origin,
                                      .latest = origin,
                                      .occurrences = count};
}

enum status notify_report_undelivered(struct notify_speaker *speaker, int64_t count,
                                      struct span first, const char *detail,
                                      struct error *error)
{
    SCOPED(buf_free) struct buf text = {0};
    struct incident_sighting sighting =
        sighting_of(speaker, INCIDENT_ALERT_UNDELIVERED, count);
    buf_init(&text, EVIDENCE_BYTES_MAX);
    buf_byte(&text, '{');
    json_member_text(&text, "route", speaker->way.route->name);
    json_member_text(&text, "kind",
                     span_from(alert_trait(speaker->way.route->kind)->name));
    json_member_text(&text, "incident", first);
    json_member_text(&text, "answer", span_from(detail));
    json_member_number(&text, "give_up_seconds", speaker->way.route->give_up_seconds);
    buf_byte(&text, '}');
    sighting.evidence = pool_buf(&speaker->pool, &text);
    speaker->state.is_reported = true;
    metric_add(speaker->metrics.outcomes[NOTIFY_UNDELIVERED], count);
    return raise(speaker, &sighting, error);
}

enum status notify_report_late(struct notify_speaker *speaker, struct span incident,
                               int64_t waited_ms, struct error *error)
{
    SCOPED(buf_free) struct buf text = {0};
    struct incident_sighting sighting = sighting_of(speaker, INCIDENT_ALERT_LATE, 1);
    buf_init(&text, EVIDENCE_BYTES_MAX);
    buf_byte(&text, '{');
    json_member_text(&text, "route", speaker->way.route->name);
    json_member_text(&text, "incident", incident);
    json_member_number(&text, "waited_seconds", waited_ms / 1000);
    json_member_number(&text, "late_seconds", speaker->way.route->late_seconds);
    buf_byte(&text, '}');
    sighting.evidence = pool_buf(&speaker->pool, &text);
    speaker->state.is_late = true;
    return raise(speaker, &sighting, error);
}

static enum status end_these(struct notify_speaker *speaker, const struct rows *rows,
                             const char *how, struct error *error)
{
    struct incident_ends *ends = pool_take(&speaker->pool, sizeof(*ends));
    struct incident_changes *changes = pool_take(&speaker->pool, sizeof(*changes));
    if (ends == NULL || changes == NULL)
        return out_of_memory(error);
    ends->actor = "notify";
    ends->count = 0;
    for (int row = 0; row < rows->count && ends->count < INCIDENT_SET_MAX; row++) {
        ends->ids[ends->count] = rows_span(rows, row, 0);
        ends->skus[ends->count] = rows_span(rows, row, 1);
        ends->reasons[ends->count++] = span_from(how);
    }
    enum status status =
        store_incidents_resolve(speaker->postgres, ends, &speaker->pool, changes, error);
    if (status == STATUS_OK)
        status = store_incidents_tell(speaker->postgres, changes, &speaker->pool, error);
    return status;
}

enum status notify_report_over(struct notify_speaker *speaker, enum incident_class class,
                               const char *how, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status =
        store_alert_incident(speaker->postgres, span_from(incident_kind(class)->id),
                             speaker->way.route->name, &rows, error);
    if (status == STATUS_OK && rows.count > 0)
        status = end_these(speaker, &rows, how, error);
    return status;
}
