/*
 * Incidents as bytes: their names, their evidence, and the records of topic
 * inventory.incidents (key: the incident's id; value as in
 * schemas/topics/inventory.incidents.v1.json). Texts are trusted to hold no control
 * characters, as those of events do. The caller looks at buf.failed.
 */
#ifndef PARSTOCK_CODEC_INCIDENT_JSON_H
#define PARSTOCK_CODEC_INCIDENT_JSON_H

#include "common/base/pool.h"
#include "common/codec/json_text.h"
#include "common/domain/incident.h"
#include "common/domain/outbox.h"

#define INCIDENT_ID_MAX 21 /* "inc-" and 16 hex digits, with the NUL */

/* The id of the incident that this sighting opens, unless one is open. */
void incident_json_id(const struct incident_sighting *sighting,
                      char id_out[INCIDENT_ID_MAX]);

/* {"source", "first": {record}, "latest": {record}}: what the decision rests on. */
void incident_json_evidence(const struct incident_sighting *sighting, struct buf *out);

/* The value; members as the outside interface lists them. And the members alone, for whoever
 * has more to add to the object. */
void incident_json_members(const struct incident *incident, struct buf *out);
void incident_json_value(const struct incident *incident, struct buf *out);

/*
 * The record that tells of the change, as a row of the outbox caused by the sighting's
 * latest record (first, where that record opened it); memory from the pool. Its ce_id is
 * "<id>/<revision>": the same in every repeat. False: out of memory.
 */
bool incident_json_record(const struct incident *incident,
                          const struct incident_sighting *sighting, struct pool *pool,
                          struct outbox_row *row_out);

#endif
