/*
 * Moments as people name them on a command line.
 */
#ifndef PARSTOCK_RUNTIME_MOMENT_H
#define PARSTOCK_RUNTIME_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

/* How long ago (90s, 30m, 2h, 7d, 4w), or a moment (2026-11-25T12:00:00Z), in microseconds
 * since 1970. False: neither. */
bool moment_parse(const char *text, int64_t *us_out);

/* What to say where it is neither. */
#define MOMENT_HELP "say how long ago (30m, 2h, 7d) or a moment (2026-11-25T12:00:00Z)"

#endif
