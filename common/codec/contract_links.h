/*
 * What no schema can say of a contract file: how its entries relate. `root` has the shape
 * of CONTRACT_SHAPE; `contract` has its locations and their names, sorted.
 */
#ifndef PARSTOCK_CODEC_CONTRACT_LINKS_H
#define PARSTOCK_CODEC_CONTRACT_LINKS_H

#include "common/base/error.h"
#include "common/domain/contract.h"

#include <jansson.h>

/* STATUS_FATAL: a rank, name, code or alias given twice. */
enum status contract_check_names(json_t *root, const struct contract *contract,
                                 struct error *error);

/* The location with this very code; -1 for an alias too. */
int contract_location_by_code(const struct contract *contract, struct span code);

/* STATUS_FATAL: a source or shop of an unknown location, an API version below 2026-04, a
 * plain http endpoint beyond loopback. */
enum status contract_check_links(json_t *root, const struct contract *contract,
                                 struct error *error);

/* False: plain http to another host than this machine's. `url` has the shape of an endpoint. */
bool contract_url_is_safe(struct span url);

#endif
