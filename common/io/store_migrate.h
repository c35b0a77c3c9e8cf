/*
 * The schema's migrations: numbered files in the binary, run in order, each in one
 * transaction, under an advisory lock, so that any number of migrators may start at once.
 */
#ifndef PARSTOCK_IO_STORE_MIGRATE_H
#define PARSTOCK_IO_STORE_MIGRATE_H

#include "common/io/postgres.h"

struct migration_report {
    int64_t before; /* version found; 0 = empty */
    int64_t after;  /* version now */
};

/* The newest version that this binary holds. */
int64_t store_migrate_newest(void);

/*
 * Brings `schema` (created where missing) up to version `to` (0 = the newest). With
 * `dry_run` nothing is changed and `after` says what would be reached. STATUS_FATAL where
 * the database is newer than this binary, or `to` is unknown or below what is there.
 */
struct migration_wish {
    const char *schema;
    int64_t to; /* 0 = the newest */
    bool dry_run;
};
enum status store_migrate(struct postgres *postgres, const struct migration_wish *wish,
                          struct migration_report *report_out, struct error *error);

/* Removes the schema and all that is in it; none is no error. */
enum status store_schema_drop(struct postgres *postgres, const char *schema,
                              struct error *error);

/* Version of the schema; 0 where there is none. */
enum status store_schema_version(struct postgres *postgres, int64_t *version_out,
                                 struct error *error);

#endif
