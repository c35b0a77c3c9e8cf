#include "common/io/store_figures.h"

#include "common/base/check.h"
#include "common/base/scope.h"

#include <stdio.h>

static const struct statement INCIDENTS = {
    "figures_incidents", "SELECT state, severity, count(*) FROM incidents"
                         " WHERE state <> 'resolved' GROUP BY state, severity"};

/* In the order of enum outbox_name. Both are short: a million rows would be an outage. */
static const struct statement OUTBOXES = {
    "figures_outboxes",
    "SELECT count(*), coalesce(min(id), 0) FROM incident_outbox"
    " UNION ALL SELECT count(*), coalesce(min(id), 0) FROM shop_outbox"};

static void copy_name(struct span name, char room[FIGURE_NAME_MAX])
{
    (void)snprintf(room, FIGURE_NAME_MAX, "%.*s", SPAN_ARGS(name));
}

enum status store_incident_counts(struct postgres *postgres,
                                  struct incident_count counts[FIGURE_INCIDENTS_MAX],
                                  size_t *count_out, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    *count_out = 0;
    enum status status = postgres_query(postgres, &INCIDENTS, NULL, &rows, error);
    if (status != STATUS_OK)
        return status;
    for (int row = 0; row < rows.count && *count_out < FIGURE_INCIDENTS_MAX; row++) {
        struct incident_count *count = &counts[(*count_out)++];
        copy_name(rows_span(&rows, row, 0), count->state);
        copy_name(rows_span(&rows, row, 1), count->severity);
        count->count = rows_int(&rows, row, 2);
    }
    return STATUS_OK;
}

enum status store_outbox_figures(struct postgres *postgres,
                                 struct outbox_figure figures[OUTBOX_NAME_COUNT],
                                 struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = postgres_query(postgres, &OUTBOXES, NULL, &rows, error);
    if (status != STATUS_OK)
        return status;
    ASSERT(rows.count == OUTBOX_NAME_COUNT);
    for (int row = 0; row < rows.count; row++)
        figures[row] = (struct outbox_figure){.rows = rows_int(&rows, row, 0),
                                              .first = rows_int(&rows, row, 1)};
    return STATUS_OK;
}
