/*
 * The reading half of alert_json.h.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/alert_json.h"
#include "common/codec/json_shape.h"
#include "common/codec/rfc3339.h"
#include "common/domain/incident_life.h"

#include <stddef.h>

#define VALUE_BYTES_MAX ((size_t)2 * 1024 * 1024)

static void release_json(json_t **slot)
{
    json_decref(*slot);
    *slot = NULL;
}

/* A text of the value and where it goes. */
struct member {
    const char *name;
    size_t offset;
    bool required;
};

#define MEMBER(member_name, required)                                                    \
    {                                                                                    \
#member_name, offsetof(struct alert_incident, member_name), required             \
    }

static const struct member MEMBERS[] = {
    {"incident_id", offsetof(struct alert_incident, id), true},
    MEMBER(class, true),
    MEMBER(cause, true),
    MEMBER(root_cause, false),
    MEMBER(remediation, false),
    MEMBER(shop, false),
    MEMBER(sku, false),
    MEMBER(location, false),
    MEMBER(runbook_url, false),
    MEMBER(handoff, true),
    MEMBER(actor, true),
};

static bool keep(struct pool *pool, struct span text, struct span *out)
{
    *out = text.bytes != NULL ? pool_span(pool, text) : text;
    return text.bytes == NULL || out->bytes != NULL;
}

static const char *take_texts(json_t *root, struct pool *pool,
                              struct alert_incident *incident)
{
    for (size_t at = 0; at < COUNT_OF(MEMBERS); at++) {
        struct span text = json_span(json_object_get(root, MEMBERS[at].name));
        struct span *slot =
            (struct span *)(void *)((char *)incident + MEMBERS[at].offset);
        if (MEMBERS[at].required && text.length == 0)
            return MEMBERS[at].name;
        if (!keep(pool, text, slot))
            return "out of memory";
    }
    return NULL;
}

static const char *take_evidence(json_t *root, struct pool *pool,
                                 struct alert_incident *incident)
{
    json_t *evidence = json_object_get(root, "evidence");
    json_t *occurrences = json_object_get(evidence, "occurrences");
    if (json_is_integer(occurrences))
        incident->occurrences = json_integer_value(occurrences);
    if (!keep(pool, json_span(json_object_get(evidence, "route")), &incident->route) ||
        !keep(pool, json_span(json_object_get(evidence, "ended")), &incident->ended))
        return "out of memory";
    return NULL;
}

/* NULL, or what is wrong with it. */
static const char *take_all(json_t *root, struct pool *pool,
                            struct alert_incident *incident)
{
    struct span opened_at = json_span(json_object_get(root, "opened_at"));
    struct span at = json_span(json_object_get(root, "at"));
    if (!incident_state_parse(json_span(json_object_get(root, "state")),
                              &incident->state))
        return "state";
    if (!alert_severity_parse(json_span(json_object_get(root, "severity")),
                              &incident->severity))
        return "severity";
    if (opened_at.bytes == NULL || !rfc3339_parse(opened_at, &incident->opened_at_us))
        return "opened_at";
    if (at.bytes == NULL || !rfc3339_parse(at, &incident->at_us))
        return "at";
    const char *wrong = take_texts(root, pool, incident);
    return wrong != NULL ? wrong : take_evidence(root, pool, incident);
}

bool alert_incident_decode(struct span value, struct pool *pool,
                           struct alert_incident *incident_out, const char **why_out)
{
    SCOPED(release_json) json_t *root = NULL;
    *incident_out = (struct alert_incident){0};
    *why_out = "no JSON object";
    if (value.bytes == NULL || value.length == 0 || value.length > VALUE_BYTES_MAX)
        return false;
    root = json_loadb(value.bytes, value.length, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(root))
        return false;
    *why_out = take_all(root, pool, incident_out);
    return *why_out == NULL;
}

bool alert_revision_parse(struct span ce_id, int64_t *revision_out)
{
    size_t at = ce_id.length;
    while (at > 0 && ce_id.bytes[at - 1] != '/')
        at--;
    if (at < 2)
        return false;
    const struct span digits = {ce_id.bytes + at, ce_id.length - at};
    return span_to_int64(digits, revision_out) && *revision_out > 0;
}
