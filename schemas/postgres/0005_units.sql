-- What left the shops: what push must not show again until the source has seen it.
-- kind as in common/domain/unseen.h: 1 ordered (negative: cancelled), 2 missing in the
-- shop's level when it was read. Old rows are dropped by retention.
CREATE TABLE shop_units (
    sku      text COLLATE "C" NOT NULL,
    location text COLLATE "C" NOT NULL,         -- '' where an order has none yet
    shop     text COLLATE "C" NOT NULL,
    at       timestamptz NOT NULL,              -- of the order; of the read
    kind     smallint NOT NULL,
    units    bigint   NOT NULL
);
CREATE INDEX shop_units_by_time ON shop_units (sku, location, at)
    INCLUDE (shop, kind, units);
CREATE INDEX shop_units_by_age ON shop_units USING brin (at);

-- left_at: the level that the last read or write of ours left in the shop, whatever became of
-- it since; what a read finds below it is gone. undecided: desired must be decided anew
-- before it is written. short: units sold beyond what there is.
ALTER TABLE shop_levels
    ADD left_at   bigint,
    ADD undecided boolean NOT NULL DEFAULT false,
    ADD short     bigint  NOT NULL DEFAULT 0;
UPDATE shop_levels SET left_at = shown;
ALTER TABLE shop_leases ADD contract text NOT NULL DEFAULT ''; -- digest that desired follows

-- Little stock: push takes the newest of these first.
CREATE INDEX shop_levels_urgent ON shop_levels (shop, desired_at DESC)
    WHERE dirty AND write_id IS NULL AND fault = '' AND desired <= 10;

-- Oversold: few, and looked for all the time.
CREATE INDEX shop_levels_oversold ON shop_levels (shop, sku, location)
    WHERE shown < 0 OR short > 0;
CREATE INDEX readings_below_zero ON readings (source, sku, location) WHERE count < 0;

-- All pairs of a SKU, for an order that has no location yet.
CREATE INDEX shop_levels_by_sku ON shop_levels (sku);
