-- Incidents of push: a pair that a shop refuses for good has one, and subscribers hear of it.

-- Records for Kafka that push causes. The table outbox belongs to apply: its rows go by the
-- partition and offset of the record that caused them, and the partition's owner relays them.
-- What push finds has no such record. Its rows go by shop, in the order of their ids, which
-- the shop's lease hands out and relays; deleted once the broker has them.
CREATE TABLE shop_outbox (
    shop    text     NOT NULL,
    id      bigint   GENERATED ALWAYS AS IDENTITY,
    kind    smallint NOT NULL,                  -- as in common/domain/outbox.h
    key     bytea,                              -- null: a record without key
    value   bytea,                              -- null: a tombstone
    headers bytea    NOT NULL                   -- length-prefixed, see common/codec/headers.h
);
CREATE INDEX shop_outbox_in_order ON shop_outbox (shop, id);

-- Pairs that are refused, and open incidents of pairs: few, and looked for all the time.
CREATE INDEX shop_levels_refused ON shop_levels (shop, sku, location)
    WHERE fault LIKE 'quarantined:%';
CREATE INDEX incidents_of_shops ON incidents (shop, sku, location)
    WHERE state <> 'resolved' AND shop IS NOT NULL;
