/*
 * A webhook's body to the few values that are needed of it. The payload is read once, from
 * front to back: what no table here names is walked over and never copied, so that names,
 * addresses and the like of customers go no further than the body itself.
 *
 * Strict as the grammar (RFC 8259, UTF-8), lenient as to content: a field of another type
 * than expected counts as absent. Numbers are exact up to 2^63 - 1.
 */
#ifndef PARSTOCK_CODEC_WEBHOOK_JSON_H
#define PARSTOCK_CODEC_WEBHOOK_JSON_H

#include "common/base/error.h"
#include "common/base/pool.h"
#include "common/domain/webhook.h"

#define WEBHOOK_DEPTH_MAX 512
#define WEBHOOK_LINES_MAX 5000 /* an order has 500 at most, a product 2,048 variants */

/*
 * STATUS_REJECT: no single JSON object, past one of the limits above, or a field that is
 * needed stands there twice. STATUS_RETRY: out of memory. Texts and lines are in the pool.
 */
enum status webhook_json_decode(enum webhook_topic topic, struct span body,
                                struct pool *pool, struct webhook_body *out,
                                struct error *error);

/* The same test for a topic that nothing is needed of. */
enum status webhook_json_check(struct span body, struct error *error);

#endif
