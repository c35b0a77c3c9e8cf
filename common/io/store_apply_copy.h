/*
 * The rows of one batch that are new: sent by binary COPY, which costs the server about a
 * third of what inserts do. Part of store_commit; within its transaction.
 */
#ifndef PARSTOCK_IO_STORE_APPLY_COPY_H
#define PARSTOCK_IO_STORE_APPLY_COPY_H

#include "common/io/store_apply.h"

enum status store_copy_effects(struct postgres *postgres,
                               const struct store_effects *effects, struct error *error);

#endif
