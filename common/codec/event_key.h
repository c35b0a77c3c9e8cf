/*
 * The idempotency key of an event and the fingerprint of its content, both SHA-256 over
 * the canonical bytes of common/domain/event.h. The key is the first 128 bits; it stands
 * in the ledger as a UUID. The fingerprint is the first 64 bits, as a signed number since
 * that is what the database has. Source: design, rule 3.
 */
#ifndef PARSTOCK_CODEC_EVENT_KEY_H
#define PARSTOCK_CODEC_EVENT_KEY_H

#include "common/domain/event.h"

#define EVENT_KEY_BYTES 16

struct event_identity {
    unsigned char key[EVENT_KEY_BYTES];
    int64_t fingerprint;
};

struct event_hasher; /* one a thread: setting up a digest costs more than a short one */

struct event_hasher *event_hasher_new(void); /* NULL: out of memory */
void event_hasher_free(struct event_hasher **slot);

void event_identity(struct event_hasher *hasher, const struct event *event,
                    struct event_identity *identity_out);

#define DIGEST_HEX_MAX 65 /* with the NUL */

/* SHA-256 in lower-case hex, for things that are digested once. */
void digest_sha256_hex(struct span bytes, char hex_out[DIGEST_HEX_MAX]);

#define UUID_TEXT_MAX 37 /* with the NUL */

/* "00112233-4455-6677-8899-aabbccddeeff" */
void uuid_format(const unsigned char uuid[16], char text_out[UUID_TEXT_MAX]);

#endif
