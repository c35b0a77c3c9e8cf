/*
 * A verification week as bytes: its inputs, a baseline, a decision, each in one canonical
 * form (members in a fixed order, no white space, whole numbers, texts as they are), so that
 * the SHA-256 of it names the values and nothing else. What is decoded may be spaced and
 * ordered otherwise; encoded again it has the same digest. Shapes:
 * schemas/week.v1.schema.json, baseline.v1.schema.json, decision.v1.schema.json.
 */
#ifndef PARSTOCK_CODEC_WEEK_JSON_H
#define PARSTOCK_CODEC_WEEK_JSON_H

#include "common/base/error.h"
#include "common/base/pool.h"
#include "common/codec/json_text.h"
#include "common/domain/week.h"

#define WEEK_JSON_MAX                                                                    \
    ((size_t)64 << 20) /* bytes of inputs, with every place there may be */

/* Encoding: appended to `out`; the caller looks at out->failed. */
void week_json_inputs(const struct week_inputs *inputs, struct buf *out);
void week_json_baseline(const struct week_baseline *baseline, struct buf *out);
void week_json_decision(const struct week_decision *decision, struct buf *out);

/*
 * Decoding: texts and rows in the pool. STATUS_REJECT: it is none, and the text says where and
 * what it must be; STATUS_RETRY: out of memory. The value is untouched on failure.
 */
enum status week_json_inputs_decode(struct span text, struct pool *pool,
                                    struct week_inputs *out, struct error *error);
enum status week_json_baseline_decode(struct span text, struct pool *pool,
                                      struct week_baseline *out, struct error *error);
enum status week_json_decision_decode(struct span text, struct pool *pool,
                                      struct week_decision *out, struct error *error);

/* SHA-256 of the canonical bytes in hex. False: out of memory. */
bool week_json_inputs_digest(const struct week_inputs *inputs,
                             char hex_out[WEEK_DIGEST_MAX]);
bool week_json_baseline_digest(const struct week_baseline *baseline,
                               char hex_out[WEEK_DIGEST_MAX]);
bool week_json_decision_digest(const struct week_decision *decision,
                               char hex_out[WEEK_DIGEST_MAX]);

#endif
