/*
 * Records that an event causes on Kafka. They are written in the transaction that judges
 * the event and relayed afterwards; (partition, offset, kind) of the causing record names
 * them for ever, so that a consumer can drop a repeat.
 */
#ifndef PARSTOCK_DOMAIN_OUTBOX_H
#define PARSTOCK_DOMAIN_OUTBOX_H

#include "common/base/span.h"

/* The numbers stand in rows: never change one, only add. */
enum outbox_kind {
    OUTBOX_REKEYED = 1,     /* stock-changes again, under the right key */
    OUTBOX_DEAD_LETTER = 2, /* dead-letters */
    OUTBOX_LEVEL = 3,       /* levels */
    OUTBOX_INCIDENT = 4,    /* incidents */
};

#define OUTBOX_KIND_LAST OUTBOX_INCIDENT

struct outbox_row {
    enum outbox_kind kind;
    int32_t partition;    /* of the causing record */
    int64_t offset;       /* of the causing record */
    struct span key;      /* bytes NULL = null */
    struct span value;    /* bytes NULL = null */
    struct span headers;  /* as common/codec/headers encodes them */
    int64_t timestamp_ms; /* 0 = the broker's now */
};

/* The topic's name without prefix, e.g. "levels". */
const char *outbox_topic(enum outbox_kind kind);

#endif
