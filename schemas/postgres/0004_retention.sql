-- What retention has dropped of the ledger, counted by the day in which it was judged (UTC)
-- and the partition of the topic: so that counts still add up, and `audit` knows from where
-- on the ledger is whole. Written in the transaction that drops the rows.
CREATE TABLE ledger_retired (
    day        date        NOT NULL,
    partition  integer     NOT NULL,
    applied    bigint      NOT NULL,
    unchanged  bigint      NOT NULL,
    stale      bigint      NOT NULL,
    shadowed   bigint      NOT NULL,
    retired_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (day, partition)
);
