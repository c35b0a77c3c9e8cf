/*
 * The guard over levels that push takes to zero: how many within a window, and what it has
 * stopped. A pair that is held has the fault ZEROING_FAULT, so that no claim sees it; it is
 * free again once it is to show more than nothing, or once a person lets it go on.
 *
 * The shop's lease is locked first, then the stop, then the pairs. Statuses as in
 * common/io/postgres.h.
 */
#ifndef PARSTOCK_IO_STORE_ZEROING_H
#define PARSTOCK_IO_STORE_ZEROING_H

#include "common/io/postgres.h"

#define ZEROING_FAULT "held: zeroing"

/* Within a claim, which holds the lease. */
struct zeroing {
    bool is_stopped;
    int64_t zeroed; /* in the window so far */
};

enum status store_zeroing(struct postgres *postgres, struct span shop, int64_t window_s,
                          struct zeroing *out, struct error *error);

/* Levels of the shop that something is desired of. */
enum status store_zeroing_levels(struct postgres *postgres, struct span shop,
                                 int64_t *levels_out, struct error *error);

/* Levels that wait to go to zero, those of the claim too. */
enum status store_zeroing_waiting(struct postgres *postgres, struct span shop,
                                  int64_t *waiting_out, struct error *error);

/* So many more are taken to zero. */
enum status store_zeroing_add(struct postgres *postgres, struct span shop,
                              int64_t window_s, int64_t count, struct error *error);

enum status store_zeroing_stop(struct postgres *postgres, struct span shop,
                               const char *guard, struct error *error);

/* Held pairs that are to show something again are free. */
enum status store_zeroing_wake(struct postgres *postgres, struct span shop,
                               struct error *error);

/* How the shop's stop stands; its row is locked. */
struct zeroing_stop {
    bool is_there;
    bool is_told;
    int64_t held; /* pairs, that wait to be taken to zero */
    int64_t stopped_at_us;
};

enum status store_zeroing_stopped(struct postgres *postgres, struct span shop,
                                  struct zeroing_stop *out, struct error *error);
enum status store_zeroing_told(struct postgres *postgres, struct span shop,
                               struct error *error);

/* The stop ends, and what is held goes on without counting once more. */
enum status store_zeroing_release(struct postgres *postgres, struct span shop,
                                  int64_t *held_out, struct error *error);

#endif
