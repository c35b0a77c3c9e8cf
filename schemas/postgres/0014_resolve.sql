-- Resolve: what was done about findings, once each; what guards have stopped; counts of shelves.

-- One row a finding, written in the transaction of its effect: a repeated delivery finds it
-- and does nothing. What a person asks for stands here too, under a name of its own:
-- "<incident>@<microseconds>" of an approval, "<batch>/<shop>/<location>" of a command.
--
-- state: none = nothing was to be done; held = a guard has stopped it; pending = the pair is
-- marked, push has not come to rest with it; reading = it has, and the shop is read once more;
-- done, failed = by what was read; dropped = held, and not wanted any more.
CREATE TABLE drift_actions (
    finding_id text    COLLATE "C" NOT NULL,
    sku        text    COLLATE "C" NOT NULL,
    shop       text    COLLATE "C" NOT NULL,
    location   text    COLLATE "C" NOT NULL,
    run_id     text    COLLATE "C" NOT NULL DEFAULT '',
    batch      text    COLLATE "C" NOT NULL DEFAULT '', -- of one command or approval
    action     text    NOT NULL CHECK (action IN ('resync', 'escalate', 'observe', 'ignore')),
    is_rule    boolean NOT NULL,                -- false: a person asked for it
    rule       text    NOT NULL DEFAULT '',
    bar        text    NOT NULL DEFAULT '',     -- what made of the rule's resync an escalation
    actor      text    NOT NULL,
    incident   text,                            -- that it was approved in
    state      text    NOT NULL
        CHECK (state IN ('none', 'held', 'pending', 'reading', 'done', 'failed', 'dropped')),
    acted_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    read_at    timestamptz,                     -- when it was marked to be read once more
    settled_at timestamptz,
    desired    bigint,                          -- when it was settled
    shown      bigint,
    detail     text    NOT NULL DEFAULT '',
    PRIMARY KEY (finding_id, sku)
);
CREATE INDEX drift_actions_open ON drift_actions (acted_at)
    WHERE state IN ('pending', 'reading');
CREATE INDEX drift_actions_held ON drift_actions (shop, sku, location, acted_at)
    WHERE state = 'held';
CREATE INDEX drift_actions_by_pair ON drift_actions (shop, sku, location, acted_at);
CREATE INDEX drift_actions_by_batch ON drift_actions (batch) WHERE batch <> '';

-- Where reading of inventory.drift goes on. A hint that is never too far: what is read again
-- is found in drift_actions.
CREATE TABLE resolve_progress (
    topic       text    NOT NULL,
    partition   integer NOT NULL,
    next_offset bigint  NOT NULL,
    PRIMARY KEY (topic, partition)
);

-- What each run asks for, and what the guards say of it. is_planned: the numbers are of the
-- whole run, added up before anything of it was done; otherwise of what has come so far.
CREATE TABLE resolve_runs (
    run_id     text    COLLATE "C" PRIMARY KEY,
    shop       text    COLLATE "C" NOT NULL,
    state      text    NOT NULL
        CHECK (state IN ('passes', 'stopped', 'released', 'rejected')),
    is_planned boolean NOT NULL,
    compared   bigint  NOT NULL,
    findings   bigint  NOT NULL,
    changes    bigint  NOT NULL,                -- resyncs that the policy asks for
    zeroes     bigint  NOT NULL,                -- of these, to zero or less
    seen_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX resolve_runs_stopped ON resolve_runs (shop) WHERE state = 'stopped';

-- What stands still until a person says otherwise. scope: drift = resyncs by rules of the
-- shop; zeroing = push takes no level of the shop to zero.
CREATE TABLE guard_stops (
    shop       text COLLATE "C" NOT NULL,
    scope      text NOT NULL CHECK (scope IN ('drift', 'zeroing')),
    guard      text NOT NULL,
    run_id     text NOT NULL DEFAULT '',
    stopped_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    told       boolean NOT NULL DEFAULT false,  -- its incident is open; of scope zeroing
    PRIMARY KEY (shop, scope)
);

-- Levels that push has taken to zero since a moment: its window of the guard.
ALTER TABLE shop_leases
    ADD zeroed       bigint NOT NULL DEFAULT 0,
    ADD zeroed_since timestamptz;

-- Pairs that the guard keeps from zero.
CREATE INDEX shop_levels_held ON shop_levels (shop, sku, location)
    WHERE fault = 'held: zeroing';

-- A finished run was held against the open incidents of its shop.
ALTER TABLE drift_runs ADD closed boolean NOT NULL DEFAULT false;
CREATE INDEX drift_runs_to_close ON drift_runs (id) WHERE NOT closed;

-- Shelves that people counted, and what the books said at that moment.
CREATE TABLE spot_checks (
    id         bigint GENERATED ALWAYS AS IDENTITY,
    sku        text COLLATE "C" NOT NULL,
    location   text COLLATE "C" NOT NULL,
    counted    bigint NOT NULL,
    books      bigint,                          -- the ruling level; null: none
    source     text   NOT NULL DEFAULT '',      -- whose the ruling level was
    verdict    text   NOT NULL CHECK (verdict IN
        ('agrees', 'books_high', 'books_low', 'no_books', 'not_comparable')),
    actor      text   NOT NULL,
    counted_at timestamptz NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    event_id   text   NOT NULL DEFAULT '',      -- of the stock.counted event that it became
    note       text   NOT NULL DEFAULT '',
    PRIMARY KEY (id, sku)
);
CREATE INDEX spot_checks_by_pair ON spot_checks (sku, location, counted_at);
