/*
 * Shadows: a rebuilt state in a schema of its own beside the live one, made by the same
 * migrations. `replay` makes it, `apply --shadow` judges into it.
 */
#ifndef PARSTOCK_RUNTIME_SHADOW_H
#define PARSTOCK_RUNTIME_SHADOW_H

#include "common/base/error.h"

#include <stdbool.h>

#define SHADOW_SCHEMA_MAX 64 /* as long as Postgres lets a name be, with its NUL */

/* "<live>_shadow_<name>". STATUS_REJECT (64) where the name is not of 1 to 20 lower-case
 * letters, digits and underscores, or the whole would be too long. */
enum status shadow_schema(const char *live, const char *name,
                          char schema_out[SHADOW_SCHEMA_MAX], struct error *error);

#endif
