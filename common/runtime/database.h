/*
 * How a command reaches Postgres, by its settings.
 */
#ifndef PARSTOCK_RUNTIME_DATABASE_H
#define PARSTOCK_RUNTIME_DATABASE_H

#include "common/io/postgres.h"
#include "common/runtime/config.h"

/* `name`: what the server calls the connection, e.g. "parstock week". Statements may take
 * `statement_ms`; 0: as long as postgres.h says. */
static inline struct postgres_options database_options(const struct config *config,
                                                       const char *name, int statement_ms)
{
    return (struct postgres_options){.dsn = config->postgres,
                                     .schema = config->schema,
                                     .application_name = name,
                                     .statement_timeout_ms = statement_ms};
}

#endif
