-- Baselines and weekly rulings. inputs: the canonical JSON that was judged, byte for byte,
-- so that its digest can be made again; see common/codec/week_json.h.

CREATE TABLE baselines (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    captured_at timestamptz NOT NULL,
    captured_by text NOT NULL,
    note        text NOT NULL DEFAULT '',
    first_day   date NOT NULL,
    day_count   integer NOT NULL CHECK (day_count BETWEEN 1 AND 35),
    digest      text NOT NULL,                  -- SHA-256 of body
    body        text NOT NULL
);

-- Of several rulings of one week the one with the highest number holds.
CREATE TABLE decisions (
    week            text NOT NULL CHECK (week ~ '^[0-9]{4}-W[0-9]{2}$'),
    number          integer NOT NULL CHECK (number > 0),
    verdict         text NOT NULL CHECK (verdict IN ('pass', 'fail', 'not_decidable')),
    rule            text NOT NULL,
    handoff         text NOT NULL,
    decided_by      text NOT NULL,
    decided_at      timestamptz NOT NULL,
    why             text NOT NULL,
    inputs_digest   text NOT NULL,              -- SHA-256 of inputs
    contract_digest text NOT NULL,
    inputs          text NOT NULL,
    PRIMARY KEY (week, number)
);

-- What was decided can not be decided otherwise afterwards.
REVOKE UPDATE, DELETE, TRUNCATE ON baselines, decisions FROM CURRENT_USER;
