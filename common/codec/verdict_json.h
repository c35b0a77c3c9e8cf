/*
 * A verdict in JSON, for people's scripts and the packet: what decided, on which number, and
 * who takes it from here. Shares are in millionths, times in milliseconds, as in week_json.
 * The caller looks at out->failed.
 */
#ifndef PARSTOCK_CODEC_VERDICT_JSON_H
#define PARSTOCK_CODEC_VERDICT_JSON_H

#include "common/codec/json_text.h"
#include "common/domain/verdict.h"

/* {"verdict", "rule", "why", "shop", "location", "value", "limit", "unit", "handoff": {..}} */
void verdict_json(const struct verdict *verdict, struct buf *out);

/* [{"rule", "verdict", "holds", "why", ..}]: every rule in its order, and what it sees. */
void verdict_json_rules(const struct week_inputs *inputs, struct buf *out);

/* "count", "share", "time", "days" */
const char *verdict_json_unit(enum verdict_unit unit);

#endif
