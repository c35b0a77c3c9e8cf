/*
 * Pairs that a shop refused, held against their open incidents: which have none that says
 * so, and which incidents are over. Level-triggered on purpose: whatever was missed, by a
 * kill or by a catalogue that lifted a fault, is found by the next look. And the records for
 * Kafka that such changes cause, by shop.
 *
 * Pairs are to be looked at within a transaction that holds the shop's lease
 * (store_lease_renew), so that one process at a time decides. Records may be added by anybody,
 * within a transaction: they wait for each other, so that ids are in the order of commits.
 */
#ifndef PARSTOCK_IO_STORE_REFUSED_H
#define PARSTOCK_IO_STORE_REFUSED_H

#include "common/domain/outbox.h"
#include "common/io/store_incidents.h"

/* A refused pair without an open incident of its fault. */
struct refused_pair {
    struct span sku;
    struct span location;
    struct span fault; /* "quarantined: CODE" */
    bool has_desired;
    int64_t desired;
    bool has_shown;
    int64_t shown;  /* last seen */
    bool has_write; /* the write asked for was one of this pair */
    int64_t quantity;
    int64_t found_at_us;     /* the database's clock; the same for all of a look */
    struct span traceparent; /* of the event behind its number; bytes NULL = none */
};

struct refused {
    struct span shop;
    int64_t write_id; /* the last one that was refused; 0 = not known */
    struct pool *pool;
    /* out */
    size_t count;
    struct refused_pair pairs[INCIDENT_SET_MAX];
};

/* The first of them, in order of SKU and location. */
enum status store_refused(struct postgres *postgres, struct refused *refused,
                          struct error *error);

/* Open incidents whose pair is at par, unwanted, gone, or at fault in the catalogue's own
 * eyes. A pair that waits to be tried again keeps its incident. Texts in the pool. */
enum status store_refused_over(struct postgres *postgres, struct span shop,
                               struct pool *pool, struct incident_ends *ends_out,
                               struct error *error);

/* ---- records for Kafka ------------------------------------------------------------ */

#define SHOP_OUTBOX_PAGE 100

enum status store_shop_outbox_add(struct postgres *postgres, struct span shop,
                                  const struct outbox_row *rows, size_t count,
                                  struct error *error);

/* The oldest rows; read them with the two functions below. Needs no transaction. */
enum status store_shop_outbox_read(struct postgres *postgres, struct span shop,
                                   struct rows *rows, struct error *error);
struct outbox_row store_shop_outbox_row(const struct rows *rows, int row);
int64_t store_shop_outbox_id(const struct rows *rows, int row);

/* The broker has all rows up to this id. */
enum status store_shop_outbox_drop(struct postgres *postgres, struct span shop,
                                   int64_t id, struct error *error);

#endif
