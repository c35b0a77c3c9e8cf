/*
 * What the web page shows at a glance: how each shop stands, and how events ended.
 *
 * Statuses as in common/io/postgres.h. Texts are valid during the call that brings them.
 */
#ifndef PARSTOCK_IO_STORE_CONSOLE_H
#define PARSTOCK_IO_STORE_CONSOLE_H

#include "common/io/postgres.h"

struct console_shop {
    struct span name;
    int64_t pairs;
    int64_t at_par;
    int64_t waiting; /* to be read or written */
    int64_t faulted; /* left alone for a reason */
    int64_t oversold;
    bool has_oldest;
    int64_t oldest_us; /* since when the oldest waits */
    bool is_written;   /* a push holds the shop */
    bool has_throttled;
    int64_t throttled_us;
    int64_t incidents; /* open ones that name it */
    int64_t stops;     /* guards that hold it */
    struct span run;   /* state of its last comparison; absent: none */
    int64_t run_us;
    int64_t findings; /* of that */
};

struct console_shop_visitor {
    enum status (*each)(void *self, const struct console_shop *shop, struct error *error);
    void *self;
};

/* In the order given. */
enum status store_console_shops(struct postgres *postgres, const struct span *names,
                                size_t count, const struct console_shop_visitor *visitor,
                                struct error *error);

struct console_count {
    struct span name; /* of the outcome */
    int64_t count;
};

struct console_count_visitor {
    enum status (*each)(void *self, const struct console_count *count,
                        struct error *error);
    void *self;
};

/* Records of the topic of stock changes that were judged, by outcome; of all time. */
enum status store_console_outcomes(struct postgres *postgres,
                                   const struct console_count_visitor *visitor,
                                   struct error *error);

#endif
