#include "common/codec/secret.h"

#include "common/base/check.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

struct secret_digest secret_digest(struct span secret)
{
    struct secret_digest digest;
    unsigned length = 0;
    int done = EVP_Digest(secret.bytes, secret.length, digest.bytes, &length,
                          EVP_sha256(), NULL);
    ASSERT(done == 1 && length == SECRET_DIGEST_BYTES);
    return digest;
}

bool secret_digest_equal(const struct secret_digest *left,
                         const struct secret_digest *right)
{
    return CRYPTO_memcmp(left->bytes, right->bytes, SECRET_DIGEST_BYTES) == 0;
}
