-- Batches that were taken back: who, when, why, and what was sent for it.

-- One row a command. kind: import = the events of one feed's file, resync = the writes of one
-- resync's pairs.
CREATE TABLE undos (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch   text   COLLATE "C" NOT NULL,
    kind    text   NOT NULL CHECK (kind IN ('import', 'resync')),
    actor   text   NOT NULL,
    why     text   NOT NULL DEFAULT '',
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    done    bigint NOT NULL DEFAULT 0,
    refused bigint NOT NULL DEFAULT 0
);
CREATE INDEX undos_by_batch ON undos (batch);

-- What is sent for one pair, stored before it is: what was interrupted is sent again to the
-- byte, and so changes nothing twice. events: one JSON object a line, in order; '' for a
-- resync, whose pairs are marked for push in the row's own transaction. state: intended = it
-- may have been sent, sent = the broker has it.
CREATE TABLE undo_pairs (
    batch    text   COLLATE "C" NOT NULL,
    sku      text   COLLATE "C" NOT NULL,
    location text   COLLATE "C" NOT NULL,
    source   text   COLLATE "C" NOT NULL,           -- the shop's name, of a resync
    undo_id  bigint NOT NULL,
    rule     text   NOT NULL,
    events   text   NOT NULL,
    state    text   NOT NULL CHECK (state IN ('intended', 'sent')),
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (batch, sku, location, source)
);
CREATE INDEX undo_pairs_open ON undo_pairs (batch) WHERE state = 'intended';
