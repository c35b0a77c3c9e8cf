/*
 * How many of a great many things must be looked at to notice that some are wrong. If a
 * share p of all is wrong, n drawn at random are all right with a chance of (1 - p)^n; the
 * smallest n at which that is at most 1 - confidence is enough. 1 percent wrong, noticed
 * with 95 percent: 299. Of a small population fewer would do; more are drawn, never fewer.
 * Pure. Shares and confidence are in millionths.
 */
#ifndef PARSTOCK_DOMAIN_SAMPLE_H
#define PARSTOCK_DOMAIN_SAMPLE_H

#include <stdint.h>

#define SAMPLE_WHOLE INT64_C(1000000)
#define SAMPLE_MAX INT64_C(100000)

/* 0 < confidence < SAMPLE_WHOLE, 0 < share <= SAMPLE_WHOLE. SAMPLE_MAX + 1: more than
 * SAMPLE_MAX would be needed. */
int64_t sample_size(int64_t confidence, int64_t share);

/* The smallest share that a sample of `size` (from 1 on) notices with this confidence;
 * SAMPLE_WHOLE + 1: not even if all were wrong. */
int64_t sample_share(int64_t size, int64_t confidence);

#endif
