/*
 * Requests to the shop's Admin API as bytes, and its answers as values.
 *
 * Requests are byte-stable: the shop compares the bytes of a repeated idempotency key.
 * Answers are hostile input: size, depth and type of everything is checked. STATUS_REJECT
 * means "not an answer of the API" (HTML, cut off, other types); an answer that reports
 * an error is STATUS_OK with reply.has_top_error, and its content is then empty. Texts of
 * answers are copied into the pool (or fixed fields); cut where they do not fit.
 */
#ifndef PARSTOCK_CODEC_SHOPIFY_JSON_H
#define PARSTOCK_CODEC_SHOPIFY_JSON_H

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/pool.h"
#include "common/domain/cost.h"
#include "common/domain/push_decide.h"

#define SHOPIFY_DEPTH_MAX 32
#define SHOPIFY_NAME_MAX 200
#define SHOPIFY_GID_MAX 256
#define SHOPIFY_URL_MAX 8192

/* ---- requests -----------------------------------------------------------------------
 */

struct set_pair {
    struct span item;
    struct span location;
    int64_t change_from;
    int64_t quantity;
};

struct set_request {
    struct span document;
    struct span name; /* "on_hand" or "available" */
    struct span reason;
    struct span reference; /* a URI that the shop's history shows */
    struct span key;       /* idempotency key */
    const struct set_pair *pairs;
    size_t pair_count; /* at most PUSH_PAIRS_MAX */
};

/* All of them append; the buffer's `failed` tells that it did not fit. */
void shopify_encode_set(const struct set_request *request, struct buf *out);
void shopify_encode_read(struct span document, const struct span *items, size_t count,
                         struct span location, struct buf *out);
struct activate_request {
    struct span document;
    struct span item;
    struct span location;
    struct span key; /* idempotency key */
};
void shopify_encode_activate(const struct activate_request *request, struct buf *out);
/* One variable of the given name; name NULL: none. */
void shopify_encode_plain(struct span document, const char *name, struct span value,
                          struct buf *out);

/* ---- answers ------------------------------------------------------------------------
 */

/* What every answer holds. */
struct shopify_reply {
    struct cost_status cost;
    bool has_top_error;
    char top_code[PUSH_CODE_MAX];
    char message[SHOPIFY_NAME_MAX]; /* of the first error, for people; shop's own words */
};

/* Fills the fields of `out` that the body decides: errors, group, top code. */
enum status shopify_decode_set(struct span body, struct shopify_reply *reply,
                               struct push_answer *out, struct error *error);

/* One item at one location; in the order of the ids asked for. */
struct shopify_level {
    bool item_there;
    bool tracked;
    struct span sku; /* bytes NULL: the item has none */
    bool level_there;
    bool active;
    bool has_quantity;
    int64_t quantity; /* of the asked name */
    bool has_committed;
    int64_t committed; /* ordered and not yet shipped */
};

struct levels_wanted {
    const struct span *items;
    size_t count;
    const char *name; /* "on_hand" or "available" */
    struct pool *pool;
};

enum status shopify_decode_levels(struct span body, const struct levels_wanted *wanted,
                                  struct shopify_reply *reply,
                                  struct shopify_level *levels, struct error *error);

/* The shop gives no codes here: its words say why it refused. */
struct shopify_activated {
    bool active;
    char refusal[SHOPIFY_NAME_MAX]; /* "" = none */
};

enum status shopify_decode_activate(struct span body, struct shopify_reply *reply,
                                    struct shopify_activated *out, struct error *error);

struct shopify_bulk {
    char id[SHOPIFY_GID_MAX];
    char status[32];
    char error_code[PUSH_CODE_MAX]; /* of the operation or of userErrors; "" = none */
    char message[SHOPIFY_NAME_MAX];
    char url[SHOPIFY_URL_MAX]; /* "": no data */
    int64_t object_count;
};

enum status shopify_decode_bulk_run(struct span body, struct shopify_reply *reply,
                                    struct shopify_bulk *out, struct error *error);
enum status shopify_decode_bulk_status(struct span body, struct shopify_reply *reply,
                                       struct shopify_bulk *out, struct error *error);

enum bulk_kind { BULK_OTHER, BULK_ITEM, BULK_VARIANT, BULK_LEVEL };

/* One line of a bulk result. Texts in the pool. */
struct bulk_line {
    enum bulk_kind kind;
    struct span id;
    struct span sku;      /* item; bytes NULL: none */
    bool tracked;         /* item */
    struct span item;     /* variant, level: the parent */
    struct span tags;     /* variant: of its product, one a line; never absent */
    bool continues;       /* variant: sold on below zero */
    bool bundle;          /* variant: a bundle parent */
    bool has_price;       /* variant */
    int64_t price_micros; /* variant */
    struct span location; /* level */
    bool active;          /* level */
    bool has_available;
    bool has_on_hand;
    bool has_committed;
    int64_t available;
    int64_t on_hand;
    int64_t committed;
};

enum status shopify_decode_bulk_line(struct span line, struct pool *pool,
                                     struct bulk_line *out, struct error *error);

struct shopify_location {
    struct span gid;
    struct span name;
    bool active;
    bool fulfilment_service;
};

#define SHOPIFY_LOCATIONS_MAX 250

struct shopify_locations {
    struct pool *pool; /* set by the caller */
    size_t count;
    struct shopify_location all[SHOPIFY_LOCATIONS_MAX];
};

enum status shopify_decode_locations(struct span body, struct shopify_reply *reply,
                                     struct shopify_locations *out, struct error *error);

/* Scopes that parstock needs, as bits. */
#define SCOPE_READ_INVENTORY 0x1u
#define SCOPE_WRITE_INVENTORY 0x2u
#define SCOPE_READ_LOCATIONS 0x4u
#define SCOPE_READ_PRODUCTS 0x8u
#define SCOPES_NEEDED 0xfu

const char *shopify_scope_name(unsigned bit);

enum status shopify_decode_scopes(struct span body, struct shopify_reply *reply,
                                  unsigned *scopes_out, struct error *error);

/* A token of the client credentials grant: a secret, never to be logged. */
struct shopify_token {
    char text[1024];
    int64_t expires_in_seconds; /* 0: not said */
};

enum status shopify_decode_token(struct span body, struct shopify_token *out,
                                 struct error *error);

#endif
