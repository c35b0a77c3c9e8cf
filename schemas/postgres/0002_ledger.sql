-- The ledger at speed: rows are only ever appended, a day's rows lie together and are
-- dropped together, and the check "was this key judged before" no longer needs an index
-- that every insert has to find its random place in.

-- judged_at: the database's time of the batch, never less than that of the partition's
-- batch before it. Partitions idempotency_YYYYMMDD are made and dropped by
-- `parstock retention`; what has none lies in the default one.
ALTER TABLE idempotency RENAME TO idempotency_0001;
CREATE TABLE idempotency (
    judged_at         timestamptz NOT NULL,
    key               uuid        NOT NULL,     -- first 128 bits of the SHA-256 key
    fingerprint       bigint      NOT NULL,     -- of the content, without `reference`
    record_offset     bigint      NOT NULL,
    recorded_at       timestamptz NOT NULL,     -- the record's own Kafka timestamp
    occurred_at       timestamptz NOT NULL,
    partition         integer     NOT NULL,
    contract          integer     NOT NULL,
    quantity          integer     NOT NULL,
    before            integer,                  -- ruling level, null = none
    after             integer,
    outcome           smallint    NOT NULL,     -- numbers of common/domain/outcome.h,
    rule              smallint    NOT NULL,     -- judge.h
    type              smallint    NOT NULL,     -- and event.h
    source            text        NOT NULL,
    sku               text        NOT NULL,
    location          text        NOT NULL,     -- '' where an order has none yet
    version           bigint,
    sees_orders_until timestamptz,
    event_id          text,
    reference         text,
    traceparent       text
) PARTITION BY RANGE (judged_at);
CREATE TABLE idempotency_default PARTITION OF idempotency DEFAULT;
-- Rows arrive in order of time, so a block's range is narrow: a short index finds a moment.
CREATE INDEX idempotency_judged_at ON idempotency USING brin (judged_at)
    WITH (pages_per_range = 32, autosummarize = on);

INSERT INTO idempotency (judged_at, key, fingerprint, record_offset, recorded_at,
    occurred_at, partition, contract, quantity, before, after, outcome, rule, type, source,
    sku, location, version, sees_orders_until, event_id, reference)
SELECT now(), key, fingerprint, record_offset, recorded_at, occurred_at, partition,
    contract, quantity, before, after, outcome, rule, type, source, sku, location, version,
    sees_orders_until, event_id, reference
FROM idempotency_0001 ORDER BY partition, record_offset;

-- Which keys were judged: every row of the ledger once, in runs. A run is the keys of a
-- span of offsets of one partition, 24 bytes each (key, fingerprint), as in
-- common/codec/key_run.h. Written and read by the partition's fenced owner alone.
-- level 0: the keys of one batch, in the order of judging; written with the batch.
-- level 1: sorted, with a filter and a guide; takes the place of many of level 0, or of
-- smaller ones of level 1.
-- `partitions`: how many the topic had; 0 = not known. Runs of another topic or count are
-- searched by every owner, since a SKU may have lain on any of their partitions.
CREATE TABLE ledger_runs (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic        text        NOT NULL,
    partition    integer     NOT NULL,
    partitions   integer     NOT NULL,
    level        smallint    NOT NULL,
    first_offset bigint      NOT NULL,
    next_offset  bigint      NOT NULL,
    newest_at    timestamptz NOT NULL,          -- judged_at of its newest row
    entries      integer     NOT NULL,
    guide        bytea,
    filter       bytea,
    keys         bytea       NOT NULL
);
ALTER TABLE ledger_runs ALTER guide SET STORAGE EXTERNAL, ALTER filter SET STORAGE EXTERNAL,
    ALTER keys SET STORAGE EXTERNAL;            -- random bytes: nothing to compress, read in slices
CREATE INDEX ledger_runs_by_partition ON ledger_runs (topic, partition);

INSERT INTO ledger_runs (topic, partition, partitions, level, first_offset, next_offset,
    newest_at, entries, keys)
SELECT coalesce((SELECT min(topic) FROM progress), ''), partition, 0, 0,
    min(record_offset), max(record_offset) + 1, now(), count(*),
    string_agg(uuid_send(key) || int8send(fingerprint), ''::bytea ORDER BY record_offset)
FROM (SELECT *, row_number() OVER (PARTITION BY partition ORDER BY record_offset) / 16384 AS lot
      FROM idempotency_0001) AS numbered
GROUP BY partition, lot;
DROP TABLE idempotency_0001;

-- layout: the topic's partition count as its owners last agreed; part of the fence, so
-- that an owner that has not heard of new partitions yet judges nothing.
-- relayed_offset, relayed_at: the broker has all that records below the offset cause;
-- rows of the ledger from the offset on were judged at relayed_at or later.
ALTER TABLE progress
    ADD layout         integer     NOT NULL DEFAULT 0,
    ADD relayed_offset bigint      NOT NULL DEFAULT 0,
    ADD relayed_at     timestamptz NOT NULL DEFAULT 'epoch';
UPDATE progress p SET relayed_at = now(), relayed_offset = coalesce(
    (SELECT min(record_offset) FROM outbox o
     WHERE o.topic = p.topic AND o.partition = p.partition), greatest(p.next_offset, 0));

-- The ruling source's reading lies in the level's own row: where one source speaks of a
-- place, which is nearly always, an event writes one row and not two. `readings` keeps the
-- others (and what is known of shops); source_readings shows all of them.
ALTER TABLE levels
    ADD count             bigint,               -- null: no count yet
    ADD counted_at        timestamptz,
    ADD adjusted          bigint NOT NULL DEFAULT 0,
    ADD adjusted_at       timestamptz,
    ADD sees_orders_until timestamptz;
UPDATE levels l SET count = r.count, counted_at = r.counted_at, adjusted = r.adjusted,
    adjusted_at = r.adjusted_at, sees_orders_until = r.sees_orders_until
FROM readings r WHERE r.sku = l.sku AND r.location = l.location AND r.source = l.source;
DELETE FROM readings r USING levels l
WHERE r.sku = l.sku AND r.location = l.location AND r.source = l.source;

-- SKUs and codes are compared byte by byte: the same order on every machine, and cheaper.
ALTER TABLE levels ALTER sku TYPE text COLLATE "C", ALTER location TYPE text COLLATE "C";
ALTER TABLE readings ALTER sku TYPE text COLLATE "C", ALTER location TYPE text COLLATE "C",
    ALTER source TYPE text COLLATE "C";
ALTER TABLE adjustments ALTER sku TYPE text COLLATE "C",
    ALTER location TYPE text COLLATE "C", ALTER source TYPE text COLLATE "C";
ALTER TABLE shop_levels ALTER shop TYPE text COLLATE "C", ALTER sku TYPE text COLLATE "C",
    ALTER location TYPE text COLLATE "C";

CREATE VIEW source_readings AS
SELECT sku, location, source, count, counted_at, version, adjusted, adjusted_at,
    sees_orders_until FROM levels
UNION ALL
SELECT r.sku, r.location, r.source, r.count, r.counted_at, r.version, r.adjusted,
    r.adjusted_at, r.sees_orders_until
FROM readings r LEFT JOIN levels l USING (sku, location)
WHERE l.source IS DISTINCT FROM r.source;
