/*
 * One HTTP client with one kept connection. The only file that knows libcurl.
 *
 * TLS 1.2 or newer, verified; https only, but for loopback hosts, which may speak plain
 * http; redirects are not followed. The answer is held in memory up to a maximum, or
 * handed on in pieces. What matters most to a writer is told apart: did the request
 * certainly never leave (NOT_SENT), may it have arrived (NO_ANSWER), or was it answered?
 *
 * Header values and bodies never appear in errors; addresses do, without their query.
 */
#ifndef PARSTOCK_IO_HTTP_H
#define PARSTOCK_IO_HTTP_H

#include "common/base/buf.h"
#include "common/base/error.h"

struct http; /* not shared between threads */

struct http_options {
    int connect_timeout_ms;
    int total_timeout_ms; /* of one request, everything included */
    size_t body_max;      /* bytes of an answer once decoded */
    bool may_be_plain;    /* http to other machines too: for what is no secret */
};

enum http_transport { HTTP_NOT_SENT, HTTP_NO_ANSWER, HTTP_ANSWERED };

struct http_outcome {
    enum http_transport transport;
    int code;                /* of an answer */
    struct span body;        /* valid until the next request; empty with a sink */
    int64_t retry_after_ms;  /* -1: not said */
    char served_version[32]; /* X-Shopify-API-Version; "" = none */
};

/* Takes a piece of the answer; false stops the transfer. */
typedef bool (*http_sink)(void *self, struct span piece);

/* A header of the caller's; neither name nor value may hold a line break. */
struct http_own_header {
    const char *name;
    const char *value;
};

struct http_request {
    const char *url;
    const char *token;                     /* X-Shopify-Access-Token; NULL = none */
    const struct http_own_header *headers; /* besides; may be NULL */
    size_t header_count;
    const char *content_type; /* of `body` */
    struct span body;         /* bytes NULL: GET */
    /* Checked before the first byte of the request leaves; NULL: may always be sent. */
    bool (*may_send)(void *self);
    http_sink sink;       /* of a 200 answer; NULL: outcome.body */
    void *self;           /* of may_send and sink */
    int total_timeout_ms; /* 0: as in the options */
    /* Asked about once a second while it runs: true gives it up. NULL: never. */
    bool (*is_over)(void *self);
};

enum status http_open(const struct http_options *options, struct http **out,
                      struct error *error);
void http_close(struct http **slot);

/*
 * STATUS_OK: answered, whatever the code. STATUS_RETRY: not answered, outcome says how.
 * STATUS_FATAL: an address that may not be used (not https unless it may, not a URL).
 */
enum status http_send(struct http *http, const struct http_request *request,
                      struct http_outcome *outcome, struct error *error);

/* STATUS_FATAL: this address may not be used (see above). Nothing is sent. */
enum status http_check(struct http *http, const char *url, struct error *error);

/* Appends `text` to `out` as a form's value is written. */
void http_form_escape(struct buf *out, struct span text);

#endif
