-- What franz_go and parallel_consumer write; `id` is the first half of SHA-256 over source, SKU, id.
CREATE TABLE ids (
    id            uuid        PRIMARY KEY,
    partition     integer     NOT NULL,
    record_offset bigint      NOT NULL,
    quantity      bigint      NOT NULL,
    occurred_at   timestamptz NOT NULL
);
CREATE TABLE levels (
    sku         text        NOT NULL,
    location    text        NOT NULL,
    quantity    bigint      NOT NULL,
    version     bigint      NOT NULL,
    occurred_at timestamptz NOT NULL,
    PRIMARY KEY (sku, location)
) WITH (fillfactor = 70);
CREATE TABLE offsets (
    partition   integer PRIMARY KEY,
    epoch       bigint  NOT NULL,
    next_offset bigint  NOT NULL
);
