/*
 * SHA-256 over bytes that come piece by piece, set up once and used for many digests.
 */
#ifndef PARSTOCK_CODEC_DIGEST_H
#define PARSTOCK_CODEC_DIGEST_H

#include "common/base/span.h"

#define DIGEST_BYTES 32
#define DIGEST_HEX 64 /* digits of a whole one */

struct digest; /* one a thread */

struct digest *digest_new(void); /* NULL: out of memory */
void digest_free(struct digest **slot);

void digest_begin(struct digest *digest);
void digest_add(struct digest *digest, struct span bytes);

/* With its length before it: two lists of texts never give the same bytes. */
void digest_add_text(struct digest *digest, struct span text);
void digest_add_number(struct digest *digest, int64_t number);

/* The first `bytes` of the digest (1 to 32) as lower-case hex; room for 2 * bytes + 1. */
void digest_end_hex(struct digest *digest, size_t bytes, char *hex_out);

/* Is it a whole digest as lower-case hex? */
bool digest_is_hex(struct span text);

#endif
