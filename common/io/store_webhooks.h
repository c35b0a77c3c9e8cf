/*
 * All SQL of webhooks: deliveries that were taken already, look-ups that are owed, and who
 * is to be woken. Each call is a transaction of its own: what it wrote is durable when it
 * returns, so that a webhook may be answered.
 *
 * Statuses as in common/io/postgres.h. Texts of rows are copied into the caller's pool.
 */
#ifndef PARSTOCK_IO_STORE_WEBHOOKS_H
#define PARSTOCK_IO_STORE_WEBHOOKS_H

#include "common/base/pool.h"
#include "common/domain/webhook.h"
#include "common/io/store_incidents.h"

/* ---- deliveries --------------------------------------------------------------------- */

#define WEBHOOK_ID_MAX 200

/* A delivery by both its ids; bytes NULL where the header is absent or too long. */
struct webhook_delivery {
    struct span shop;
    enum webhook_topic topic;
    struct span webhook_id;
    struct span event_id;
    int64_t body; /* webhook_body_mark */
};

/* Was it taken already, under either id? */
enum status store_webhook_seen(struct postgres *postgres,
                               const struct webhook_delivery *delivery, bool *seen_out,
                               struct error *error);
enum status store_webhook_note(struct postgres *postgres,
                               const struct webhook_delivery *delivery,
                               struct error *error);
/* Forgets deliveries and wakes older than this. */
enum status store_webhook_prune(struct postgres *postgres, int64_t age_seconds,
                                int64_t *pruned_out, struct error *error);

/* ---- items -------------------------------------------------------------------------- */

struct webhook_item {
    struct span gid;   /* what is asked for */
    struct pool *pool; /* for the SKU */
    /* out */
    bool is_known;
    bool is_duplicate; /* of several items with one SKU: nobody knows whose level it is */
    struct span sku;   /* normalised; empty: it has none */
};
enum status store_webhook_item(struct postgres *postgres, struct span shop,
                               struct webhook_item *item, struct error *error);

/* ---- look-ups ----------------------------------------------------------------------- */

/* Stored: only add. */
enum webhook_look_kind {
    WEBHOOK_LOOK_ITEM = 1,
    WEBHOOK_LOOK_LEVEL = 2,
    WEBHOOK_LOOK_LINE = 3,
};

struct webhook_look {
    enum webhook_look_kind kind;
    struct span subject;
    struct span event;    /* '' for WEBHOOK_LOOK_ITEM */
    struct span location; /* code; '' = none */
    int64_t quantity;
    int64_t occurred_at_us;
    struct span reference;
    int64_t asked_at_us; /* out */
};

#define WEBHOOK_LOOKS_MAX 5000 /* that one webhook may ask for */

/* One that is owed already is asked for again. */
enum status store_looks_add(struct postgres *postgres, struct span shop,
                            const struct webhook_look *looks, size_t count,
                            struct error *error);

#define WEBHOOK_LOOKS_PAGE 60

/* The longest waiting of one kind of question (orders' lines, or items); they are nobody
 * else's for `hold_ms`. */
struct looks_page {
    bool of_lines;
    int64_t hold_ms;
    struct pool *pool;
    /* out */
    size_t count;
    struct webhook_look looks[WEBHOOK_LOOKS_PAGE];
};
enum status store_looks_take(struct postgres *postgres, struct span shop,
                             struct looks_page *page, struct error *error);

/* They are done, but for those that were asked for again meanwhile. */
enum status store_looks_done(struct postgres *postgres, struct span shop,
                             const struct looks_page *page, struct error *error);

/* They are due again after a while. */
enum status store_looks_later(struct postgres *postgres, struct span shop,
                              const struct looks_page *page, int64_t wait_ms,
                              struct error *error);

enum status store_looks_count(struct postgres *postgres, struct span shop,
                              int64_t *count_out, struct error *error);

/* ---- waking ------------------------------------------------------------------------- */

enum status store_wake(struct postgres *postgres, struct span shop, struct span subject,
                       struct error *error);
enum status store_is_woken(struct postgres *postgres, struct span shop,
                           struct span subject, bool *woken_out, struct error *error);

/* ---- incidents of a shop as a whole -------------------------------------------------- */

struct shop_problem {
    struct span shop;
    struct span class;
    struct span text; /* of an open one: its evidence.detail; of an end: the reason */
};

/* Is one of this class open that says the same? */
enum status store_shop_incident_open(struct postgres *postgres,
                                     const struct shop_problem *problem, bool *open_out,
                                     struct error *error);

/* Those of this class that are open, as ends. Texts in the pool. */
enum status store_shop_incident_ends(struct postgres *postgres,
                                     const struct shop_problem *problem,
                                     struct pool *pool, struct incident_ends *ends_out,
                                     struct error *error);

#endif
