-- The life of an incident beyond its opening: what people decide, what two clean runs end,
-- what comes back. Rules: common/domain/incident_life.c.

ALTER TABLE incidents
    ADD proposal       jsonb,                   -- an action that waits for a person
    ADD proposal_state text NOT NULL DEFAULT 'none'
        CHECK (proposal_state IN ('none', 'waiting', 'approved', 'rejected', 'taken',
                                  'done', 'failed', 'withdrawn')),
    ADD proposal_by    text,                    -- who decided, or acted, last
    ADD proposal_at    timestamptz,
    ADD ended_by       text CHECK (ended_by IN ('person', 'work')), -- while resolved
    ADD clean_runs     smallint NOT NULL DEFAULT 0, -- in a row, since it was last seen
    ADD clean_run      text;                    -- that was counted last

-- The newest end of a problem that is seen again; actions that are due.
CREATE INDEX incidents_of_problem ON incidents (problem, sku, changed_at);
CREATE INDEX incidents_approved ON incidents (proposal_at) WHERE proposal_state = 'approved';
CREATE INDEX incidents_by_change ON incidents (changed_at);

-- Records for Kafka of changes that neither a partition of apply nor a shop of push owns:
-- commands, drift, resolve, notify. In the order of their ids, relayed by whoever holds the
-- one row of incident_relay locked; deleted once the broker has them. (An incident's row is
-- locked from its change to the commit, so that its records have their ids in its order.)
CREATE TABLE incident_outbox (
    id      bigint   GENERATED ALWAYS AS IDENTITY,
    kind    smallint NOT NULL,                  -- as in common/domain/outbox.h
    key     bytea,
    value   bytea,
    headers bytea    NOT NULL
);
CREATE INDEX incident_outbox_in_order ON incident_outbox (id);

CREATE TABLE incident_relay (
    one boolean PRIMARY KEY DEFAULT true CHECK (one)
);
INSERT INTO incident_relay DEFAULT VALUES;
