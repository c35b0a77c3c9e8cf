/*
 * Records of inventory.incidents that wait for the broker, of changes that neither a
 * partition of apply nor a shop of push owns. Added in the transaction that made the change.
 */
#ifndef PARSTOCK_IO_STORE_INCIDENT_OUTBOX_H
#define PARSTOCK_IO_STORE_INCIDENT_OUTBOX_H

#include "common/domain/outbox.h"
#include "common/io/store_incidents.h"

#define INCIDENT_OUTBOX_PAGE 256

/* Within a transaction: what is to be told of these changes (store_incidents_see, ..). */
enum status store_incidents_tell(struct postgres *postgres,
                                 const struct incident_changes *changes,
                                 struct pool *pool, struct error *error);

/* Anything there? Cheap; takes no lock. */
enum status store_incident_outbox_due(struct postgres *postgres, bool *due_out,
                                      struct error *error);

/* Within a transaction: the one place at which records are relayed, until it ends. False in
 * *held_out: another process is at it. */
enum status store_incident_outbox_hold(struct postgres *postgres, bool *held_out,
                                       struct error *error);

/* Up to a page, in order; rows by store_incident_outbox_row. */
enum status store_incident_outbox_read(struct postgres *postgres, struct rows *rows,
                                       struct error *error);
struct outbox_row store_incident_outbox_row(const struct rows *rows, int row);

/* Removes the rows of this page. */
enum status store_incident_outbox_drop(struct postgres *postgres, const struct rows *rows,
                                       struct error *error);

#endif
