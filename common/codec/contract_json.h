/*
 * The contract file to struct contract. Refuses what schemas/contract.schema.json
 * refuses, and what a schema cannot say: ranks and names used twice, aliases that clash,
 * unknown locations, an api_version below 2026-04, plain http to anything but loopback.
 */
#ifndef PARSTOCK_CODEC_CONTRACT_JSON_H
#define PARSTOCK_CODEC_CONTRACT_JSON_H

#include "common/base/error.h"
#include "common/domain/contract.h"

/* STATUS_OK and a contract that the caller releases, or STATUS_FATAL with the JSON
 * pointer of the fault and the remedy (exit code 78). */
enum status contract_decode(struct span text, struct contract **contract_out,
                            struct error *error);
void contract_free(struct contract **slot);

#endif
