/*
 * Who is logged in, kept by the browser alone: a cookie that names the person and its end,
 * signed with the secret of the server. Nothing is kept here, so that any process with the
 * secret knows the session, and another secret ends all of them.
 */
#ifndef PARSTOCK_CODEC_SESSION_H
#define PARSTOCK_CODEC_SESSION_H

#include "common/base/buf.h"

#define SESSION_NAME_MAX 60 /* bytes of the person's name */
#define SESSION_NONCE_BYTES 16
#define SESSION_TEXT_MAX 320 /* with the NUL */
#define SESSION_TOKEN_MAX 48 /* with the NUL */

struct session {
    char name[SESSION_NAME_MAX + 1];
    int64_t ends_s;                           /* seconds since 1970 */
    unsigned char nonce[SESSION_NONCE_BYTES]; /* makes every session another */
};

/* The cookie's value. */
void session_write(struct span secret, const struct session *session,
                   char text_out[SESSION_TEXT_MAX]);

/* False: not signed with this secret, changed, or over. */
bool session_read(struct span secret, struct span text, int64_t now_s,
                  struct session *session_out);

/* What every form of the session carries, so that no other site can post in its name. */
void session_token(struct span secret, const struct session *session,
                   char token_out[SESSION_TOKEN_MAX]);
bool session_token_is_good(struct span secret, const struct session *session,
                           struct span given);

/* The value of the cookie of that name in a Cookie header; absent: it has none. */
struct span cookie_value(struct span header, const char *name);

#endif
