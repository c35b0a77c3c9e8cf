-- Several calls in flight to one shop: a write belongs to one of the holder's callers, which
-- sends it again when its outcome is in doubt. Whoever takes the lease over ends what all
-- callers of the one before have left open.
ALTER TABLE shop_writes ADD caller smallint NOT NULL DEFAULT 0;
