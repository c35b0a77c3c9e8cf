/*
 * All that is known of one SKU, for `parstock explain`: its rows of the ledger, readings,
 * what the shops should show and show, and the writes to them. Read in one snapshot
 * (store_explain_begin), so that the parts fit each other.
 *
 * Statuses as in common/io/postgres.h. Texts of rows are valid until
 * store_explain_release; those of events during the call that brings them.
 */
#ifndef PARSTOCK_IO_STORE_EXPLAIN_H
#define PARSTOCK_IO_STORE_EXPLAIN_H

#include "common/domain/reading.h"
#include "common/io/store_levels.h"

#define EXPLAIN_WRITES_MAX 20  /* of a pair, the newest */
#define EXPLAIN_OTHERS_MAX 200 /* of a location and kind, the newest */

struct explain_question {
    struct span sku;      /* normalised */
    struct span location; /* bytes NULL = all */
    bool has_at;          /* only what was judged and settled up to at_us */
    int64_t at_us;
};

enum status store_explain_begin(struct postgres *postgres, struct error *error);

/* ---- what is known now ------------------------------------------------------------------- */

struct explain_found {
    bool has_dropped; /* retention has dropped parts of the ledger */
    int64_t whole_since_us;
    struct rows places;
    struct rows readings;
    struct rows shops;
    struct rows writes;
    struct rows others;
    struct rows past; /* only of a past moment */
};

enum status store_explain(struct postgres *postgres,
                          const struct explain_question *question,
                          struct explain_found *found_out, struct error *error);
void store_explain_release(struct explain_found *found);

/* The rows of one location; all of them begin with it. Empty: first == end. */
struct explain_stretch {
    int first;
    int end;
};
/* `from`: where to begin; the end of the stretch of the location before. */
struct explain_stretch store_explain_stretch(const struct rows *rows, int from,
                                             struct span location);

/* A location that anything but the ledger knows of, and its ruling level. By location, in
 * order of bytes, as all rows here. */
struct explain_place {
    struct span location; /* "" = orders that have none yet */
    bool has_level;
    int64_t quantity;
    struct span source;
    int64_t occurred_at_us;
    bool has_version;
    int64_t version;
};
struct explain_place store_explain_place(const struct explain_found *found, int row);

/* Of a source, or of a shop, by name. */
struct explain_reading {
    struct span location;
    struct span source;
    struct reading reading;
};
struct explain_reading store_explain_reading(const struct explain_found *found, int row);

struct explain_shop {
    struct span location;
    struct level_shop_view view;
    bool has_desired_at;
    int64_t desired_at_us;
    bool has_shown_at;
    int64_t shown_at_us;
    bool has_held_until; /* the pair rests until then */
    int64_t held_until_us;
    bool undecided;      /* desired is decided anew before it is written */
    int64_t short_units; /* sold beyond what there is */
    bool has_lease;
    struct span
        contract; /* digest of the contract file that push follows; "" = none yet */
};
struct explain_shop store_explain_shop(const struct explain_found *found, int row);

/* By location and shop, the newest first. */
struct explain_write {
    struct span location;
    struct span shop;
    int64_t id;
    bool has_from;
    int64_t from; /* what the shop had to show for it to be applied */
    int64_t to;
    struct span state; /* intended, unknown, applied, refused, superseded */
    int64_t attempts;
    int64_t created_at_us;
    bool has_settled_at;
    int64_t settled_at_us;
    struct span key;         /* idempotency key, as text */
    struct span detail;      /* the rule that decided, or the last trouble */
    struct span traceparent; /* bytes NULL = none */
};
struct explain_write store_explain_write(const struct explain_found *found, int row);

/* What else happened at a location, by time. */
enum explain_kind {
    EXPLAIN_MOVEMENT = 0, /* of a shop's units; word: missing, ordered, cancelled */
    EXPLAIN_ACTION = 1, /* on a finding, or asked for by a person; word: what was done */
    EXPLAIN_CHECK = 2,  /* a shelf was counted; word: the verdict */
    EXPLAIN_KIND_COUNT
};

struct explain_other {
    struct span location;
    enum explain_kind kind;
    int64_t at_us;
    struct span shop; /* bytes NULL = none */
    struct span id;   /* of the finding, or of the event that the count became */
    struct span word;
    struct span detail; /* rule or bar; note */
    struct span actor;
    bool has_first;
    int64_t first; /* units; desired when it was settled; what was counted */
    bool has_second;
    int64_t second; /* shown when it was settled; what the books said */
};
struct explain_other store_explain_other(const struct explain_found *found, int row);

/* A number of a pair as it was written down last, up to the moment that is asked about. */
struct explain_said {
    bool exists;
    int64_t quantity;
    int64_t at_us;
    struct span by; /* "write 12", "finding f-..", "repair of f-.." */
};

/* By location and shop. */
struct explain_past {
    struct span location;
    struct span shop;
    struct explain_said desired;
    struct explain_said shown;
};
struct explain_past store_explain_past(const struct explain_found *found, int row);

/* ---- the ledger --------------------------------------------------------------------------- */

struct explain_event {
    struct span location;
    int64_t judged_at_us;
    int64_t occurred_at_us;
    struct span source;
    int type; /* numbers as in common/domain */
    int outcome;
    int rule;
    int64_t quantity;
    bool has_version;
    int64_t version;
    bool has_before;
    int64_t before; /* ruling level */
    bool has_after;
    int64_t after;
    struct span event_id;  /* bytes NULL = none, also of the next */
    struct span reference; /* of the producer's document */
    struct span topic;
    int64_t partition;
    int64_t offset;
    int64_t recorded_at_us; /* the record's own timestamp; 0 = it had none */
    bool has_sees_orders_until;
    int64_t sees_orders_until_us;
    struct span traceparent; /* bytes NULL = none */
};

struct explain_visitor {
    enum status (*each)(void *self, const struct explain_event *event,
                        struct error *error);
    void *self;
};

/* In order of location, and within it of judging. */
enum status store_explain_events(struct postgres *postgres,
                                 const struct explain_question *question,
                                 const struct explain_visitor *visitor,
                                 struct error *error);

#endif
