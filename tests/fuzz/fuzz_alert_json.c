/* A change of an incident from any bytes: what is read can be told in every kind. */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/alert_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void tell(const struct alert_incident *incident, enum alert_kind kind,
                 enum alert_action action)
{
    SCOPED(buf_free) struct buf out = {0};
    const struct alert_route route = {
        .name = SPAN_OF("r"), .kind = kind, .resend_seconds = 60};
    const struct alert_message message = {.route = &route,
                                          .secret = "key",
                                          .action = action,
                                          .incident = incident,
                                          .value = SPAN_OF("{}"),
                                          .revision = 1,
                                          .since_us = incident->opened_at_us,
                                          .now_us = incident->at_us};
    buf_init(&out, (size_t)8 << 20);
    alert_json_body(&message, &out);
    ASSERT(out.failed || out.length > 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(pool_free) struct pool pool;
    const struct span bytes = {(const char *)data, size};
    struct alert_incident incident;
    const char *why = NULL;
    int64_t revision = 0;
    pool_init(&pool, (size_t)16 << 20);
    if (alert_revision_parse(bytes, &revision))
        ASSERT(revision > 0);
    if (!alert_incident_decode(bytes, &pool, &incident, &why)) {
        ASSERT(why != NULL);
        return 0;
    }
    ASSERT(incident.id.length > 0);
    for (int kind = 0; kind < ALERT_KIND_COUNT; kind++)
        for (int action = ALERT_TRIGGER; action <= ALERT_AGAIN; action++)
            tell(&incident, (enum alert_kind)kind, (enum alert_action)action);
    return 0;
}
