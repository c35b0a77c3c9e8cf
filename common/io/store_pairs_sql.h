/*
 * SQL that several statements must share, so that all say the same of a pair.
 *
 * PAIR_FAULT wants: i (n items of this normalised SKU in the shop, bundle and tracked of
 * the one) and g (gid of the contract's location or null) and l (the row of shop_levels).
 */
#ifndef PARSTOCK_IO_STORE_PAIRS_SQL_H
#define PARSTOCK_IO_STORE_PAIRS_SQL_H

#define PAIR_FAULT                                                                       \
    "CASE WHEN g.gid IS NULL OR coalesce(i.n, 0) = 0 THEN 'unmapped'"                    \
    " WHEN i.n > 1 THEN 'duplicate_sku'"                                                 \
    " WHEN i.bundle THEN 'bundle'"                                                       \
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
    " min(s.raw_sku) AS raw_sku, bool_and(s.tracked) AS tracked,"                        \
    " bool_or(s.bundle) AS bundle"                                                       \
    " FROM shop_items s WHERE s.shop = $1 AND s.sku = l.sku) i ON true"

/*
 * Is a pair other than it should be? One of which more was sold than there is rests below
 * zero: raising it to 0 sells nothing, and would hide the debt from everybody.
 */
#define PAIR_IS_OFF(desired, shown, short)                                               \
    "(" desired " IS NOT NULL AND " desired " IS DISTINCT FROM " shown                   \
    " AND NOT (" short " > 0 AND " desired " = 0 AND coalesce(" shown ", 0) < 0))"

/*
 * Units put back since `held` was seen last, by events: a level that is where it was left
 * has lost as many. For shops in mode available: elsewhere a cancellation moves no level.
 */
#define PUT_BACK_SINCE_OF(row)                                                           \
    "(SELECT coalesce(-sum(c.units), 0) FROM shop_units c WHERE c.sku = " row ".sku"     \
    " AND c.location IN (" row ".location, '') AND c.shop = $1 AND c.kind = 1"           \
    " AND c.units < 0 AND c.at > " row ".shown_at)"
#define PUT_BACK_SINCE PUT_BACK_SINCE_OF("held")

/* Every pair of the shop ($1) as l, with what PAIR_FAULT wants beside it; $2 codes, $3 ids
 * of the contract's locations. */
#define PAIRS_BESIDE                                                                     \
    " FROM shop_levels l" ITEM_BESIDE                                                    \
    " LEFT JOIN unnest($2::text[], $3::text[]) g (code, gid) ON g.code = l.location"     \
    " WHERE l.shop = $1"

/* The first common table expression of a statement under the lease: $1..$4. Callers of one
 * holder renew beside each other; whose clock stopped first must not shorten it. */
#define UNDER_LEASE                                                                      \
    "WITH lease AS (UPDATE shop_leases SET expires_at ="                                 \
    " greatest(expires_at, now() + $4 * interval '1 ms')"                                \
    " WHERE shop = $1 AND owner = $2 AND epoch = $3 RETURNING shop)"

/*
 * Whoever locks several rows of shop_levels takes them in this order (of bytes, not of a
 * locale), or skips those that are taken: apply, push and the catalogue would lock each
 * other out for a moment otherwise, and a whole batch would be done again.
 */
#define PAIR_ORDER " ORDER BY l.sku COLLATE \"C\", l.location COLLATE \"C\""

#endif
