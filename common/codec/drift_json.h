/*
 * A drift finding in JSON: its evidence, and the record of topic inventory.drift as
 * schemas/topics/inventory.drift.v1.json has it.
 */
#ifndef PARSTOCK_CODEC_DRIFT_JSON_H
#define PARSTOCK_CODEC_DRIFT_JSON_H

#include "common/base/buf.h"
#include "common/domain/drift.h"

#define DRIFT_ID_MAX 32

/* The name of a pair's finding in a run: the same work done again finds the same name. */
struct drift_name {
    int64_t run_id;
    struct span shop;
    struct span sku;
    struct span location;
};
void drift_json_id(const struct drift_name *name, char id_out[DRIFT_ID_MAX]);

/* What a finding says beside the facts that it was judged by. */
struct drift_evidence {
    const struct drift_facts *facts;
    const struct drift_rule *rule;
    struct span source;     /* of the ruling level; empty: none */
    int64_t occurred_at_us; /* of the ruling level */
    struct span rival;      /* empty: none */
    struct span contract;   /* digest that push follows */
    int64_t write_id;
};
/* An object; numbers that are not known are null. */
void drift_json_evidence(const struct drift_evidence *evidence, struct buf *out);

/* A finding as subscribers get it. */
void drift_json_value(const struct drift_finding *finding, struct buf *out);
/* As for the same members of a list for people. */
void drift_json_members(const struct drift_finding *finding, struct buf *out);
void drift_json_headers(const struct drift_finding *finding, struct buf *out);

#endif
