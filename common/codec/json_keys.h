/*
 * Which keys an object has had already, for every object of one JSON text at once.
 *
 * One hash table for all: a slot names the object it belongs to, objects are numbered
 * through all texts ever read, and a slot of an earlier text is thereby free again
 * without being cleared. The hash is seeded, so that a hostile text can not aim at one
 * slot; a key takes 5 bytes of a text at least, so that 64 KiB never fill the table by
 * half.
 */
#ifndef PARSTOCK_CODEC_JSON_KEYS_H
#define PARSTOCK_CODEC_JSON_KEYS_H

#include "common/base/span.h"

#define JSON_KEYS_SLOTS 32768

struct json_key {
    uint64_t object;
    const char *bytes;
    size_t length;
};

struct json_keys {
    uint64_t seed;
    uint64_t first;  /* number of this text's first object */
    uint64_t newest; /* number given last */
    struct json_key slots[JSON_KEYS_SLOTS];
};

void json_keys_init(struct json_keys *keys, uint64_t seed);
void json_keys_start(struct json_keys *keys); /* of another text */

static inline uint64_t json_keys_object(struct json_keys *keys)
{
    return ++keys->newest;
}

/* False where the object has this key (unescaped) already. The bytes must stay. */
bool json_keys_add(struct json_keys *keys, uint64_t object, struct span key);

#endif
