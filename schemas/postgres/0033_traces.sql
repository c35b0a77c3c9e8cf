-- Traces (W3C Trace Context): which trace it goes back to, as header traceparent has it; null
-- where it came without one. docs/tracing.md.

-- Of the event that moved the pair's number last; cleared by one that has none.
ALTER TABLE shop_levels ADD traceparent text;

-- Of the pair when its write was stored.
ALTER TABLE shop_write_pairs ADD traceparent text;

-- Of the pair when the difference was found.
ALTER TABLE drift_findings ADD traceparent text;

-- Of the newest change of the incident that had one.
ALTER TABLE alerts ADD traceparent text;

-- As before, and the trace of each row.
DROP FUNCTION ledger_of_sku(text, timestamptz, bigint, bigint[]);
CREATE FUNCTION ledger_of_sku(wanted text, until timestamptz, hash bigint, probes bigint[])
RETURNS TABLE (judged_at timestamptz, record_offset bigint, recorded_at timestamptz,
    occurred_at timestamptz, partition integer, contract integer, quantity bigint,
    before bigint, after bigint, outcome smallint, rule smallint, type smallint, source text,
    location text, version bigint, sees_orders_until timestamptz, event_id text,
    reference text, topic text, traceparent text)
LANGUAGE sql STABLE AS $$
SELECT l.judged_at, r.c[1]::bigint,
    timestamptz 'epoch' + r.c[2]::bigint * interval '1 millisecond',
    timestamptz 'epoch' + r.c[3]::bigint * interval '1 microsecond',
    l.partition, l.contract, r.c[4]::bigint, r.c[5]::bigint, r.c[6]::bigint,
    r.c[7]::smallint, r.c[8]::smallint, r.c[9]::smallint, r.c[10], r.c[12], r.c[13]::bigint,
    timestamptz 'epoch' + r.c[14]::bigint * interval '1 microsecond', r.c[15], r.c[16],
    l.topic, r.c[17]
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
