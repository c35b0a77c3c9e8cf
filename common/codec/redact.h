/*
 * Texts that leave the house, searched once more for what must not: known secrets, addresses
 * of e-mail, and access tokens by their shape. What is found becomes "[redacted]". The first
 * line of defence is not to copy such things at all; this is the second.
 */
#ifndef PARSTOCK_CODEC_REDACT_H
#define PARSTOCK_CODEC_REDACT_H

#include "common/base/pool.h"

#define REDACT_SECRETS_MAX 256
#define REDACT_SECRET_MIN 4 /* bytes; shorter ones would hit ordinary words */
#define REDACTED "[redacted]"

/* The texts belong to the caller. */
struct redact {
    struct span secrets[REDACT_SECRETS_MAX];
    size_t count;
};

/* False: there is no room left. Too short and repeated ones are passed over. */
bool redact_add(struct redact *redact, struct span secret);

/* Secrets within a connection string of Postgres: the password of a URI or of key=value, as
 * written and (a copy in the pool) as it was before it was percent-encoded. */
bool redact_add_dsn(struct redact *redact, struct span dsn, struct pool *pool);

/* Adds the text without them. */
void redact_text(const struct redact *redact, struct span text, struct buf *out);

#endif
