/*
 * The conditions of a policy rule in words, for a rulebook that people read.
 */
#ifndef PARSTOCK_CODEC_POLICY_WORDS_H
#define PARSTOCK_CODEC_POLICY_WORDS_H

#include "common/base/buf.h"
#include "common/domain/policy.h"

/* "cause lost_write; low risk; percent to 3", or "always". Of long lists the first names and
 * how many more. `out` must be empty. */
void policy_when_say(const struct policy_when *when, struct buf *out);

#endif
