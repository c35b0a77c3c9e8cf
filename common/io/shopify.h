/*
 * The Admin API of one shop, over one kept connection a handle. Sends only the documents of
 * schemas/graphql, which travel in the binary.
 *
 * Credentials: a fixed token, or a client id and secret, with which a token is fetched
 * before the first call, again at 80 % of its life, and once when the shop answers 401.
 * Tokens and secrets never appear in an error.
 *
 * A handle is a thread's own; several of one shop share its token and its cost bucket.
 *
 * STATUS_RETRY: the shop is away, throttles, or its answer is lost; error.code is the id
 * of the rule (common/domain/push_rules) that judged. STATUS_FATAL: configuration;
 * waiting alone does not mend it, though a worker keeps waiting for a person.
 */
#ifndef PARSTOCK_IO_SHOPIFY_H
#define PARSTOCK_IO_SHOPIFY_H

#include "common/codec/shopify_json.h"
#include "common/io/http.h"

#define SHOPIFY_VERSION_MIN "2026-04" /* idempotency keys and compare-and-set */
#define SHOPIFY_SET_POINTS 10         /* requested cost of a mutation */
#define SHOPIFY_READ_POINTS 3         /* requested cost of one item in read_levels */
#define SHOPIFY_BODY_MAX ((size_t)4 << 20)

struct shopify; /* not shared between threads */

struct shopify_options {
    struct span endpoint;
    struct span api_version;
    const char *token; /* or the two below; all outlive the shopify */
    const char *client_id;
    const char *client_secret;
    int connect_timeout_ms;
    int total_timeout_ms;
};

enum status shopify_open(const struct shopify_options *options, struct shopify **out,
                         struct error *error);
/* Another handle of the same shop, for another thread. */
enum status shopify_open_beside(struct shopify *first, struct shopify **out,
                                struct error *error);
void shopify_close(struct shopify **slot);

/* The text of schemas/graphql/<name>. */
struct span shopify_document(const char *name);

/* Milliseconds until the shop's bucket can pay; 0 = now: the points are set aside for the
 * handle's next call, until that has its answer. For 0 points: gives back what was set
 * aside for a call that is not made after all. */
int64_t shopify_wait_ms(struct shopify *shopify, int64_t points);
/* The same after a refusal; nothing is set aside. */
int64_t shopify_throttled_ms(struct shopify *shopify, int64_t points);

/* Points that the shop's bucket holds now, as far as we know, and when it is full; both 0
 * before the shop's first answer. */
int64_t shopify_bucket(const struct shopify *shopify, int64_t *limit_out);

/* The version that the last answer says it used; "" = none yet. */
const char *shopify_served_version(const struct shopify *shopify);

struct shopify_set_call {
    struct span body;        /* exact bytes */
    const char *traceparent; /* header; NULL = none */
    bool (*may_send)(void *self);
    void *self;
    /* out */
    struct push_answer answer; /* about 40 kB: keep it off small stacks */
    struct shopify_reply reply;
    int64_t retry_after_ms; /* -1: not said */
};

/*
 * One write. STATUS_OK: `answer` says what is known of it, be it that nothing came back
 * (the error's text says why). STATUS_FATAL: it was not sent and can not be.
 */
enum status shopify_set(struct shopify *shopify, struct shopify_set_call *call,
                        struct error *error);

/* Levels of up to 250 items at one location, in order; see shopify_decode_levels. */
enum status shopify_read_levels(struct shopify *shopify,
                                const struct levels_wanted *wanted, struct span location,
                                struct shopify_level *levels, struct error *error);

/* Stocks an item at a location; the quantities that it had there stay. */
struct activate_call {
    struct span item;
    struct span location;
    struct span key;
};
enum status shopify_activate(struct shopify *shopify, const struct activate_call *call,
                             struct shopify_activated *out, struct error *error);

enum status shopify_locations(struct shopify *shopify, struct shopify_locations *out,
                              struct error *error);
enum status shopify_scopes(struct shopify *shopify, unsigned *scopes_out,
                           struct error *error);
enum status shopify_bulk_run(struct shopify *shopify, struct shopify_bulk *out,
                             struct error *error);
enum status shopify_bulk_status(struct shopify *shopify, const char *id,
                                struct shopify_bulk *out, struct error *error);

/* The result of a bulk operation, in pieces; without the token, which is not for there.
 */
enum status shopify_download(struct shopify *shopify, const char *url, http_sink sink,
                             void *self, struct error *error);

#endif
