#include "workers/incidents/incidents.h"

#include "common/base/check.h"
#include "common/codec/sku_unicode.h"
#include "common/domain/reason.h"
#include "common/runtime/moment.h"

bool incidents_is_filtered(const struct incidents_flags *flags)
{
    return flags->all || flags->state != NULL || flags->class != NULL ||
           flags->shop != NULL || flags->sku != NULL || flags->severity != NULL ||
           flags->since != NULL;
}

/* ---- states ------------------------------------------------------------------------- */

/* "open" and "all" are not states of an incident, but what people ask for. */
static enum status filter_state(struct incidents *self, struct error *error)
{
    enum incident_state state;
    const char *word = self->flags->state;
    self->filter.resolved = self->flags->all;
    if (word == NULL || strcmp(word, "open") == 0)
        return STATUS_OK;
    self->filter.resolved = true;
    if (strcmp(word, "all") == 0)
        return STATUS_OK;
    self->filter.state = span_from(word);
    if (incident_state_parse(self->filter.state, &state) && state != INCIDENT_UPDATED)
        return STATUS_OK;
    return error_usage(
        error, "--state: say open, opened, acknowledged, resolved, reopened or all");
}

static enum status filter_severity(struct incidents *self, struct error *error)
{
    static const char *const WORDS[] = {"critical", "error", "warning", "info"};
    const char *word = self->flags->severity;
    self->filter.severity = span_from(word);
    for (size_t at = 0; at < COUNT_OF(WORDS); at++)
        if (word == NULL || strcmp(word, WORDS[at]) == 0)
            return STATUS_OK;
    return error_usage(error, "--severity: say critical, error, warning or info");
}

/* ---- since when ----------------------------------------------------------------------- */

static enum status filter_since(struct incidents *self, struct error *error)
{
    const char *text = self->flags->since;
    self->filter.has_since = text != NULL;
    if (text == NULL || moment_parse(text, &self->filter.since_us))
        return STATUS_OK;
    return error_usage(error, "--since: " MOMENT_HELP);
}

static enum status filter_sku(struct incidents *self, unsigned steps, struct error *error)
{
    if (self->flags->sku == NULL)
        return STATUS_OK;
    enum reason reason =
        sku_normalise(span_from(self->flags->sku), steps, &self->pool, &self->filter.sku);
    if (reason == REASON_NONE)
        return STATUS_OK;
    (void)error_set(error, STATUS_REJECT, "--sku: %s: %s", reason_code(reason),
                    reason_remedy(reason));
    return error_exit(error, EXIT_DATA);
}

enum status incidents_filter(struct incidents *self, unsigned steps, struct error *error)
{
    self->filter.class = span_from(self->flags->class);
    self->filter.shop = span_from(self->flags->shop);
    enum status status = filter_state(self, error);
    if (status == STATUS_OK)
        status = filter_severity(self, error);
    if (status == STATUS_OK)
        status = filter_since(self, error);
    if (status == STATUS_OK)
        status = filter_sku(self, steps, error);
    return status;
}
