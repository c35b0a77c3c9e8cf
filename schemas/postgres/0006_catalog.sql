-- What the readiness checklist asks of an item: it comes from the variants that sell the
-- item. Several of them count together: any that sells on, any bundle, the highest price,
-- the tags of all.
ALTER TABLE shop_items
    ADD continues    boolean NOT NULL DEFAULT false, -- sold on below zero (CONTINUE)
    ADD bundle       boolean NOT NULL DEFAULT false, -- a bundle parent: the shop refuses writes
    ADD price_micros bigint,                         -- of a unit, in the shop's currency; null: unknown
    ADD tags         text[] NOT NULL DEFAULT '{}';   -- of its products
