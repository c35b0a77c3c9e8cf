/*
 * The SQL of `import`: how far each file is (table imports), and a feed staged beside the
 * levels to see what it would change. The stage is a temporary table of the connection.
 */
#ifndef PARSTOCK_IO_STORE_IMPORTS_H
#define PARSTOCK_IO_STORE_IMPORTS_H

#include "common/domain/contract.h"
#include "common/domain/event.h"
#include "common/io/postgres.h"

/* ---- how far ------------------------------------------------------------------------------- */

struct import_mark {
    int64_t reached; /* rows up to here are on the topic; 0 = none */
    bool is_running; /* the file was begun and not ended */
};

/* Holds the file for this connection; *held_out false: another process imports it. */
enum status store_import_hold(struct postgres *postgres, struct span id, bool *held_out,
                              struct error *error);

enum status store_import_find(struct postgres *postgres, struct span id,
                              struct import_mark *mark_out, struct error *error);

struct import_name {
    struct span id;
    struct span feed;
    struct span file;
};

/* Begins the file anew: from its first row. */
enum status store_import_begin(struct postgres *postgres, const struct import_name *name,
                               struct error *error);
enum status store_import_reach(struct postgres *postgres, struct span id,
                               const struct import_mark *mark, struct error *error);

/* ---- what it would change --------------------------------------------------------------- */

/* Rows on their way into the stage. */
struct import_stage {
    struct buf rows;
    int64_t count;
};

enum status store_import_stage_begin(struct postgres *postgres,
                                     struct import_stage *stage, struct error *error);
/* Counts and adjustments; what shops say changes no level and is passed over. */
enum status store_import_stage_add(struct postgres *postgres, struct import_stage *stage,
                                   const struct event *event, struct error *error);

/* After the last row: compares with the levels. `known` is filled only where the share of
 * changed levels needs it. */
enum status store_import_stage_compare(struct postgres *postgres,
                                       struct import_stage *stage,
                                       const struct contract *contract,
                                       struct feed_effect *effect_out,
                                       struct error *error);
void store_import_stage_free(struct import_stage *stage);

struct import_change {
    struct span sku;
    struct span location;
    bool has_before;
    int64_t before;
    int64_t after; /* not of a missing level */
};

struct import_changes {
    enum status (*each)(void *self, const struct import_change *change,
                        struct error *error);
    void *self;
    int64_t limit;
};

/* Levels that would change, those that are emptied first. */
enum status store_import_changed(struct postgres *postgres,
                                 const struct import_changes *changes,
                                 struct error *error);

/* Levels of the feed's sources at its locations that it does not name, and how many. */
enum status store_import_missing(struct postgres *postgres,
                                 const struct import_changes *changes, int64_t *count_out,
                                 struct error *error);

/* ---- the incident ------------------------------------------------------------------------ */

/* The open incident of this problem (incident_problem): its id; rows->count 0 = none. */
enum status store_import_incident(struct postgres *postgres, struct span problem,
                                  struct span reason, struct rows *rows,
                                  struct error *error);

/* ---- retention ------------------------------------------------------------------------------- */

enum status store_import_retire(struct postgres *postgres, int64_t keep_days,
                                int64_t *removed_out, struct error *error);

#endif
