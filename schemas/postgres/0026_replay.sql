-- Replays. A shadow is a schema of its own, made by these same migrations, into which the
-- topic is judged once more beside the live state; its name is that of the live schema with
-- `_shadow_` and its own.

-- In a shadow: records from here on are not judged. Null, as in the live state: all are.
ALTER TABLE progress ADD until_offset bigint;

-- In a shadow, one row: what it is a shadow of, and of which records. whole: every record
-- from the first one that was ever judged, so that it may take the live state's place.
CREATE TABLE replay_shadow (
    one         boolean     PRIMARY KEY DEFAULT true CHECK (one),
    topic       text        NOT NULL,
    choice      text        NOT NULL,           -- as flags; '' = everything
    sku         text        NOT NULL,           -- of the choice; '' = all
    whole       boolean     NOT NULL,
    why_not     text        NOT NULL DEFAULT '',
    contract    integer     NOT NULL,
    made_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    round       bigint      NOT NULL DEFAULT 0, -- of work: names its consumer group
    promoted_at timestamptz
);

-- In the live state: shadows that took its place.
CREATE TABLE replay_promotions (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shadow      text        NOT NULL,
    contract    integer     NOT NULL,
    actor       text        NOT NULL,
    promoted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    levels      bigint      NOT NULL,           -- that changed, came or went
    pairs       bigint      NOT NULL            -- of shops, to be decided anew
);

-- The shadow takes the live state's place. The caller holds the rows of `progress` and has
-- seen that both are at the same offsets; all of it is one transaction. Rows are deleted, not
-- truncated: whoever reads in a snapshot of before (audit) goes on seeing what was.
-- Revisions only rise, so that a subscriber of the levels takes the corrected ones for newer;
-- relayed_offset goes back to the oldest of their causes, from where apply tells them again.
CREATE FUNCTION replay_swap(shadow text, of_topic text, by_whom text,
    OUT changed bigint, OUT pairs bigint) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format($sql$
        CREATE TEMP TABLE replay_changed ON COMMIT DROP AS
        SELECT sku, location, s.sku IS NULL AS is_gone,
            (l.quantity, l.source, l.occurred_at, l.version)
                IS DISTINCT FROM (s.quantity, s.source, s.occurred_at, s.version) AS is_told
        FROM levels l FULL JOIN %1$I.levels s USING (sku, location)
        WHERE (l.quantity, l.source, l.occurred_at, l.version, l.count, l.counted_at,
                l.adjusted, l.adjusted_at, l.sees_orders_until)
            IS DISTINCT FROM (s.quantity, s.source, s.occurred_at, s.version, s.count,
                s.counted_at, s.adjusted, s.adjusted_at, s.sees_orders_until)
    $sql$, shadow);
    ANALYZE replay_changed;
    SELECT count(*) INTO changed FROM replay_changed;

    DELETE FROM levels l USING replay_changed c
    WHERE c.is_gone AND l.sku = c.sku AND l.location = c.location;
    EXECUTE format($sql$
        UPDATE levels l SET quantity = s.quantity, source = s.source,
            occurred_at = s.occurred_at, version = s.version, count = s.count,
            counted_at = s.counted_at, adjusted = s.adjusted, adjusted_at = s.adjusted_at,
            sees_orders_until = s.sees_orders_until,
            revision = greatest(l.revision, s.revision) + 1
        FROM %1$I.levels s JOIN replay_changed c USING (sku, location)
        WHERE l.sku = s.sku AND l.location = s.location
    $sql$, shadow);
    EXECUTE format('INSERT INTO levels SELECT s.* FROM %I.levels s ON CONFLICT DO NOTHING',
        shadow);

    DELETE FROM readings;
    EXECUTE format('INSERT INTO readings SELECT * FROM %I.readings', shadow);
    DELETE FROM adjustments;
    EXECUTE format('INSERT INTO adjustments SELECT * FROM %I.adjustments', shadow);
    DELETE FROM ledger;
    EXECUTE format('INSERT INTO ledger SELECT * FROM %I.ledger', shadow);
    DELETE FROM ledger_runs;
    EXECUTE format('INSERT INTO ledger_runs OVERRIDING USER VALUE
        SELECT * FROM %I.ledger_runs', shadow);
    DELETE FROM ledger_retired;
    EXECUTE format('INSERT INTO ledger_retired SELECT * FROM %I.ledger_retired', shadow);
    DELETE FROM shop_units WHERE kind = 1;      -- orders; 2 is what push saw in the shop
    EXECUTE format('INSERT INTO shop_units SELECT * FROM %I.shop_units WHERE kind = 1',
        shadow);

    -- Pairs whose number rests on something else now: push decides them before it writes.
    EXECUTE format($sql$
        INSERT INTO shop_levels (shop, sku, location)
        SELECT shop, sku, location FROM %1$I.shop_levels ORDER BY 1, 2, 3
        ON CONFLICT DO NOTHING
    $sql$, shadow);
    EXECUTE format($sql$
        WITH held AS MATERIALIZED (SELECT l.shop, l.sku, l.location FROM shop_levels l
            LEFT JOIN %1$I.shop_levels s USING (shop, sku, location)
            LEFT JOIN replay_changed c ON c.sku = l.sku AND c.location = l.location
            WHERE c.sku IS NOT NULL OR s.undecided OR s.desired IS DISTINCT FROM l.desired
                OR coalesce(s.short, 0) <> l.short
            ORDER BY l.shop, l.sku, l.location FOR UPDATE OF l)
        UPDATE shop_levels l SET undecided = true, dirty = true,
            desired_at = CASE WHEN l.dirty THEN l.desired_at ELSE now() END
        FROM held h WHERE l.shop = h.shop AND l.sku = h.sku AND l.location = h.location
    $sql$, shadow);
    GET DIAGNOSTICS pairs = ROW_COUNT;

    EXECUTE format($sql$
        WITH told AS (SELECT partition, min(record_offset) AS first
            FROM (SELECT DISTINCT ON (i.sku, i.location) i.partition, i.record_offset
                FROM idempotency i JOIN replay_changed c
                    ON c.sku = i.sku AND c.location = i.location AND c.is_told
                WHERE i.topic = $1 AND i.outcome IN (0, 1) AND i.type IN (0, 1)
                ORDER BY i.sku, i.location, i.judged_at DESC, i.record_offset DESC) AS last
            GROUP BY partition)
        UPDATE progress p SET epoch = p.epoch + 1, owner = 'replay promote',
            start_offset = s.start_offset, applied = s.applied, unchanged = s.unchanged,
            duplicate = s.duplicate, stale = s.stale, shadowed = s.shadowed,
            rekeyed = s.rekeyed, rejected = s.rejected, read = s.read,
            updated_at = greatest(p.updated_at, s.updated_at, now()),
            relayed_offset = least(p.relayed_offset, t.first)
        FROM %1$I.progress s LEFT JOIN told t ON t.partition = s.partition
        WHERE p.topic = $1 AND s.topic = $1 AND p.partition = s.partition
            AND p.next_offset = s.next_offset
    $sql$, shadow) USING of_topic;

    EXECUTE format($sql$
        INSERT INTO replay_promotions (shadow, contract, actor, levels, pairs)
        SELECT $1, contract, $2, $3, $4 FROM %1$I.replay_shadow
    $sql$, shadow) USING shadow, by_whom, changed, pairs;
    EXECUTE format('UPDATE %I.replay_shadow SET promoted_at = clock_timestamp()', shadow);
END $$;
