/*
 * parstock explain, inside: what was gathered of the SKU, and the location that is being
 * told. What is gathered is small and lies in memory; the rows of the ledger pass by.
 */
#ifndef PARSTOCK_WORKERS_EXPLAIN_EXPLAIN_H
#define PARSTOCK_WORKERS_EXPLAIN_EXPLAIN_H

#include "common/base/pool.h"
#include "common/io/store_drift.h"
#include "common/io/store_explain.h"
#include "common/io/store_incidents.h"
#include "common/runtime/fold.h"
#include "common/runtime/output.h"
#include "common/runtime/pair_decide.h"

#define EXPLAIN_LINE_MAX ((size_t)64 * 1024 * 1024)
#define EXPLAIN_POOL_MAX ((size_t)256 * 1024 * 1024)
#define EXPLAIN_PROBLEMS_MAX 8 /* named; all are counted */

/* An incident, a finding of drift or a line of the history as it will be printed; in the
 * pool. */
struct explain_note {
    struct explain_note *next;
    int64_t at_us;
    size_t number; /* in order of gathering: of two at one time the lower comes first */
    struct span location; /* bytes NULL = concerns many */
    struct span text;     /* a JSON object, or a line of the table */
};

/* The ruling level that the lines must sum to. */
struct explain_level {
    bool exists;
    int64_t quantity;
    struct span source; /* bytes NULL = not known */
};

/* One location, while its rows pass by. */
struct explain_told {
    bool open;
    int place;            /* row of found.places; -1 = only the ledger knows of it */
    struct span location; /* view of location_text */
    struct buf location_text;
    size_t events;
    bool has_last; /* an event of a source was there */
    bool last_has_after;
    int64_t last_after;
    struct buf last_source; /* of the last event that moved or confirmed the level */
    size_t problem_count;
    struct span problems[EXPLAIN_PROBLEMS_MAX];
    struct explain_stretch readings; /* rows of found, as the next ones */
    struct explain_stretch shops;
    struct explain_stretch writes;
    struct explain_stretch others;
    struct explain_stretch past;
    size_t next_note; /* of the timeline */
};

struct explain {
    enum output output;
    bool colour;
    const struct contract *contract; /* NULL = none was given */
    struct explain_question question;
    struct explain_found found;
    struct pair_decision
        *decisions[CONTRACT_SHOPS_MAX]; /* by shop, one a row of places */
    struct explain_note *incidents;
    struct explain_note *findings; /* newest first */
    size_t incident_count;
    struct explain_note **timeline; /* of a table: findings, writes and others, by time */
    size_t timeline_count;
    size_t timeline_room;
    struct fold *fold; /* of a past moment, with a contract: its readings; else NULL */
    struct pool pool;
    struct buf line;
    struct explain_told told;
    int next_place;
    size_t places_told;
    size_t problems;
};

/* ---- explain_gather.c: everything but the ledger ------------------------------------------ */

enum status explain_gather(struct explain *explain, struct postgres *postgres,
                           struct error *error);

/* ---- explain_tell.c: the walk over locations, and the check that the lines sum ------------ */

enum status explain_tell(struct explain *explain, struct postgres *postgres,
                         struct error *error);

/* The level that holds for the open location: that of now, or with --at the last `after`. */
struct explain_level explain_level(const struct explain *explain);

/* The readings of the open location, of now or (with --at and a contract) of then: how many
 * there may be, and one of them. False: it is none. */
size_t explain_reading_count(const struct explain *explain);
bool explain_reading_at(const struct explain *explain, size_t at,
                        struct explain_reading *reading_out);

/* Of the open location; NULL = the level of the shop was not decided. */
const struct pair_decision *explain_decision(const struct explain *explain,
                                             struct span shop);

/* ---- explain_words.c: why, in words --------------------------------------------------------- */

const char *explain_state_why(struct span state);
const char *explain_step_why(const struct explain *explain, enum desired_rule rule);
/* Is the SKU a kit, whose level is that of its parts? */
bool explain_is_kit(const struct explain *explain);
/* The step that the decision's stocks stand behind. */
enum desired_rule explain_stock_rule(const struct explain *explain,
                                     const struct desired_step *first);
/* What is to be known besides the pair's numbers; "" = nothing. */
const char *explain_shop_note(const struct explain *explain,
                              const struct explain_shop *shop);
bool explain_is_shop(const struct explain *explain, struct span source);
/* Rank by the contract; false: it has none, or no contract was given. */
bool explain_rank(const struct explain *explain, struct span source, int64_t *rank_out);
/* Appends why the reading rules, or why not. */
void explain_reading_why(const struct explain *explain,
                         const struct explain_reading *reading, struct buf *out);

/* ---- explain_json.c, explain_table.c ---------------------------------------------------------- */

/* All write into explain->line. Those of the timeline are NULL where the writer has none: it
 * writes them as lists when it closes. */
struct explain_writer {
    void (*open)(struct explain *explain);
    void (*event)(struct explain *explain, const struct explain_event *event);
    void (*close)(struct explain *explain);
    void (*incident)(struct explain *explain, const struct incident_view *view);
    void (*finding)(struct explain *explain, const struct drift_finding *finding);
    void (*write)(struct explain *explain, const struct explain_write *write);
    void (*other)(struct explain *explain, const struct explain_other *other);
};

/* Of the table's parts below the history: explain_shops.c. */
void explain_table_shops(struct explain *explain);

extern const struct explain_writer EXPLAIN_JSON;
extern const struct explain_writer EXPLAIN_TABLE;

#endif
