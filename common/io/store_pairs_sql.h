/*
 * SQL that several statements must share, so that all say the same of a pair.
 *
 * PAIR_FAULT wants: i (n items of this normalised SKU in the shop, tracked of the one)
 * and g (gid of the contract's location or null) and l (the row of shop_levels).
 */
#ifndef PARSTOCK_IO_STORE_PAIRS_SQL_H
#define PARSTOCK_IO_STORE_PAIRS_SQL_H

#define PAIR_FAULT                                                                       \
    "CASE WHEN g.gid IS NULL OR coalesce(i.n, 0) = 0 THEN 'unmapped'"                    \
    " WHEN i.n > 1 THEN 'duplicate_sku'"                                                 \
    " WHEN NOT i.tracked THEN 'untracked'"                                               \
    " WHEN NOT l.stocked THEN 'not_stocked' ELSE '' END"

/* How a pair stands, in a word for people; s is the row of shop_levels. */
#define PAIR_STATE                                                                       \
    "CASE WHEN s.fault <> '' THEN s.fault WHEN s.write_id IS NOT NULL THEN 'in_flight'"  \
    " WHEN s.desired IS NULL THEN 'excluded' WHEN s.shown IS NULL THEN 'not_seen'"       \
    " WHEN s.dirty THEN 'pending' ELSE 'at_par' END"

/*
 * The items of the pair's SKU as i. A look-up a row by the index, on purpose: a grouped
 * join is planned as a loop over all items where the statistics are young.
 */
#define ITEM_BESIDE                                                                      \
    " LEFT JOIN LATERAL (SELECT count(*) AS n, min(s.item) AS item,"                     \
    " min(s.raw_sku) AS raw_sku, bool_and(s.tracked) AS tracked"                         \
    " FROM shop_items s WHERE s.shop = $1 AND s.sku = l.sku) i ON true"

/* The first common table expression of a statement under the lease: $1..$4. */
#define UNDER_LEASE                                                                      \
    "WITH lease AS (UPDATE shop_leases SET expires_at = now() + $4 * interval '1 ms'"    \
    " WHERE shop = $1 AND owner = $2 AND epoch = $3 RETURNING shop)"

/*
 * Whoever locks several rows of shop_levels takes them in this order (of bytes, not of a
 * locale), or skips those that are taken: apply, push and the catalogue would lock each
 * other out for a moment otherwise, and a whole batch would be done again.
 */
#define PAIR_ORDER " ORDER BY l.sku COLLATE \"C\", l.location COLLATE \"C\""

#endif
