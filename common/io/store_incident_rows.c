#include "common/io/store_incident_rows.h"

#include "common/base/check.h"

struct incident store_incident_read(const struct rows *rows, int row)
{
    return (struct incident){.id = rows_span(rows, row, 0),
                             .class = rows_span(rows, row, 1),
                             .cause = rows_span(rows, row, 2),
                             .root_cause = rows_span(rows, row, 3),
                             .remediation = rows_span(rows, row, 4),
                             .severity = rows_span(rows, row, 5),
                             .shop = rows_span(rows, row, 6),
                             .sku = rows_span(rows, row, 7),
                             .location = rows_span(rows, row, 8),
                             .evidence = rows_span(rows, row, 9),
                             .runbook_url = rows_span(rows, row, 10),
                             .handoff = rows_span(rows, row, 11),
                             .opened_at_us = rows_time(rows, row, 12),
                             .at_us = rows_time(rows, row, 13),
                             .actor = rows_span(rows, row, 14),
                             .occurrences = rows_int(rows, row, 15),
                             .revision = rows_int(rows, row, 16)};
}

bool store_incident_keep(struct incident *incident, struct pool *pool)
{
    struct span *const texts[] = {
        &incident->id,         &incident->class,    &incident->cause,
        &incident->root_cause, &incident->severity, &incident->shop,
        &incident->sku,        &incident->location, &incident->evidence,
        &incident->handoff,    &incident->actor,    &incident->remediation,
        &incident->runbook_url};
    for (size_t at = 0; at < COUNT_OF(texts); at++) {
        if (texts[at]->bytes == NULL)
            continue;
        *texts[at] = pool_span(pool, *texts[at]);
        if (texts[at]->bytes == NULL)
            return false;
    }
    return true;
}
