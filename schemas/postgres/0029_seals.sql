-- Seals of the ledger: digests of closed weeks, each with the one before it in it, so that
-- a row that was changed, a page that was deleted and a seal that was changed are found.
-- Written by `parstock retention` before anything is dropped, and by `parstock audit --seal`;
-- checked by `parstock audit`. They stay when what they seal is dropped.

-- A week, Monday to Sunday in UTC; shorter where days had to go before their week was over.
-- digest: of its rows of ledger_seal_parts. seal: of previous and all columns before it.
-- How they are made: common/codec/seal_sum.h.
CREATE TABLE ledger_seals (
    first_day date        NOT NULL PRIMARY KEY,
    last_day  date        NOT NULL CHECK (last_day >= first_day),
    pages     bigint      NOT NULL,
    entries   bigint      NOT NULL,
    digest    text        NOT NULL,
    previous  text        NOT NULL,             -- seal of the span before; '' = the first
    seal      text        NOT NULL,
    sealed_at timestamptz NOT NULL DEFAULT now()
);

-- What was judged of a partition on a day. stretches: a line for about so many rows as
-- SEAL_STRETCH_ROWS: next_offset of its last page, a blank, the digest of its pages.
CREATE TABLE ledger_seal_parts (
    day       date    NOT NULL,
    topic     text    COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    pages     bigint  NOT NULL,
    entries   bigint  NOT NULL,
    stretches text    NOT NULL,
    digest    text    NOT NULL,
    PRIMARY KEY (day, topic, partition)
);

REVOKE UPDATE, DELETE, TRUNCATE ON ledger_seals, ledger_seal_parts FROM CURRENT_USER;
