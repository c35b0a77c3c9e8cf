/*
 * Texts and connection strings of any bytes: no secret is left in what comes out, and what
 * a connection string calls its password is taken for one.
 */
#include "common/base/check.h"
#include "common/codec/redact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROOM_MAX ((size_t)1 << 20)

static bool holds(struct span text, struct span wanted)
{
    for (size_t at = 0; at + wanted.length <= text.length; at++)
        if (memcmp(text.bytes + at, wanted.bytes, wanted.length) == 0)
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct redact redact;
    struct span text = {(const char *)data, size};
    struct pool pool;
    struct buf out;
    redact = (struct redact){0};
    pool_init(&pool, ROOM_MAX);
    buf_init(&out, ROOM_MAX);
    (void)redact_add_dsn(&redact, text, &pool);
    (void)redact_add(&redact, SPAN_OF("sekret!"));
    redact_text(&redact, text, &out);
    for (size_t at = 0; at < redact.count; at++) {
        struct span secret = redact.secrets[at];
        ASSERT(secret.length >= REDACT_SECRET_MIN);
        /* A secret that the mark itself holds, or joins to, can not be told from it. */
        bool may_join =
            holds(SPAN_OF(REDACTED), (struct span){secret.bytes, 1}) ||
            holds(SPAN_OF(REDACTED), (struct span){secret.bytes + secret.length - 1, 1});
        ASSERT(out.failed || may_join || !holds(buf_view(&out), secret));
    }
    buf_free(&out);
    pool_free(&pool);
    return 0;
}
