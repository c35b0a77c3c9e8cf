/*
 * Inside the shop's client: one document sent and its answer judged, for the files that hold
 * the calls. Fill shopify_request, ask, decode, judge.
 */
#ifndef PARSTOCK_IO_SHOPIFY_CALL_H
#define PARSTOCK_IO_SHOPIFY_CALL_H

#include "common/io/shopify.h"

/* Emptied for the next request. */
struct buf *shopify_request(struct shopify *shopify);

/* Sends what stands in the request; the body is valid until the handle's next call. */
enum status shopify_ask(struct shopify *shopify, struct span *body_out,
                        struct error *error);

/* The status of a decoded answer: what the shop said at its top level, by rule. */
enum status shopify_judge(struct shopify *shopify, enum status decoded,
                          const struct shopify_reply *reply, struct error *error);

#endif
