-- Replays into the live state: records published once more, for apply to judge. A part is
-- worked on by one process at a time, whose lease says so.
CREATE TABLE replay_batches (
    id          text        PRIMARY KEY,        -- hex; the trace id of all its copies, by which
                                                -- view `idempotency` shows what it did
    choice      text        NOT NULL,
    state       text        NOT NULL DEFAULT 'running'
                CHECK (state IN ('running', 'done')),
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX replay_batches_by_choice ON replay_batches (choice, started_at);
CREATE TABLE replay_batch_parts (
    batch       text        NOT NULL REFERENCES replay_batches ON DELETE CASCADE,
    partition   integer     NOT NULL,           -- of the topic that is read; 0 for a file,
                                                -- whose lines are the offsets
    first_offset bigint     NOT NULL,
    next_offset bigint      NOT NULL,           -- published and acknowledged below it
    until_offset bigint     NOT NULL,
    published   bigint      NOT NULL DEFAULT 0,
    passed_over bigint      NOT NULL DEFAULT 0, -- not chosen
    refused     bigint      NOT NULL DEFAULT 0, -- no event by the contract file
    too_old     bigint      NOT NULL DEFAULT 0, -- adjustments that apply would refuse
    owner       text        NOT NULL DEFAULT '',
    epoch       bigint      NOT NULL DEFAULT 0, -- fences who held the lease before
    leased_until timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (batch, partition)
);
