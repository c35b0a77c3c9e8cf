#include "common/codec/digest.h"

#include "common/base/check.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct digest {
    EVP_MD *sha256;
    EVP_MD_CTX *context;
};

static void release(struct digest *digest)
{
    EVP_MD_CTX_free(digest->context);
    EVP_MD_free(digest->sha256);
    free(digest);
}

void digest_free(struct digest **slot)
{
    if (*slot != NULL)
        release(*slot);
    *slot = NULL;
}

struct digest *digest_new(void)
{
    struct digest *digest = calloc(1, sizeof(*digest));
    if (digest == NULL)
        return NULL;
    digest->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    digest->context = EVP_MD_CTX_new();
    if (digest->sha256 != NULL && digest->context != NULL)
        return digest;
    release(digest);
    return NULL;
}

/* Digesting bytes in memory fails only through a broken library; a wrong digest would be
 * a wrong id, so that is not gone on with. */
void digest_begin(struct digest *digest)
{
    ASSERT(EVP_DigestInit_ex2(digest->context, digest->sha256, NULL) == 1);
}

void digest_add(struct digest *digest, struct span bytes)
{
    if (bytes.length > 0)
        ASSERT(EVP_DigestUpdate(digest->context, bytes.bytes, bytes.length) == 1);
}

void digest_add_number(struct digest *digest, int64_t number)
{
    char bytes[8];
    for (size_t at = 0; at < sizeof(bytes); at++)
        bytes[at] = (char)((uint64_t)number >> (56 - 8 * at));
    digest_add(digest, (struct span){bytes, sizeof(bytes)});
}

void digest_add_text(struct digest *digest, struct span text)
{
    digest_add_number(digest, (int64_t)text.length);
    digest_add(digest, text);
}

void digest_end_hex(struct digest *digest, size_t bytes, char *hex_out)
{
    static const char DIGITS[] = "0123456789abcdef";
    unsigned char made[DIGEST_BYTES];
    unsigned int length = 0;
    ASSERT(bytes >= 1 && bytes <= DIGEST_BYTES);
    ASSERT(EVP_DigestFinal_ex(digest->context, made, &length) == 1);
    ASSERT(length == DIGEST_BYTES);
    for (size_t at = 0; at < bytes; at++) {
        hex_out[2 * at] = DIGITS[made[at] >> 4];
        hex_out[2 * at + 1] = DIGITS[made[at] & 15];
    }
    hex_out[2 * bytes] = '\0';
}

bool digest_is_hex(struct span text)
{
    if (text.length != DIGEST_HEX)
        return false;
    for (size_t at = 0; at < text.length; at++)
        if (memchr("0123456789abcdef", text.bytes[at], 16) == NULL)
            return false;
    return true;
}
