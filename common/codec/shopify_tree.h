/*
 * Careful looks into a parsed answer, for the decoders of this directory alone. A look
 * that does not find the type it wants gives NULL, false or a default, never a crash.
 */
#ifndef PARSTOCK_CODEC_SHOPIFY_TREE_H
#define PARSTOCK_CODEC_SHOPIFY_TREE_H

#include "common/codec/shopify_json.h"

#include <jansson.h>

void tree_release(json_t **slot);

/* NULL and STATUS_REJECT for what is not one JSON object within the depth limit. */
json_t *tree_parse(struct span text, struct error *error);

const json_t *tree_object(const json_t *parent, const char *name);
const json_t *tree_array(const json_t *parent, const char *name);
/* bytes NULL: absent, null, or not a string */
struct span tree_text(const json_t *parent, const char *name);
bool tree_true(const json_t *parent, const char *name);
/* An integer within +-4 * 10^9 (what a level can be); false otherwise. */
bool tree_quantity(const json_t *parent, const char *name, int64_t *value_out);
/* A number with or without a fraction, cut off to a whole one. */
bool tree_whole(const json_t *parent, const char *name, int64_t *value_out);

/* Money as the API writes it, "100.57", in millionths: finer digits are cut off, more than
 * int64 holds is its greatest. False for anything else, below zero too. */
bool tree_money(const json_t *parent, const char *name, int64_t *micros_out);

/* Cut to the room, control characters become spaces; always ends in NUL. */
void tree_copy(struct span text, char *room, size_t size);

/* Errors and cost status of any answer; `data` is NULL where there is none. */
void tree_reply(const json_t *root, struct shopify_reply *reply);
const json_t *tree_data(const json_t *root, const char *field);

/*
 * An answer parsed, with its errors and cost in `reply`. NULL: there is nothing to be looked
 * for, and *status_out is what the decoder returns: STATUS_OK where the shop refused at its
 * top level, which is the reply's to say, STATUS_REJECT for what is no answer.
 */
json_t *tree_answer(struct span body, struct shopify_reply *reply,
                    enum status *status_out, struct error *error);

/* A copy in the pool; an absent text stays absent. *failed: the pool is full. */
struct span tree_kept(struct pool *pool, struct span text, bool *failed);

/* Tags of a variant's product, one a line; never absent unless the pool is full. */
struct span tree_tags(struct pool *pool, const json_t *variant, bool *failed);

enum status tree_not_api(struct error *error, const char *what);

#endif
