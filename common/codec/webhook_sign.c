#include "common/codec/webhook_sign.h"

#include "common/base/check.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

static void mac_of(struct span secret, struct span body,
                   unsigned char mac_out[WEBHOOK_SIGN_BYTES])
{
    unsigned length = 0;
    ASSERT(secret.length > 0);
    const unsigned char *done =
        HMAC(EVP_sha256(), secret.bytes, (int)secret.length,
             (const unsigned char *)body.bytes, body.length, mac_out, &length);
    ASSERT(done != NULL && length == WEBHOOK_SIGN_BYTES);
}

static int value_of(char byte)
{
    if (byte >= 'A' && byte <= 'Z')
        return byte - 'A';
    if (byte >= 'a' && byte <= 'z')
        return byte - 'a' + 26;
    if (byte >= '0' && byte <= '9')
        return byte - '0' + 52;
    return byte == '+' ? 62 : byte == '/' ? 63 : -1;
}

/* Strictly: one text a value, so that a signature has no second spelling. */
static bool decode(struct span text, unsigned char out[WEBHOOK_SIGN_BYTES + 1])
{
    if (text.length != WEBHOOK_SIGN_TEXT || text.bytes[WEBHOOK_SIGN_TEXT - 1] != '=')
        return false;
    for (size_t group = 0; group < WEBHOOK_SIGN_TEXT / 4; group++) {
        uint32_t bits = 0;
        for (size_t at = 0; at < 4; at++) {
            size_t place = group * 4 + at;
            int value = place == WEBHOOK_SIGN_TEXT - 1 ? 0 : value_of(text.bytes[place]);
            if (value < 0)
                return false;
            bits = bits << 6 | (uint32_t)value;
        }
        out[group * 3] = (unsigned char)(bits >> 16);
        out[group * 3 + 1] = (unsigned char)(bits >> 8 & 0xffu);
        out[group * 3 + 2] = (unsigned char)(bits & 0xffu);
    }
    return out[WEBHOOK_SIGN_BYTES] == 0;
}

static bool fits(struct span secret, struct span body,
                 const unsigned char given[WEBHOOK_SIGN_BYTES])
{
    unsigned char mac[WEBHOOK_SIGN_BYTES];
    mac_of(secret, body, mac);
    return CRYPTO_memcmp(mac, given, sizeof mac) == 0;
}

bool webhook_sign_is_good(const struct webhook_secrets *secrets, struct span body,
                          struct span given)
{
    unsigned char bytes[WEBHOOK_SIGN_BYTES + 1];
    if (!decode(given, bytes))
        return false;
    bool by_current = fits(secrets->current, body, bytes);
    struct span other = secrets->old.bytes != NULL ? secrets->old : secrets->current;
    bool by_old = fits(other, body, bytes);
    return (by_current | by_old) != 0;
}

void webhook_sign(struct span secret, struct span body,
                  char text_out[WEBHOOK_SIGN_TEXT + 1])
{
    unsigned char mac[WEBHOOK_SIGN_BYTES];
    mac_of(secret, body, mac);
    int length = EVP_EncodeBlock((unsigned char *)text_out, mac, sizeof mac);
    ASSERT(length == WEBHOOK_SIGN_TEXT);
}

int64_t webhook_body_mark(struct span body)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    int64_t mark = 0;
    const unsigned char *done =
        SHA256((const unsigned char *)body.bytes, body.length, digest);
    ASSERT(done != NULL);
    memcpy(&mark, digest, sizeof mark);
    return mark;
}
