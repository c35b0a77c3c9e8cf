-- Questions of history: the rows of one SKU, found without reading the whole ledger.

-- Which SKUs a page may hold: a filter of 12 bits a row, made by apply with the page, as in
-- common/codec/page_filter.h. Null: look into the lines (small pages, and those from before).
-- It lies in the row itself, so that a page that has nothing is passed over unread.
ALTER TABLE ledger ADD sku_filter bytea;
ALTER TABLE ledger ALTER sku_filter SET STORAGE MAIN;

-- Findings and what was done about them, by SKU alone.
CREATE INDEX drift_findings_by_sku ON drift_findings (sku);
CREATE INDEX drift_actions_by_sku ON drift_actions (sku);

-- The rows of one SKU judged up to a moment. hash: murmur2 of the SKU without its sign, which
-- names its partition; probes: its four places in a filter. Of a page that may hold it only
-- the lines that do are taken apart; OFFSET 0 keeps the planner from taking all. Columns as
-- in view `idempotency`.
CREATE FUNCTION ledger_of_sku(wanted text, until timestamptz, hash bigint, probes bigint[])
RETURNS TABLE (judged_at timestamptz, record_offset bigint, recorded_at timestamptz,
    occurred_at timestamptz, partition integer, contract integer, quantity bigint,
    before bigint, after bigint, outcome smallint, rule smallint, type smallint, source text,
    location text, version bigint, sees_orders_until timestamptz, event_id text,
    reference text, topic text)
LANGUAGE sql STABLE AS $$
SELECT l.judged_at, r.c[1]::bigint,
    timestamptz 'epoch' + r.c[2]::bigint * interval '1 millisecond',
    timestamptz 'epoch' + r.c[3]::bigint * interval '1 microsecond',
    l.partition, l.contract, r.c[4]::bigint, r.c[5]::bigint, r.c[6]::bigint,
    r.c[7]::smallint, r.c[8]::smallint, r.c[9]::smallint, r.c[10], r.c[12], r.c[13]::bigint,
    timestamptz 'epoch' + r.c[14]::bigint * interval '1 microsecond', r.c[15], r.c[16],
    l.topic
FROM ledger l CROSS JOIN LATERAL (
    SELECT string_to_array(line, E'\t', E'\x01') AS c
    FROM string_to_table(l.lines, E'\n') AS t (line)
    WHERE strpos(line, E'\t' || wanted || E'\t') > 0 OFFSET 0) AS r
WHERE l.judged_at <= until AND r.c[11] = wanted AND CASE
    WHEN l.partitions > 0 AND l.partition <> hash % l.partitions THEN false
    WHEN l.sku_filter IS NULL THEN strpos(l.lines, E'\t' || wanted || E'\t') > 0
    ELSE get_bit(l.sku_filter, probes[1] % (8 * length(l.sku_filter))) = 1
        AND get_bit(l.sku_filter, probes[2] % (8 * length(l.sku_filter))) = 1
        AND get_bit(l.sku_filter, probes[3] % (8 * length(l.sku_filter))) = 1
        AND get_bit(l.sku_filter, probes[4] % (8 * length(l.sku_filter))) = 1
        AND strpos(l.lines, E'\t' || wanted || E'\t') > 0
    END
$$;
