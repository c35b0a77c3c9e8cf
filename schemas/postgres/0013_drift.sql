-- Drift: what comparisons of a shop with what it should show have found.

-- One row a comparison. kind: full (everything, by an export), hot (pairs at risk, by point
-- reads), asked (by a person). state: missed = it should have begun and never did; partial =
-- it ended before everything was compared.
CREATE TABLE drift_runs (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shop        text COLLATE "C" NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('full', 'hot', 'asked')),
    state       text NOT NULL DEFAULT 'running'
        CHECK (state IN ('running', 'finished', 'partial', 'failed', 'missed')),
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    compared    bigint NOT NULL DEFAULT 0,      -- pairs of which the shop's level was read
    suspects    bigint NOT NULL DEFAULT 0,      -- of these, that differed at the first look
    in_flight   bigint NOT NULL DEFAULT 0,      -- suspects that were under way to the end
    findings    bigint NOT NULL DEFAULT 0,
    unknown     bigint NOT NULL DEFAULT 0,      -- findings without a cause
    calls       bigint NOT NULL DEFAULT 0,      -- to the shop
    contract    text   NOT NULL DEFAULT '',     -- digest of the file that it ran under
    detail      text   NOT NULL DEFAULT ''
);
CREATE INDEX drift_runs_by_shop ON drift_runs (shop, started_at);

-- Pairs of a run under way that differed at the first look, and wait for the second.
CREATE TABLE drift_suspects (
    run_id   bigint NOT NULL,
    sku      text COLLATE "C" NOT NULL,
    location text COLLATE "C" NOT NULL,
    item     text COLLATE "C" NOT NULL,         -- the shop's, '' = none was found
    items    bigint NOT NULL,                   -- of the shop with this SKU
    known    boolean NOT NULL,                  -- the catalogue has an item for the SKU
    desired  bigint,                            -- at the first look
    shown    bigint,
    seen_at  timestamptz NOT NULL,
    due_at   timestamptz NOT NULL,              -- not looked at again before
    tries    integer NOT NULL DEFAULT 0,        -- looks at which it was under way
    PRIMARY KEY (run_id, sku, location)
);

-- Differences that survived. Never changed but for `told`; what is done about one stands
-- beside it. cause and rule by name (common/domain/drift_cause.h).
CREATE TABLE drift_findings (
    finding_id   text COLLATE "C" NOT NULL,
    sku          text COLLATE "C" NOT NULL,
    run_id       bigint NOT NULL,
    shop         text COLLATE "C" NOT NULL,
    location     text COLLATE "C" NOT NULL,
    desired      bigint,
    shown        bigint,
    residual     bigint NOT NULL,
    cause        text   NOT NULL,
    rule         text   NOT NULL,
    evidence     jsonb  NOT NULL,
    risk         text   NOT NULL CHECK (risk IN ('low', 'high')),
    value_micros bigint,                        -- null: no price is known
    observed_at  timestamptz NOT NULL,
    told         boolean NOT NULL DEFAULT false, -- subscribers have it
    PRIMARY KEY (finding_id, sku)
);
CREATE INDEX drift_findings_untold ON drift_findings (run_id) WHERE NOT told;
CREATE INDEX drift_findings_by_pair ON drift_findings (shop, sku, location, observed_at);
CREATE INDEX drift_findings_by_run ON drift_findings (run_id);

-- What the shop showed of a pair when drift looked last: which part of a change was an order
-- (committed), and which was an edit, can be told from two looks.
CREATE TABLE drift_seen (
    shop      text COLLATE "C" NOT NULL,
    sku       text COLLATE "C" NOT NULL,
    location  text COLLATE "C" NOT NULL,
    committed bigint,
    seen_at   timestamptz NOT NULL,
    PRIMARY KEY (shop, sku, location)
);

-- The newest write of a pair.
CREATE INDEX shop_write_pairs_by_pair ON shop_write_pairs (sku, location, write_id);

-- When the shop's bucket last kept push waiting for longer than a moment.
ALTER TABLE shop_leases ADD throttled_at timestamptz;
