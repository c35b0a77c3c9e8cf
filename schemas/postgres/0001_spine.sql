-- The spine: what apply knows, what push wrote. Run inside the schema named by
-- PARSTOCK_SCHEMA (search_path is set by the migrator), in one transaction.
--
-- Every unique index of a table that grows with SKUs holds `sku` (or the shop's item), so
-- that the tables distribute over Citus by SKU without change.

-- The contract files that decisions were made under; ledger rows name one.
CREATE TABLE contracts (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest      text NOT NULL UNIQUE,           -- SHA-256 of the file, hex
    body        text NOT NULL,
    first_seen  timestamptz NOT NULL DEFAULT now()
);

-- One row a partition: the fence. A batch commits only with
-- UPDATE .. WHERE epoch = mine AND next_offset = old; 0 rows = somebody took over.
CREATE TABLE progress (
    topic        text    NOT NULL,
    partition    integer NOT NULL,
    epoch        bigint  NOT NULL DEFAULT 0,
    owner        text    NOT NULL DEFAULT '',
    start_offset bigint  NOT NULL DEFAULT 0,
    next_offset  bigint  NOT NULL DEFAULT -1,   -- -1: nothing read yet, begin at the start
    applied      bigint  NOT NULL DEFAULT 0,
    unchanged    bigint  NOT NULL DEFAULT 0,
    duplicate    bigint  NOT NULL DEFAULT 0,
    stale        bigint  NOT NULL DEFAULT 0,
    shadowed     bigint  NOT NULL DEFAULT 0,
    rekeyed      bigint  NOT NULL DEFAULT 0,
    rejected     bigint  NOT NULL DEFAULT 0,
    read         bigint  NOT NULL DEFAULT 0,    -- always the sum of the seven
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition)
);

-- The idempotency table, which is the ledger. Outcomes and types by number as in
-- common/domain (outcome.h, event.h); rule by number as in common/domain/rules.
-- Rejected, rekeyed and duplicate records leave no row.
CREATE TABLE idempotency (
    key               uuid        NOT NULL,     -- first 128 bits of the SHA-256 key
    fingerprint       bigint      NOT NULL,     -- of the content, without `reference`
    outcome           smallint    NOT NULL,
    rule              smallint    NOT NULL,
    type              smallint    NOT NULL,
    contract          integer     NOT NULL,
    partition         integer     NOT NULL,
    record_offset     bigint      NOT NULL,
    recorded_at       timestamptz NOT NULL,     -- the record's own Kafka timestamp
    source            text        NOT NULL,
    sku               text        NOT NULL,
    location          text        NOT NULL,     -- '' where an order has none yet
    quantity          bigint      NOT NULL,
    before            bigint,                   -- ruling level, null = none
    after             bigint,
    occurred_at       timestamptz NOT NULL,
    version           bigint,
    sees_orders_until timestamptz,
    event_id          text,
    reference         text,
    PRIMARY KEY (key, sku)
);

-- The last reading of every source, also of those that do not rule. For a shop: count =
-- the available last observed, adjusted = units ordered.
CREATE TABLE readings (
    sku               text   NOT NULL,
    location          text   NOT NULL,
    source            text   NOT NULL,
    count             bigint,                   -- null: no count yet
    counted_at        timestamptz,
    version           bigint,
    adjusted          bigint NOT NULL DEFAULT 0, -- sum of adjustments after the count
    adjusted_at       timestamptz,              -- newest adjustment ever recorded
    sees_orders_until timestamptz,
    PRIMARY KEY (sku, location, source)
) WITH (fillfactor = 70);

-- Adjustments that were recorded: a count that arrives late adds the later ones on top.
CREATE TABLE adjustments (
    sku         text        NOT NULL,
    location    text        NOT NULL,
    source      text        NOT NULL,
    occurred_at timestamptz NOT NULL,
    quantity    bigint      NOT NULL
);
CREATE INDEX adjustments_by_time ON adjustments (sku, location, source, occurred_at)
    INCLUDE (quantity);

-- The ruling level: the reading of the best-ranked source that has one.
CREATE TABLE levels (
    sku         text        NOT NULL,
    location    text        NOT NULL,
    quantity    bigint      NOT NULL,
    source      text        NOT NULL,
    occurred_at timestamptz NOT NULL,
    version     bigint,
    revision    bigint      NOT NULL,           -- rises by one a change; topic inventory.levels
    PRIMARY KEY (sku, location)
) WITH (fillfactor = 70);

-- Rows for Kafka, written in the batch's transaction and relayed by the partition's owner.
-- (topic, partition, record_offset) is the record that caused the row; kind as in
-- common/domain/outbox.h. Deleted once the broker has acknowledged them.
CREATE TABLE outbox (
    topic         text     NOT NULL,            -- of the causing record
    partition     integer  NOT NULL,
    record_offset bigint   NOT NULL,
    kind          smallint NOT NULL,
    key           bytea,                        -- null: a record without key
    value         bytea,                        -- null: a tombstone
    headers       bytea    NOT NULL,            -- length-prefixed, see common/codec/headers.h
    timestamp_ms  bigint   NOT NULL DEFAULT 0   -- 0: the broker's now
);
CREATE INDEX outbox_by_cause ON outbox (topic, partition, record_offset);

-- Shopify's inventory items. `duplicate`: another item of this shop has the same
-- normalised SKU, so that none of them may be written.
CREATE TABLE shop_items (
    shop       text    NOT NULL,
    item       text    NOT NULL,                -- gid://shopify/InventoryItem/..
    sku        text    NOT NULL,                -- normalised; '' = has none, or a bad one
    raw_sku    text    NOT NULL,
    tracked    boolean NOT NULL,
    duplicate  boolean NOT NULL DEFAULT false,
    seen_run   bigint  NOT NULL DEFAULT 0,      -- catalogue run that saw it last
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (shop, item)
);
CREATE INDEX shop_items_by_sku ON shop_items (shop, sku);

-- What each shop should show and what it was last seen to show, a row a pair.
-- dirty = push has to look at it: desired is not what the shop was last seen to show.
CREATE TABLE shop_levels (
    shop       text    NOT NULL,
    sku        text    NOT NULL,
    location   text    NOT NULL,
    desired    bigint,                          -- null: nothing known, nothing to write
    desired_at timestamptz,
    shown      bigint,                          -- in the shop's mode; null = not seen yet
    shown_at   timestamptz,
    stocked    boolean NOT NULL DEFAULT false,  -- level exists and is active in the shop
    dirty      boolean NOT NULL DEFAULT false,
    write_id   bigint,                          -- the one write in flight, if any
    held_until timestamptz,                     -- not before this moment (back-off of a pair)
    fault      text    NOT NULL DEFAULT '',     -- why push leaves the pair alone; '' = it does not
    PRIMARY KEY (shop, sku, location)
) WITH (fillfactor = 70);
CREATE INDEX shop_levels_dirty ON shop_levels (shop, desired_at)
    WHERE dirty AND write_id IS NULL AND fault = '';

-- One row a call to Shopify, stored before the socket write with its exact bytes.
-- state: intended (may have been sent), unknown (no answer), applied, refused, superseded.
CREATE TABLE shop_writes (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shop       text  NOT NULL,
    key        uuid  NOT NULL,
    body       bytea NOT NULL,
    state      text  NOT NULL DEFAULT 'intended',
    epoch      bigint NOT NULL,
    attempts   integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz,
    detail     text NOT NULL DEFAULT ''
);
CREATE INDEX shop_writes_open ON shop_writes (shop, id) WHERE settled_at IS NULL;

CREATE TABLE shop_write_pairs (
    write_id    bigint NOT NULL,
    ordinal     smallint NOT NULL,              -- place in the call; userErrors name it
    sku         text   NOT NULL,
    location    text   NOT NULL,
    item        text   NOT NULL,
    gid         text   NOT NULL,                -- the shop's location
    change_from bigint,
    quantity    bigint NOT NULL,
    PRIMARY KEY (write_id, sku, location)
);

-- One active writer a shop; the epoch fences what an old holder still tries.
CREATE TABLE shop_leases (
    shop       text PRIMARY KEY,
    owner      text NOT NULL,
    epoch      bigint NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE TABLE catalog_runs (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shop        text NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    items       bigint,
    levels      bigint
);
