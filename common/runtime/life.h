/*
 * The life of a worker: SIGTERM and SIGINT set one flag; waits end when it is set; waits
 * for an outside thing that is away grow with jitter up to a maximum.
 */
#ifndef PARSTOCK_RUNTIME_LIFE_H
#define PARSTOCK_RUNTIME_LIFE_H

#include "common/base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Installs the handlers (also ignores SIGPIPE, sets PR_SET_DUMPABLE 0 and no core). */
enum status life_begin(struct error *error);

bool life_ending(void); /* a signal has asked us to finish */
void life_end(void);    /* ask ourselves to finish */

/* Sleeps up to `ms` or until asked to finish. */
void life_wait_ms(int64_t ms);

/*
 * Back-off: 100 ms doubling to 10 s, each with up to half of it at random. `tries` is
 * kept by the caller (0 at the start and after a success).
 */
void life_back_off(int *tries);

/* Readiness, shown by /readyz and logged when it changes (once, not every try). */
void life_ready(const char *part, bool ready, const char *why);
bool life_is_ready(void); /* every part is, there is one, and we are not ending */

/* One line a part, for the body of /readyz. */
struct buf;
void life_ready_write(struct buf *out);

int64_t clock_now_us(void); /* wall clock, microseconds since 1970 */
int64_t clock_monotonic_us(void);

#endif
