/*
 * Reads the contract file named by PARSTOCK_CONTRACT.
 */
#ifndef PARSTOCK_RUNTIME_CONTRACT_FILE_H
#define PARSTOCK_RUNTIME_CONTRACT_FILE_H

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/domain/contract.h"

#define CONTRACT_FILE_MAX ((size_t)4 * 1024 * 1024)

/* Fills `text_out` (initialised here, the caller frees it, also on failure) with the file's
 * bytes, and builds the contract from it (contract_free). STATUS_FATAL, exit code 78. */
enum status contract_file_load(const char *path, struct buf *text_out,
                               struct contract **contract_out, struct error *error);

#endif
