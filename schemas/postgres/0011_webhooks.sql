-- Webhooks: which were taken already, and what still has to be asked of the shop before it
-- is an event. Nothing of a customer stands here.

-- A delivery that was answered. kind: 1 X-Shopify-Webhook-Id, 2 X-Shopify-Event-Id; topic as
-- in common/domain/webhook.h. The headers are not signed: an id only counts together with
-- the body that came under it (the first 64 bits of its SHA-256). Pruned by age; what comes
-- later than that is a repeat by the ids of its events.
CREATE TABLE webhook_seen (
    shop    text        COLLATE "C" NOT NULL,
    id      text        COLLATE "C" NOT NULL,
    kind    smallint    NOT NULL,
    topic   smallint    NOT NULL,
    body    bigint      NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (shop, id, kind, topic, body)
);
CREATE INDEX webhook_seen_by_age ON webhook_seen (seen_at);

-- Look-ups that are owed. kind: 1 an item that may have changed, 2 a level of an item that
-- the catalogue did not have, 3 a line of an order whose SKU the shop has to tell. subject
-- is what is asked for; event names the event that is made once it is known, '' for 1.
CREATE TABLE webhook_looks (
    shop        text        COLLATE "C" NOT NULL,
    kind        smallint    NOT NULL,
    subject     text        COLLATE "C" NOT NULL,   -- gid://shopify/..
    event       text        COLLATE "C" NOT NULL DEFAULT '',
    location    text        NOT NULL DEFAULT '',    -- code; '' where an order has none
    quantity    bigint      NOT NULL DEFAULT 0,
    occurred_at timestamptz NOT NULL DEFAULT now(),
    reference   text        NOT NULL DEFAULT '',
    tries       integer     NOT NULL DEFAULT 0,
    asked_at    timestamptz NOT NULL DEFAULT clock_timestamp(), -- last; rises when asked again
    due_at      timestamptz NOT NULL DEFAULT clock_timestamp(), -- not before
    PRIMARY KEY (shop, subject, kind, event)
);
CREATE INDEX webhook_looks_due ON webhook_looks (shop, due_at);

-- What somebody may be waiting for has happened: bulk operations that ended.
CREATE TABLE shop_wakes (
    shop    text        COLLATE "C" NOT NULL,
    subject text        COLLATE "C" NOT NULL,       -- gid://shopify/BulkOperation/..
    at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (shop, subject)
);

-- When a single item was read after a webhook: an export that began before it is older.
ALTER TABLE shop_items ADD refreshed_at timestamptz;
