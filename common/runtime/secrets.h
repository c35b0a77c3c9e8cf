/*
 * The secrets that this process was given, so that they can be kept out of what it writes
 * for others: every PARSTOCK_* variable that holds one, the files that such variables name,
 * and the passwords within connection strings.
 */
#ifndef PARSTOCK_RUNTIME_SECRETS_H
#define PARSTOCK_RUNTIME_SECRETS_H

#include "common/base/error.h"
#include "common/codec/redact.h"

/* Texts lie in the environment or in `pool`. STATUS_FATAL: too many, or no memory; a file
 * that can not be read holds nothing that could be told. */
enum status secrets_load(struct redact *redact, struct pool *pool, struct error *error);

#endif
