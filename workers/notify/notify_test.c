#include "workers/notify/notify.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/incident_json.h"
#include "common/runtime/life.h"

#include <stdio.h>

#define VALUE_BYTES_MAX ((size_t)64 * 1024)

static const struct alert_route *route_named(const struct contract *contract,
                                             const char *name)
{
    for (size_t at = 0; at < contract->alert_count; at++)
        if (span_is(contract->alerts[at].name, name))
            return &contract->alerts[at];
    return NULL;
}

static enum status unknown_route(const struct contract *contract, const char *name,
                                 struct error *error)
{
    SCOPED(buf_free) struct buf names = {0};
    buf_init(&names, ERROR_TEXT_MAX);
    for (size_t at = 0; at < contract->alert_count; at++)
        buf_format(&names, " %.*s", SPAN_ARGS(contract->alerts[at].name));
    (void)error_set(error, STATUS_REJECT, "no route '%.80s' in the contract; it has:%s",
                    name, names.length > 0 && !names.failed ? names.bytes : " none");
    return error_exit(error, EXIT_USAGE);
}

/* An incident that there is none of, told and taken back. */
static struct incident example(const char *id, int64_t now_us)
{
    return (struct incident){.id = span_from(id),
                             .class = SPAN_OF("alert_test"),
                             .cause = SPAN_OF("unknown"),
                             .root_cause =
                                 SPAN_OF("somebody tries whether alerts arrive"),
                             .remediation = SPAN_OF("Nothing is to be done."),
                             .severity = SPAN_OF("info"),
                             .evidence = SPAN_OF("{\"occurrences\":1}"),
                             .runbook_url = SPAN_OF("docs/alerts.md"),
                             .handoff = SPAN_OF("none"),
                             .actor = SPAN_OF("notify"),
                             .opened_at_us = now_us,
                             .at_us = now_us};
}

static enum status say(struct notify_way *way, enum alert_action action, const char *id,
                       struct error *error)
{
    SCOPED(buf_free) struct buf value = {0};
    SCOPED(pool_free) struct pool pool;
    struct alert_incident incident;
    const char *why = NULL;
    char detail[NOTIFY_DETAIL_MAX];
    int64_t retry_after_ms = -1;
    int64_t now_us = clock_now_us();
    struct incident told = example(id, now_us);
    told.state = action == ALERT_END ? INCIDENT_RESOLVED : INCIDENT_OPENED;
    buf_init(&value, VALUE_BYTES_MAX);
    pool_init(&pool, VALUE_BYTES_MAX);
    incident_json_value(&told, &value);
    bool decoded = alert_incident_decode(buf_view(&value), &pool, &incident, &why);
    ASSERT(decoded);
    const struct alert_message message = {.route = way->route,
                                          .secret = way->secret,
                                          .action = action,
                                          .incident = &incident,
                                          .value = buf_view(&value),
                                          .revision = action == ALERT_END ? 2 : 1,
                                          .severity = ALERT_INFO,
                                          .since_us = now_us,
                                          .now_us = now_us};
    const struct alert_verdict *verdict =
        notify_way_send(way, &message, 1, &retry_after_ms, detail);
    printf("%-8s %s: %s\n", action == ALERT_END ? "resolve" : "trigger", verdict->id,
           detail);
    if (verdict->fate == ALERT_DELIVERED)
        return STATUS_OK;
    (void)error_set(error, STATUS_REJECT, "the test alert was not taken: %s", detail);
    return error_exit(error, verdict->fate == ALERT_AWAY ? EXIT_UNAVAILABLE : EXIT_FOUND);
}

enum status notify_test(const struct contract *contract, const char *name,
                        struct error *error)
{
    struct notify_way way = {0};
    char id[64];
    const struct alert_route *route = route_named(contract, name);
    if (route == NULL)
        return unknown_route(contract, name, error);
    (void)snprintf(id, sizeof(id), "test-%llx", (unsigned long long)clock_now_us());
    enum status status = notify_way_open(&way, route, error);
    if (status == STATUS_OK)
        status = say(&way, ALERT_TRIGGER, id, error);
    if (status == STATUS_OK)
        status = say(&way, ALERT_END, id, error);
    notify_way_close(&way);
    return status;
}
