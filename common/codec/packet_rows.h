/*
 * The rows of a packet's logs, one JSON object a line: what happened to incidents in the week,
 * and shelves that were counted. Shapes: schemas/packet-incident.v1.schema.json,
 * packet-spot-check.v1.schema.json.
 */
#ifndef PARSTOCK_CODEC_PACKET_ROWS_H
#define PARSTOCK_CODEC_PACKET_ROWS_H

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/pool.h"

#define PACKET_LINE_MAX ((size_t)1024 * 1024)

/* A change of an incident, and what it is about. Absent texts: bytes NULL. */
struct packet_incident {
    struct span id;
    int64_t revision;
    int64_t at_us;
    struct span state;
    struct span class;
    struct span cause;
    struct span severity;
    struct span shop;
    struct span sku;
    struct span location;
    int64_t occurrences;
    struct span root_cause;
    struct span remediation;
    struct span handoff;
    struct span runbook_url;
    int64_t opened_at_us;
    struct span actor;
    struct span note;
    struct span evidence; /* a JSON object, written as it is; not read back */
};

struct packet_spot_check {
    int64_t id;
    struct span sku;
    struct span location;
    int64_t counted;
    bool has_books;
    int64_t books;
    struct span source;
    struct span verdict;
    struct span actor;
    int64_t counted_at_us;
    int64_t at_us;
    struct span event_id;
    struct span note;
};

/* Adds the line, its end included. Where the evidence would make it longer than
 * PACKET_LINE_MAX it is left out: `parstock incidents show` has it. */
void packet_incident_encode(const struct packet_incident *incident, struct buf *out);
void packet_spot_check_encode(const struct packet_spot_check *check, struct buf *out);

/* Texts in the pool. STATUS_REJECT: it is none, and the text says where and why. */
enum status packet_incident_decode(struct span line, struct pool *pool,
                                   struct packet_incident *out, struct error *error);
enum status packet_spot_check_decode(struct span line, struct pool *pool,
                                     struct packet_spot_check *out, struct error *error);

#endif
