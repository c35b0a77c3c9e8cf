#include "common/codec/event_key.h"

#include "common/base/check.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define SHA256_BYTES 32

struct event_hasher {
    EVP_MD *sha256;
    EVP_MD_CTX *context;
    char room[EVENT_CANONICAL_MAX];
};

static void release(struct event_hasher *hasher)
{
    EVP_MD_CTX_free(hasher->context);
    EVP_MD_free(hasher->sha256);
    free(hasher);
}

void event_hasher_free(struct event_hasher **slot)
{
    if (*slot != NULL)
        release(*slot);
    *slot = NULL;
}

struct event_hasher *event_hasher_new(void)
{
    struct event_hasher *hasher = calloc(1, sizeof(*hasher));
    if (hasher == NULL)
        return NULL;
    hasher->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    hasher->context = EVP_MD_CTX_new();
    if (hasher->sha256 != NULL && hasher->context != NULL)
        return hasher;
    release(hasher);
    return NULL;
}

/* Digesting bytes in memory fails only for want of memory or through a broken library;
 * a wrong key would double an event, so neither is gone on with. */
static void digest(struct event_hasher *hasher, size_t length,
                   unsigned char digest_out[SHA256_BYTES])
{
    unsigned int written = 0;
    ASSERT(EVP_DigestInit_ex2(hasher->context, hasher->sha256, NULL) == 1);
    ASSERT(EVP_DigestUpdate(hasher->context, hasher->room, length) == 1);
    ASSERT(EVP_DigestFinal_ex(hasher->context, digest_out, &written) == 1);
    ASSERT(written == SHA256_BYTES);
}

void event_identity(struct event_hasher *hasher, const struct event *event,
                    struct event_identity *identity_out)
{
    unsigned char bytes[SHA256_BYTES];
    digest(hasher, event_key_bytes(event, hasher->room), bytes);
    memcpy(identity_out->key, bytes, EVENT_KEY_BYTES);
    digest(hasher, event_content_bytes(event, hasher->room), bytes);
    uint64_t fingerprint = 0;
    for (size_t at = 0; at < sizeof(fingerprint); at++)
        fingerprint = fingerprint << 8 | bytes[at];
    identity_out->fingerprint = (int64_t)fingerprint;
}

static char hex_digit(unsigned value)
{
    return "0123456789abcdef"[value & 15];
}

void digest_sha256_hex(struct span bytes, char hex_out[DIGEST_HEX_MAX])
{
    unsigned char digest_bytes[SHA256_BYTES];
    unsigned int written = 0;
    ASSERT(EVP_Digest(bytes.bytes, bytes.length, digest_bytes, &written, EVP_sha256(),
                      NULL) == 1);
    ASSERT(written == SHA256_BYTES);
    for (size_t at = 0; at < SHA256_BYTES; at++) {
        hex_out[2 * at] = hex_digit(digest_bytes[at] >> 4);
        hex_out[2 * at + 1] = hex_digit(digest_bytes[at]);
    }
    hex_out[DIGEST_HEX_MAX - 1] = '\0';
}

void uuid_format(const unsigned char uuid[16], char text_out[UUID_TEXT_MAX])
{
    char *to = text_out;
    for (size_t at = 0; at < 16; at++) {
        if (at == 4 || at == 6 || at == 8 || at == 10)
            *to++ = '-';
        *to++ = hex_digit(uuid[at] >> 4);
        *to++ = hex_digit(uuid[at]);
    }
    *to = '\0';
}
