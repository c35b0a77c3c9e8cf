/*
 * Reading what is known, for people and for checks: ruling levels with what each shop
 * should show and shows, and the invariants that `audit` proves. Rows are streamed, so that
 * memory does not grow with the catalogue.
 */
#ifndef PARSTOCK_IO_STORE_LEVELS_H
#define PARSTOCK_IO_STORE_LEVELS_H

#include "common/domain/outcome.h"
#include "common/io/postgres.h"

/* What a shop has of a level. Texts are valid during the call that brings them. */
struct level_shop_view {
    struct span shop;
    bool has_desired;
    int64_t desired;
    bool has_shown;
    int64_t shown;
    struct span
        state; /* at_par, pending, in_flight, not_seen, or why push leaves it alone */
};

struct level_view {
    struct span sku;
    struct span location;
    int64_t quantity;
    struct span source;
    int64_t occurred_at_us;
    bool has_version;
    int64_t version;
    bool has_shop; /* one call a shop; a level without shops comes once, with false */
    struct level_shop_view shop;
};

/* Levels in order of (sku, location), each with its shops in order of name. A filter with
 * bytes NULL is none. */
struct level_filter {
    struct span sku;
    struct span location;
};
struct level_visitor {
    enum status (*each)(void *self, const struct level_view *view, struct error *error);
    void *self;
};
enum status store_levels(struct postgres *postgres, const struct level_filter *filter,
                         const struct level_visitor *visitor, struct error *error);

/* ---- audit --------------------------------------------------------------------------------- */

struct audit_counts {
    int64_t read;
    int64_t outcomes[OUTCOME_COUNT];
    int64_t levels;
};

/* The same of one partition, in order of topic and partition. */
struct audit_partition {
    struct span topic; /* valid during the call that brings it */
    int32_t partition;
    int64_t read;
    int64_t next_offset;
    int64_t outcomes[OUTCOME_COUNT];
};
struct audit_partition_visitor {
    enum status (*each)(void *self, const struct audit_partition *partition,
                        struct error *error);
    void *self;
};
enum status store_audit_partitions(struct postgres *postgres,
                                   const struct audit_partition_visitor *visitor,
                                   struct error *error);

/* Both sides of every check are read in one snapshot (REPEATABLE READ, read only). */
enum status store_audit_begin(struct postgres *postgres, struct error *error);
enum status store_audit_counts(struct postgres *postgres, struct audit_counts *counts_out,
                               struct error *error);

/* An invariant: its id, what it promises, and the query that finds offenders (text rows). */
struct audit_check {
    const char *id;
    const char *promise;
    const struct statement *statement;
};
const struct audit_check *store_audit_check(size_t at); /* NULL past the end */

/* The same for a moment of the past: what holds of the ledger up to then. */
const struct audit_check *store_audit_check_at(size_t at); /* NULL past the end */

/* The ruling level of a place as the ledger left it at a moment, in order of (SKU,
 * location). Texts are valid during the call that brings them. */
struct audit_level {
    struct span sku;
    struct span location;
    int64_t quantity;
};
struct audit_level_visitor {
    enum status (*each)(void *self, const struct audit_level *level, struct error *error);
    void *self;
};
enum status store_audit_levels_at(struct postgres *postgres, int64_t at_us,
                                  const struct audit_level_visitor *visitor,
                                  struct error *error);

/* `each` gets one text an offender, at most `max` of them a check. `has_at`: of a check of a
 * moment, which is at_us. */
struct offender_visitor {
    int max;
    bool has_at;
    int64_t at_us;
    enum status (*each)(void *self, struct span offender, struct error *error);
    void *self;
};
enum status store_audit_run(struct postgres *postgres, const struct audit_check *check,
                            const struct offender_visitor *visitor, struct error *error);

#endif
