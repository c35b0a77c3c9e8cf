/*
 * An incident's row as the topic has it: shared by the statements that bring one.
 */
#ifndef PARSTOCK_IO_STORE_INCIDENT_ROWS_H
#define PARSTOCK_IO_STORE_INCIDENT_ROWS_H

#include "common/base/pool.h"
#include "common/domain/incident.h"
#include "common/io/postgres.h"

/* What is proposed is part of the evidence, with how it stands. */
#define INCIDENT_EVIDENCE                                                                \
    "(i.evidence || jsonb_build_object('occurrences', i.occurrences) || "                \
    "CASE WHEN i.proposal IS NULL THEN '{}' ELSE jsonb_build_object('proposal', "        \
    "i.proposal || jsonb_build_object('state', i.proposal_state, 'by', i.proposal_by, "  \
    "'at', to_char(i.proposal_at AT TIME ZONE 'UTC', "                                   \
    "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'))) END)"

/* The topic's members in one order, of a row named i. */
#define INCIDENT_COLUMNS                                                                 \
    "i.id, i.class, i.cause, i.root_cause, i.remediation, i.severity, i.shop, "          \
    "nullif(i.sku, ''), i.location, " INCIDENT_EVIDENCE                                  \
    "::text, i.runbook_url, i.handoff, i.opened_at, i.changed_at, "                      \
    "i.actor, i.occurrences, i.revision"
#define INCIDENT_COLUMN_COUNT 17

/* All but the state; texts are those of the rows. */
struct incident store_incident_read(const struct rows *rows, int row);

/* Moves the texts into the pool; false: out of memory. */
bool store_incident_keep(struct incident *incident, struct pool *pool);

#endif
