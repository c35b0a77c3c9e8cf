-- Verification of a change: a frozen sample of pairs as it was before, and what was found of
-- it afterwards.

-- One row a sample. state: taking = its pairs are being read; taken = it can be held against.
CREATE TABLE verify_runs (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           text    NOT NULL,            -- may come again: the newest of a name counts
    state          text    NOT NULL DEFAULT 'taking'
        CHECK (state IN ('taking', 'taken', 'failed')),
    actor          text    NOT NULL,
    taken_at       timestamptz NOT NULL DEFAULT clock_timestamp(), -- before the first read
    finished_at    timestamptz,
    build          text    NOT NULL,            -- version of the program
    schema_version bigint  NOT NULL,
    contract       text    NOT NULL,            -- digest of the file
    confidence     bigint  NOT NULL,            -- in millionths, as the next
    share          bigint  NOT NULL,            -- of wrong pairs that the sample notices
    sample         bigint  NOT NULL,            -- drawn at random, a shop
    seed           bigint  NOT NULL,
    pairs          bigint  NOT NULL DEFAULT 0,
    high_risk      bigint  NOT NULL DEFAULT 0,
    detail         text    NOT NULL DEFAULT ''
);
CREATE INDEX verify_runs_by_name ON verify_runs (name, id);

-- How far apply was when a sample was begun: what lies behind that came since.
CREATE TABLE verify_positions (
    run_id      bigint  NOT NULL,
    topic       text    NOT NULL,
    partition   integer NOT NULL,
    next_offset bigint  NOT NULL,
    PRIMARY KEY (run_id, topic, partition)
);

-- The pairs of a sample, each as it was found.
CREATE TABLE verify_pairs (
    run_id       bigint  NOT NULL,
    shop         text    COLLATE "C" NOT NULL,
    sku          text    COLLATE "C" NOT NULL,
    location     text    COLLATE "C" NOT NULL,
    is_high_risk boolean NOT NULL,
    item         text    NOT NULL DEFAULT '',   -- of the shop; '' = it had none
    is_read      boolean NOT NULL DEFAULT false,
    item_there   boolean NOT NULL DEFAULT false,
    raw_sku      text    NOT NULL DEFAULT '',
    tracked      boolean NOT NULL DEFAULT false,
    sells_on     boolean NOT NULL DEFAULT false, -- below zero
    stocked      boolean NOT NULL DEFAULT false,
    shown        bigint,
    truth        bigint,
    revision     bigint  NOT NULL DEFAULT 0,    -- of the ruling level
    desired      bigint,
    residual     bigint  NOT NULL DEFAULT 0,
    is_off       boolean NOT NULL DEFAULT false,
    contract     text    NOT NULL DEFAULT '',   -- digest that push followed
    PRIMARY KEY (run_id, shop, sku, location)
);

-- One row each time a sample was held against.
CREATE TABLE verify_checks (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id         bigint  NOT NULL,
    actor          text    NOT NULL,
    began_at       timestamptz NOT NULL,
    ended_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    outcome        text    NOT NULL CHECK (outcome IN ('ok', 'failed', 'undecided')),
    build          text    NOT NULL,
    schema_version bigint  NOT NULL,
    contract       text    NOT NULL,
    pairs          bigint  NOT NULL,
    wrong          bigint  NOT NULL,
    undecided      bigint  NOT NULL,
    known          bigint  NOT NULL,
    moved          bigint  NOT NULL,            -- changed, and explained
    explained      jsonb   NOT NULL DEFAULT '{}' -- how often by each rule
);
CREATE INDEX verify_checks_by_run ON verify_checks (run_id, id);

-- What was not explained. rule, aspect and verdict as in common/domain/verify.c.
CREATE TABLE verify_findings (
    check_id     bigint  NOT NULL,
    shop         text    COLLATE "C" NOT NULL,
    sku          text    COLLATE "C" NOT NULL,
    location     text    COLLATE "C" NOT NULL,
    aspect       text    NOT NULL,
    verdict      text    NOT NULL CHECK (verdict IN ('wrong', 'undecided', 'known')),
    rule         text    NOT NULL,
    is_high_risk boolean NOT NULL,
    before       text    NOT NULL,
    after        text    NOT NULL,
    expected     text    NOT NULL,
    cause        text    NOT NULL DEFAULT '',   -- of the drift, where it is one
    reason       text    NOT NULL,
    runbook      text    NOT NULL DEFAULT '',
    PRIMARY KEY (check_id, shop, sku, location, aspect)
);

-- The pages of causes bear the cause's own name: links of what is open follow.
UPDATE incidents SET evidence = jsonb_set(evidence, '{runbook}', to_jsonb('docs/runbooks/'
    || replace(substring(evidence ->> 'runbook' FROM 21), '-', '_')))
WHERE state <> 'resolved'
    AND evidence ->> 'runbook' ~ '^docs/runbooks/cause-[a-z-]+\.md$';
