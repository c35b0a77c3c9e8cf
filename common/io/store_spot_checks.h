/*
 * Spot checks in Postgres: which shelves should be counted, by the evidence that the tables
 * hold, and what people counted.
 */
#ifndef PARSTOCK_IO_STORE_SPOT_CHECKS_H
#define PARSTOCK_IO_STORE_SPOT_CHECKS_H

#include "common/domain/contract.h"
#include "common/io/postgres.h"

struct spot_wanted {
    const struct contract *contract; /* its risk block */
    struct span location;            /* code; bytes NULL = all */
    int64_t limit;
    int64_t sample; /* pairs drawn at random beside the evidence */
};

/* A shelf to be counted; texts are valid during the call that brings it. */
struct spot_shelf {
    struct span sku;
    struct span location;
    struct span reasons; /* "oversold, found often" */
    int64_t weight;
    bool has_books;
    int64_t books;
    bool was_counted;
    int64_t counted_at_us;
};

struct spot_visitor {
    enum status (*each)(void *self, const struct spot_shelf *shelf, struct error *error);
    void *self;
};

/* The heaviest evidence first. Evidence from before the shelf's last check does not count. */
enum status store_spot_list(struct postgres *postgres, const struct spot_wanted *wanted,
                            const struct spot_visitor *visitor, struct error *error);

struct spot_books {
    bool is_there;
    int64_t quantity;
    char source[401];
};

enum status store_spot_books(struct postgres *postgres, struct span sku,
                             struct span location, struct spot_books *out,
                             struct error *error);

struct spot_check {
    struct span sku;
    struct span location;
    int64_t counted;
    struct spot_books books;
    const char *verdict; /* agrees, books_high, books_low, no_books, not_comparable */
    struct span actor;
    int64_t counted_at_us;
    struct span note;
};

enum status store_spot_record(struct postgres *postgres, const struct spot_check *check,
                              int64_t *id_out, struct error *error);

/* Within the same transaction: the event that it became. */
enum status store_spot_event(struct postgres *postgres, int64_t id, struct span sku,
                             struct span event_id, struct error *error);

#endif
