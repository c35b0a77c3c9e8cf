/*
 * Incidents of a shop as a whole: raised and ended by whoever finds it so, in a transaction
 * of its own, and told by the process that writes to the shop (table shop_outbox).
 */
#ifndef PARSTOCK_RUNTIME_SHOP_INCIDENT_H
#define PARSTOCK_RUNTIME_SHOP_INCIDENT_H

#include "common/domain/incident.h"
#include "common/io/postgres.h"

struct shop_incident {
    enum incident_class class;
    struct span shop;
    const char *actor;
    const char *detail; /* evidence.detail; for an end: why it is over */
    int64_t at_us;
};

/* Opens one, or notes what is new of it; nothing where an open one says the same. *news_out:
 * something was. */
enum status shop_incident_raise(struct postgres *postgres,
                                const struct shop_incident *incident, bool *news_out,
                                struct error *error);

/* Ends what is open. On any failure of either the connection is to be closed. */
enum status shop_incident_end(struct postgres *postgres,
                              const struct shop_incident *incident, bool *news_out,
                              struct error *error);

#endif
