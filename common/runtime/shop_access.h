/*
 * What every command that talks to a shop needs first: its credentials from the settings,
 * an open connection object, and the places that the contract maps.
 */
#ifndef PARSTOCK_RUNTIME_SHOP_ACCESS_H
#define PARSTOCK_RUNTIME_SHOP_ACCESS_H

#include "common/domain/contract.h"
#include "common/io/shopify.h"
#include "common/io/store_push.h"

/*
 * Reads PARSTOCK_SHOP_<NAME>_TOKEN, or .._CLIENT_ID and .._CLIENT_SECRET (each also as
 * _FILE). Sends nothing yet. STATUS_FATAL with exit code 78 and the variable's name.
 */
enum status shop_access_open(const struct shop *shop, int64_t timeout_ms,
                             struct shopify **out, struct error *error);

/* Codes and ids of the locations that this shop has, in memory that the caller releases. */
enum status shop_access_places(const struct contract *contract, const struct shop *shop,
                               struct shop_places *places_out, struct error *error);
void shop_access_places_free(struct shop_places *places);

/*
 * A call that ended with `status` is worth another try: the shop refused it because push and
 * others had used up the cost bucket. Waits for the bucket; false after a minute of tries.
 */
bool shop_access_again(struct shopify *shopify, enum status status,
                       const struct error *error, int *tries);

/* Does the token hold `needed` (SCOPE_*)? STATUS_FATAL names the scope that it lacks. */
enum status shop_access_check(struct shopify *shopify, unsigned needed,
                              struct error *error);

#endif
