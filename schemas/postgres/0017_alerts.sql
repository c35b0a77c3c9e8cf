-- Alerts: what each route of the contract file was told of each incident, and is to be told.
-- Rules: common/domain/alert.c.

-- How far notify is in the topic of incidents; the epoch fences whoever held it before.
CREATE TABLE alert_progress (
    topic       text    NOT NULL,
    partition   integer NOT NULL,
    epoch       bigint  NOT NULL DEFAULT 0,
    next_offset bigint  NOT NULL DEFAULT -1,    -- -1: nothing was read yet
    PRIMARY KEY (topic, partition)
);

-- Whoever holds a route's row locked speaks to it.
CREATE TABLE alert_routes (
    route         text    PRIMARY KEY,
    since         timestamptz NOT NULL DEFAULT clock_timestamp(), -- what opened before is not late
    window_at     timestamptz,                  -- the throttle's window, and how many went out
    sent          bigint  NOT NULL DEFAULT 0,
    tries         bigint  NOT NULL DEFAULT 0,   -- failures in a row
    retry_at      timestamptz,
    summaries     bigint  NOT NULL DEFAULT 0,   -- made so far: the next one's number
    is_reported   boolean NOT NULL DEFAULT false, -- alert_undelivered is open
    is_late       boolean NOT NULL DEFAULT false  -- alert_late is open
);

-- The columns from `told` on are the sender's, those before them the intake's; `due_at` and
-- `summary` are written by both.
CREATE TABLE alerts (
    incident_id   text     NOT NULL,
    sku           text     NOT NULL DEFAULT '',
    route         text     NOT NULL,
    revision      bigint   NOT NULL,            -- newest change taken in
    wanted        smallint NOT NULL,            -- as enum alert_level
    crossing      bigint   NOT NULL,            -- revision of what is to be told
    severity      smallint NOT NULL,            -- at the crossing
    value         text     NOT NULL,            -- the incident as the topic had it last
    since         timestamptz NOT NULL,         -- of the crossing, as the incident says
    queued_at     timestamptz NOT NULL,         -- when it was taken in
    due_at        timestamptz,                  -- null: nothing to say
    summary       text,                         -- told as one of many, by this one
    told          smallint NOT NULL DEFAULT 0,
    told_crossing bigint   NOT NULL DEFAULT 0,
    told_severity smallint NOT NULL DEFAULT 0,
    told_since    timestamptz,
    held          boolean  NOT NULL DEFAULT false, -- waits for a summary
    is_reported   boolean  NOT NULL DEFAULT false, -- as undelivered
    attempts      bigint   NOT NULL DEFAULT 0,
    PRIMARY KEY (incident_id, sku, route)
);
CREATE INDEX alerts_due ON alerts (route, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX alerts_held ON alerts (route) WHERE held;
CREATE INDEX alerts_summaries ON alerts (route) WHERE incident_id LIKE 'sum-%' AND wanted = 1;
CREATE INDEX alerts_of_summary ON alerts (summary) WHERE summary IS NOT NULL;

-- What a route was told, and what it could not be told: once an incident, change and action.
CREATE TABLE alert_log (
    incident_id text     NOT NULL,
    sku         text     NOT NULL DEFAULT '',
    route       text     NOT NULL,
    revision    bigint   NOT NULL,
    action      text     NOT NULL,              -- trigger, acknowledge, resolve
    how         text     NOT NULL
        CHECK (how IN ('single', 'summary', 'undelivered', 'refused', 'unsaid')),
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    waited_ms   bigint   NOT NULL,              -- from the incident's change
    is_late     boolean  NOT NULL DEFAULT false,
    attempts    bigint   NOT NULL DEFAULT 0,
    detail      text     NOT NULL DEFAULT '',   -- the summary, or why not
    PRIMARY KEY (incident_id, sku, route, revision, action, how)
);
CREATE INDEX alert_log_by_time ON alert_log (at);

REVOKE UPDATE, DELETE, TRUNCATE ON alert_log FROM CURRENT_USER;
