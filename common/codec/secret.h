/*
 * Secrets compared without telling how much of them was right: as digests, every byte looked
 * at whatever the first ones say.
 */
#ifndef PARSTOCK_CODEC_SECRET_H
#define PARSTOCK_CODEC_SECRET_H

#include "common/base/span.h"

#define SECRET_DIGEST_BYTES 32

struct secret_digest {
    unsigned char bytes[SECRET_DIGEST_BYTES]; /* SHA-256 */
};

struct secret_digest secret_digest(struct span secret);
bool secret_digest_equal(const struct secret_digest *left,
                         const struct secret_digest *right);

#endif
