-- The ledger at speed: pages that are only ever appended, a day's pages lie together and
-- are dropped together, and the check "was this key judged before" no longer needs an index
-- that every insert has to find its random place in.

-- A page holds the rows of one batch and partition: sending them as one value costs the
-- server a tenth of what as many rows do. View `idempotency` shows its lines as rows.
-- keys: 24 bytes a row, key and fingerprint, as in common/codec/key_run.h.
-- lines: a line a row, columns parted by tabs, U+0001 for null (no text of an event can hold
-- a control character), as in common/codec/ledger_line.h.
-- judged_at: the database's time of the batch, never less than that of the partition's
-- batch before it. Partitions ledger_YYYYMMDD are made and dropped by
-- `parstock retention`; what has none lies in the default one.
CREATE TABLE ledger (
    topic        text        NOT NULL,
    partition    integer     NOT NULL,
    partitions   integer     NOT NULL,          -- that the topic had; 0 = not known
    first_offset bigint      NOT NULL,          -- of the batch in this partition
    next_offset  bigint      NOT NULL,
    judged_at    timestamptz NOT NULL,
    contract     integer     NOT NULL,
    entries      integer     NOT NULL,
    keys         bytea       NOT NULL,
    lines        text        NOT NULL
) PARTITION BY RANGE (judged_at);
ALTER TABLE ledger ALTER keys SET STORAGE EXTERNAL; -- random bytes: nothing to compress
DO $$ BEGIN
    ALTER TABLE ledger ALTER lines SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN          -- a server built without it
    ALTER TABLE ledger ALTER lines SET STORAGE EXTERNAL;
END $$;
CREATE TABLE ledger_default PARTITION OF ledger DEFAULT;
CREATE INDEX ledger_by_offset ON ledger (topic, partition, next_offset);

INSERT INTO ledger (topic, partition, partitions, first_offset, next_offset, judged_at,
    contract, entries, keys, lines)
SELECT coalesce((SELECT min(topic) FROM progress), ''), partition, 0, min(record_offset),
    max(record_offset) + 1, now(), contract, count(*),
    string_agg(uuid_send(key) || int8send(fingerprint), ''::bytea ORDER BY record_offset),
    string_agg(concat_ws(E'\t', record_offset,
        (extract(epoch FROM recorded_at) * 1000)::bigint,
        (extract(epoch FROM occurred_at) * 1000000)::bigint, quantity,
        coalesce(before::text, E'\x01'), coalesce(after::text, E'\x01'), outcome, rule, type,
        source, sku, location, coalesce(version::text, E'\x01'),
        coalesce((extract(epoch FROM sees_orders_until) * 1000000)::bigint::text, E'\x01'),
        coalesce(event_id, E'\x01'), coalesce(reference, E'\x01'), E'\x01'), E'\n'
        ORDER BY record_offset)
FROM (SELECT *, row_number() OVER (PARTITION BY partition, contract ORDER BY record_offset)
          / 4096 AS page FROM idempotency) AS numbered
GROUP BY partition, contract, page;
DROP TABLE idempotency;

-- The idempotency table, which is the ledger, row by row. Outcomes, rules and types by
-- number as in common/domain (outcome.h, judge.h, event.h). Rejected, rekeyed and duplicate
-- records leave no row.
CREATE VIEW idempotency AS
SELECT l.judged_at,
    encode(substring(l.keys FROM (r.n::integer - 1) * 24 + 1 FOR 16), 'hex')::uuid AS key,
    ('x' || encode(substring(l.keys FROM r.n::integer * 24 - 7 FOR 8), 'hex'))::bit(64)::bigint
        AS fingerprint,                         -- of the content, without `reference`
    r.c[1]::bigint AS record_offset,
    timestamptz 'epoch' + r.c[2]::bigint * interval '1 millisecond' AS recorded_at,
    timestamptz 'epoch' + r.c[3]::bigint * interval '1 microsecond' AS occurred_at,
    l.partition, l.contract,
    r.c[4]::integer AS quantity,
    r.c[5]::integer AS before,                  -- ruling level, null = none
    r.c[6]::integer AS after,
    r.c[7]::smallint AS outcome, r.c[8]::smallint AS rule, r.c[9]::smallint AS type,
    r.c[10] AS source, r.c[11] AS sku,
    r.c[12] AS location,                        -- '' where an order has none yet
    r.c[13]::bigint AS version,
    timestamptz 'epoch' + r.c[14]::bigint * interval '1 microsecond' AS sees_orders_until,
    r.c[15] AS event_id, r.c[16] AS reference, r.c[17] AS traceparent,
    l.topic, l.partitions, l.next_offset AS page_next_offset
FROM ledger l CROSS JOIN LATERAL (
    SELECT n, string_to_array(line, E'\t', E'\x01') AS c
    FROM string_to_table(l.lines, E'\n') WITH ORDINALITY AS t (line, n) OFFSET 0) AS r;

-- The ledger's keys again, sorted, in runs: an index that is made in bulk. A run holds the
-- keys of all pages of a span of offsets of one partition, with a filter and a guide to read
-- slices of it by. Written and read by the partition's fenced owner alone; a page that no run
-- covers is read itself. Runs of another topic or partition count are searched by every
-- owner, since a SKU may have lain on any of their partitions.
CREATE TABLE ledger_runs (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic        text        NOT NULL,
    partition    integer     NOT NULL,
    partitions   integer     NOT NULL,
    first_offset bigint      NOT NULL,
    next_offset  bigint      NOT NULL,
    newest_at    timestamptz NOT NULL,          -- judged_at of its newest page
    entries      integer     NOT NULL,
    guide        bytea       NOT NULL,
    filter       bytea       NOT NULL,
    keys         bytea       NOT NULL
);
ALTER TABLE ledger_runs ALTER guide SET STORAGE EXTERNAL, ALTER filter SET STORAGE EXTERNAL,
    ALTER keys SET STORAGE EXTERNAL;            -- read in slices
CREATE INDEX ledger_runs_by_partition ON ledger_runs (topic, partition, next_offset);

-- layout: the topic's partition count as its owners last agreed; part of the fence, so
-- that an owner that has not heard of new partitions yet judges nothing.
-- relayed_offset: the broker has all that records below the offset cause.
ALTER TABLE progress
    ADD layout         integer NOT NULL DEFAULT 0,
    ADD relayed_offset bigint  NOT NULL DEFAULT 0;
UPDATE progress p SET relayed_offset = coalesce(
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
