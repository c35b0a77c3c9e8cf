/*
 * The logs of a week for its packet, read row by row: a week may have any number of them.
 */
#ifndef PARSTOCK_IO_STORE_PACKET_H
#define PARSTOCK_IO_STORE_PACKET_H

#include "common/codec/packet_rows.h"
#include "common/io/postgres.h"

/* From a moment to another, the second one left out. */
struct packet_span {
    int64_t from_us;
    int64_t to_us;
};

struct packet_incident_visitor {
    enum status (*each)(void *self, const struct packet_incident *incident,
                        struct error *error);
    void *self;
};

/* What happened to incidents, in its order. Texts are valid during the call. */
enum status store_packet_incidents(struct postgres *postgres,
                                   const struct packet_span *span,
                                   const struct packet_incident_visitor *visitor,
                                   struct error *error);

struct packet_spot_check_visitor {
    enum status (*each)(void *self, const struct packet_spot_check *check,
                        struct error *error);
    void *self;
};

/* Shelves that were written down in that time, whenever they were counted. */
enum status store_packet_spot_checks(struct postgres *postgres,
                                     const struct packet_span *span,
                                     const struct packet_spot_check_visitor *visitor,
                                     struct error *error);

#endif
