#include "common/codec/session.h"

#include "common/base/check.h"
#include "common/codec/printable.h"
#include "common/codec/secret.h"
#include "common/codec/webhook_sign.h"

#include <inttypes.h>
#include <stdio.h>

/* A purpose stands before what is signed: a signature of one can't serve as another. */
static void sign(struct span secret, const char *purpose, struct span text,
                 char mac_out[WEBHOOK_SIGN_TEXT + 1])
{
    char room[SESSION_TEXT_MAX + 32];
    int length = snprintf(room, sizeof(room), "%s\n%.*s", purpose, SPAN_ARGS(text));
    ASSERT(length > 0 && (size_t)length < sizeof(room));
    webhook_sign(secret, (struct span){room, (size_t)length}, mac_out);
}

static bool equal(struct span left, struct span right)
{
    const struct secret_digest one = secret_digest(left);
    const struct secret_digest other = secret_digest(right);
    return secret_digest_equal(&one, &other);
}

/* "end.nonce.name", numbers as digits, the others as hex. */
static size_t write_body(const struct session *session, char *room, size_t size)
{
    struct buf out;
    buf_init(&out, size);
    buf_number(&out, session->ends_s);
    buf_byte(&out, '.');
    hex_add(&out, (struct span){(const char *)session->nonce, SESSION_NONCE_BYTES});
    buf_byte(&out, '.');
    hex_add(&out, span_from(session->name));
    ASSERT(!out.failed && out.length < size);
    memcpy(room, out.bytes, out.length + 1);
    size_t length = out.length;
    buf_free(&out);
    return length;
}

void session_write(struct span secret, const struct session *session,
                   char text_out[SESSION_TEXT_MAX])
{
    char mac[WEBHOOK_SIGN_TEXT + 1];
    size_t length = write_body(session, text_out, SESSION_TEXT_MAX - sizeof(mac) - 1);
    sign(secret, "parstock console session", (struct span){text_out, length}, mac);
    text_out[length] = '.';
    memcpy(text_out + length + 1, mac, sizeof(mac));
}

static int digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static bool unhex(struct span text, unsigned char *out, size_t most, size_t *length_out)
{
    if (text.length % 2 != 0 || text.length / 2 > most)
        return false;
    for (size_t at = 0; at < text.length / 2; at++) {
        int high = digit(text.bytes[2 * at]);
        int low = digit(text.bytes[2 * at + 1]);
        if (high < 0 || low < 0)
            return false;
        out[at] = (unsigned char)(high << 4 | low);
    }
    *length_out = text.length / 2;
    return true;
}

/* Cuts off what stands before the next point. */
static struct span part(struct span *text)
{
    const char *point = text->length > 0 ? memchr(text->bytes, '.', text->length) : NULL;
    struct span front = *text;
    *text = (struct span){0};
    if (point == NULL)
        return front;
    size_t length = (size_t)(point - front.bytes);
    *text = (struct span){point + 1, front.length - length - 1};
    front.length = length;
    return front;
}

static bool read_body(struct span body, struct session *out)
{
    size_t nonce = 0;
    size_t name = 0;
    struct span left = body;
    struct span ends = part(&left);
    struct span hex = part(&left);
    memset(out, 0, sizeof(*out));
    return span_to_int64(ends, &out->ends_s) &&
           unhex(hex, out->nonce, sizeof(out->nonce), &nonce) &&
           nonce == SESSION_NONCE_BYTES && left.bytes != NULL &&
           unhex(left, (unsigned char *)out->name, SESSION_NAME_MAX, &name) && name > 0;
}

bool session_read(struct span secret, struct span text, int64_t now_s,
                  struct session *session_out)
{
    char mac[WEBHOOK_SIGN_TEXT + 1];
    struct session session;
    if (text.length <= sizeof(mac) || text.length >= SESSION_TEXT_MAX)
        return false;
    size_t length = text.length - sizeof(mac);
    if (text.bytes[length] != '.')
        return false;
    struct span body = {text.bytes, length};
    sign(secret, "parstock console session", body, mac);
    if (!equal(span_from(mac), (struct span){text.bytes + length + 1, sizeof(mac) - 1}) ||
        !read_body(body, &session) || session.ends_s <= now_s)
        return false;
    *session_out = session;
    return true;
}

void session_token(struct span secret, const struct session *session,
                   char token_out[SESSION_TOKEN_MAX])
{
    char body[SESSION_TEXT_MAX];
    char mac[WEBHOOK_SIGN_TEXT + 1];
    size_t length = write_body(session, body, sizeof(body));
    sign(secret, "parstock console form", (struct span){body, length}, mac);
    (void)snprintf(token_out, SESSION_TOKEN_MAX, "%s", mac);
}

bool session_token_is_good(struct span secret, const struct session *session,
                           struct span given)
{
    char token[SESSION_TOKEN_MAX];
    session_token(secret, session, token);
    return equal(span_from(token), given);
}

struct span cookie_value(struct span header, const char *name)
{
    size_t length = strlen(name);
    while (header.length > 0) {
        while (header.length > 0 && (header.bytes[0] == ' ' || header.bytes[0] == ';')) {
            header.bytes++;
            header.length--;
        }
        const char *end =
            header.length > 0 ? memchr(header.bytes, ';', header.length) : NULL;
        size_t one = end != NULL ? (size_t)(end - header.bytes) : header.length;
        if (one > length && memcmp(header.bytes, name, length) == 0 &&
            header.bytes[length] == '=')
            return (struct span){header.bytes + length + 1, one - length - 1};
        header.bytes += one;
        header.length -= one;
    }
    return (struct span){0};
}
