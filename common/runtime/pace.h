/*
 * Not faster than so many a second: work that must leave room for other work.
 */
#ifndef PARSTOCK_RUNTIME_PACE_H
#define PARSTOCK_RUNTIME_PACE_H

#include <stddef.h>
#include <stdint.h>

struct pace {
    int64_t per_second; /* 0: as fast as it goes */
    int64_t began_us;   /* monotonic */
    int64_t done;       /* since then */
};

void pace_begin(struct pace *pace, int64_t per_second);

/* `count` more are done: waits until the next one is due, or the process is to end. Time in
 * which nothing was done (a database that was away) is not made up for. */
void pace_wait(struct pace *pace, size_t count);

/* How many to take in hand at once, so that they come evenly: at most `most`, at least 1. */
size_t pace_share(const struct pace *pace, size_t most);

#endif
