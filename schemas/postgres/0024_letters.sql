-- Dead letters that were sent again: who, when, why, and what of them was changed.

-- One row a try, written before the record is sent: intended = it may have been sent, sent =
-- the broker has it. (topic, partition, record_offset) is the letter's place on the topic of
-- dead letters; digests are SHA-256 of the value as received and as sent.
CREATE TABLE letter_retries (
    topic            text     COLLATE "C" NOT NULL,
    partition        integer  NOT NULL,
    record_offset    bigint   NOT NULL,
    attempt          integer  NOT NULL,
    sku              text     COLLATE "C" NOT NULL DEFAULT '', -- normalised, of what was sent
    origin_topic     text     NOT NULL,
    origin_partition bigint   NOT NULL,
    origin_offset    bigint   NOT NULL,
    reason           text     NOT NULL,             -- why it was refused
    expected         text     NOT NULL,             -- the outcome that was foreseen
    is_forced        boolean  NOT NULL,
    is_edited        boolean  NOT NULL,
    digest_received  text     NOT NULL,
    digest_sent      text     NOT NULL,
    actor            text     NOT NULL,
    why              text     NOT NULL DEFAULT '',
    state            text     NOT NULL DEFAULT 'intended'
        CHECK (state IN ('intended', 'sent')),
    at               timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (topic, partition, record_offset, attempt, sku)
);
CREATE INDEX letter_retries_by_time ON letter_retries (at);
