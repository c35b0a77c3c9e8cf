-- Incidents: one open row a problem, and the append-only log of what happened to it.
--
-- problem names what it is about apart from the SKU (common/domain/incident.h); sku is ''
-- where it concerns many, and stands in every unique index, as in all tables that grow
-- with SKUs.

CREATE TABLE incidents (
    id              text        NOT NULL,
    sku             text        NOT NULL DEFAULT '',
    problem         text        NOT NULL,
    state           text        NOT NULL DEFAULT 'opened'
        CHECK (state IN ('opened', 'acknowledged', 'resolved', 'reopened')),
    class           text        NOT NULL,
    cause           text        NOT NULL,
    severity        text        NOT NULL
        CHECK (severity IN ('critical', 'error', 'warning', 'info')),
    handoff         text        NOT NULL
        CHECK (handoff IN ('workflow-orchestration', 'observability', 'inventory', 'none')),
    shop            text,                       -- null: concerns all
    location        text,                       -- null: concerns many
    root_cause      text,                       -- what was found behind it
    remediation     text,                       -- what was or is to be done
    runbook_url     text,
    evidence        jsonb       NOT NULL DEFAULT '{}',
    occurrences     bigint      NOT NULL,       -- exact; subscribers hear of some of them
    revision        bigint      NOT NULL DEFAULT 0, -- of the newest row of the log
    opened_at       timestamptz NOT NULL,
    last_seen_at    timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,       -- of the newest row of the log
    actor           text        NOT NULL,       -- of the newest row of the log
    PRIMARY KEY (id, sku)
);

-- One open incident a problem; a problem that comes back after it was resolved opens anew.
CREATE UNIQUE INDEX incidents_open ON incidents (problem, sku) WHERE state <> 'resolved';
CREATE INDEX incidents_by_time ON incidents (opened_at);

-- What subscribers of the topic were told, in order.
CREATE TABLE incident_log (
    incident_id text        NOT NULL,
    sku         text        NOT NULL DEFAULT '',
    revision    bigint      NOT NULL,
    state       text        NOT NULL
        CHECK (state IN ('opened', 'updated', 'acknowledged', 'resolved', 'reopened')),
    at          timestamptz NOT NULL,
    actor       text        NOT NULL,
    occurrences bigint      NOT NULL,
    root_cause  text,
    remediation text,
    evidence    jsonb       NOT NULL,
    note        text        NOT NULL DEFAULT '',
    PRIMARY KEY (incident_id, sku, revision)
);

-- A log that can be changed proves nothing. (A trigger would not distribute over Citus.)
REVOKE UPDATE, DELETE, TRUNCATE ON incident_log FROM CURRENT_USER;
