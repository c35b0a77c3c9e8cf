-- Feeds that `import` publishes: how far each file is, so that a run that was killed goes on
-- where the broker has acknowledged everything. One row a file, by what is in it: the same
-- file under another name is the same import, and so is one that is begun anew.
CREATE TABLE imports (
    id          text        PRIMARY KEY,            -- digest of feed, file and mapping, hex
    feed        text        NOT NULL,
    file        text        NOT NULL,               -- as last named
    state       text        NOT NULL DEFAULT 'running'
                CHECK (state IN ('running', 'done')),
    reached     bigint      NOT NULL DEFAULT 0,     -- rows up to here are on the topic
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX imports_by_time ON imports (changed_at);
