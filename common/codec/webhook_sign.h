/*
 * Is a webhook the shop's? Its header X-Shopify-Hmac-Sha256 is the base64 of HMAC-SHA256
 * over the raw body under the app's secret. It covers nothing else: topic, shop and ids are
 * the sender's word. While a secret rotates, either of two may have signed.
 *
 * Time does not depend on where a signature is wrong, nor on which secret fits.
 */
#ifndef PARSTOCK_CODEC_WEBHOOK_SIGN_H
#define PARSTOCK_CODEC_WEBHOOK_SIGN_H

#include "common/base/span.h"

#define WEBHOOK_SIGN_BYTES 32
#define WEBHOOK_SIGN_TEXT 44 /* base64, with its one padding character */

struct webhook_secrets {
    struct span current; /* never empty */
    struct span old;     /* bytes NULL: none */
};

/* `given`: the header's value, exactly; nothing about it is forgiven. */
bool webhook_sign_is_good(const struct webhook_secrets *secrets, struct span body,
                          struct span given);

/* The signature of the body. */
void webhook_sign(struct span secret, struct span body,
                  char text_out[WEBHOOK_SIGN_TEXT + 1]);

/* The first bytes of the body's SHA-256: tells apart payloads under one id. */
int64_t webhook_body_mark(struct span body);

#endif
