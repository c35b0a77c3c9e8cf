-- Replays that are taken back: records that were published once more, and promotions.

ALTER TABLE undos DROP CONSTRAINT undos_kind_check;
ALTER TABLE undos ADD CONSTRAINT undos_kind_check
    CHECK (kind IN ('import', 'resync', 'replay', 'promotion'));

-- former: name of the shadow in which the state of before is kept, at the offsets at which
-- it was; '' = it was not. takes_back: the promotion of which this one brought the former
-- state back.
ALTER TABLE replay_promotions
    ADD former     text NOT NULL DEFAULT '',
    ADD takes_back bigint;

-- In a shadow that was not rebuilt but was the live state once: before which promotion.
ALTER TABLE replay_shadow ADD former_of bigint;

-- The pages that the live state has by now, copied while apply works on.
CREATE FUNCTION replay_keep_pages(former text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO %I.ledger SELECT * FROM ledger', former);
END $$;

-- The live state as it is, kept as a shadow that has judged all that it has. The caller holds
-- the rows of `progress`; pages that came since replay_keep_pages come too, and days that
-- retention dropped since go.
CREATE FUNCTION replay_keep(former text, shadow text, of_topic text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format($sql$
        INSERT INTO %1$I.ledger SELECT l.* FROM ledger l
        WHERE l.next_offset > coalesce((SELECT max(f.next_offset) FROM %1$I.ledger f
            WHERE f.topic = l.topic AND f.partition = l.partition), -1)
    $sql$, former);
    EXECUTE format($sql$
        DELETE FROM %1$I.ledger WHERE judged_at
            < (SELECT (max(day) + 1)::timestamp AT TIME ZONE 'UTC' FROM ledger_retired)
    $sql$, former);
    EXECUTE format('INSERT INTO %I.ledger_runs OVERRIDING USER VALUE
        SELECT * FROM ledger_runs', former);
    EXECUTE format('INSERT INTO %I.ledger_retired SELECT * FROM ledger_retired', former);
    EXECUTE format('INSERT INTO %I.levels SELECT * FROM levels', former);
    EXECUTE format('INSERT INTO %I.readings SELECT * FROM readings', former);
    EXECUTE format('INSERT INTO %I.adjustments SELECT * FROM adjustments', former);
    EXECUTE format('INSERT INTO %I.shop_units SELECT * FROM shop_units WHERE kind = 1', former);
    EXECUTE format($sql$
        INSERT INTO %I.shop_levels (shop, sku, location, desired, desired_at, undecided, short)
        SELECT shop, sku, location, desired, desired_at, undecided, short FROM shop_levels
    $sql$, former);
    EXECUTE format($sql$
        INSERT INTO %I.contracts (id, digest, body, first_seen) OVERRIDING SYSTEM VALUE
        SELECT id, digest, body, first_seen FROM contracts
    $sql$, former);
    PERFORM setval(pg_get_serial_sequence(format('%I.contracts', former), 'id'),
        (SELECT max(id) FROM contracts));
    EXECUTE format($sql$
        INSERT INTO %I.progress (topic, partition, start_offset, next_offset, until_offset,
            layout, applied, unchanged, duplicate, stale, shadowed, rekeyed, rejected, read,
            updated_at)
        SELECT topic, partition, start_offset, next_offset, next_offset, layout, applied,
            unchanged, duplicate, stale, shadowed, rekeyed, rejected, read, updated_at
        FROM progress WHERE topic = $1 AND next_offset >= 0
    $sql$, former) USING of_topic;
    EXECUTE format($sql$
        INSERT INTO %I.replay_shadow (topic, choice, sku, whole, contract)
        SELECT $1, '', '', true, contract FROM %I.replay_shadow
    $sql$, former, shadow) USING of_topic;
END $$;

-- After the swap: the promotion and the former state know of each other. name: of the former
-- state's shadow; former, shadow: schemas.
CREATE FUNCTION replay_note(name text, former text, shadow text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    newest bigint := (SELECT max(id) FROM replay_promotions);
BEGIN
    EXECUTE format($sql$
        UPDATE replay_promotions SET former = $1,
            takes_back = (SELECT (to_jsonb(s) ->> 'former_of')::bigint FROM %I.replay_shadow s)
        WHERE id = $2
    $sql$, shadow) USING name, newest;
    EXECUTE format('UPDATE %I.replay_shadow SET former_of = $1', former) USING newest;
END $$;

-- Levels that differ in a shadow, but for those of which it has not judged the newest event.
CREATE FUNCTION replay_apart(shadow text)
RETURNS TABLE (sku text, location text, source text, has bigint, gets bigint)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY EXECUTE format($sql$
        WITH fresh AS MATERIALIZED (SELECT DISTINCT e.sku, e.location FROM %1$I.progress p
            CROSS JOIN LATERAL (SELECT i.sku, i.location FROM idempotency i
                WHERE i.topic = p.topic AND i.partition = p.partition
                AND i.page_next_offset > p.next_offset
                AND i.record_offset >= p.next_offset OFFSET 0) e)
        SELECT sku, location, coalesce(s.source, l.source), l.quantity, s.quantity
        FROM levels l FULL JOIN %1$I.levels s USING (sku, location)
        WHERE (l.quantity, l.source) IS DISTINCT FROM (s.quantity, s.source)
            AND (sku, location) NOT IN (SELECT f.sku, f.location FROM fresh f)
        ORDER BY sku COLLATE "C", location COLLATE "C"
    $sql$, shadow);
END $$;
