#include "common/codec/json_keys.h"

#include "common/base/check.h"
#include "common/domain/event.h"

#define KEY_BYTES_LEAST 5 /* "":1, */

_Static_assert(JSON_KEYS_SLOTS > 2 * EVENT_VALUE_MAX / KEY_BYTES_LEAST,
               "the table stays half empty");
_Static_assert((JSON_KEYS_SLOTS & (JSON_KEYS_SLOTS - 1)) == 0, "a power of two");

__extension__ typedef unsigned __int128 wide;

static uint64_t fold(uint64_t left, uint64_t right)
{
    wide product = (wide)left * right;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Each step multiplies with a secret: without it no two keys can be made to meet. */
static uint64_t hash_of(const struct json_keys *keys, uint64_t object, struct span key)
{
    const uint64_t odd = 0x9e3779b97f4a7c15U;
    uint64_t hash = fold(keys->seed ^ object, odd) ^ key.length;
    size_t at = 0;
    for (; at + 8 <= key.length; at += 8) {
        uint64_t word;
        memcpy(&word, key.bytes + at, 8);
        hash = fold(hash ^ word, keys->seed | 1);
    }
    uint64_t tail = 0;
    if (key.length > at)
        memcpy(&tail, key.bytes + at, key.length - at);
    return fold(hash ^ tail ^ odd, keys->seed | 1);
}

void json_keys_init(struct json_keys *keys, uint64_t seed)
{
    memset(keys, 0, sizeof(*keys));
    keys->seed = seed;
    keys->first = 1;
}

void json_keys_start(struct json_keys *keys)
{
    keys->first = keys->newest + 1;
}

bool json_keys_add(struct json_keys *keys, uint64_t object, struct span key)
{
    ASSERT(object >= keys->first && object <= keys->newest);
    /* Numbered from the text's first object: like texts meet the same slots, which are warm. */
    size_t at = hash_of(keys, object - keys->first, key) % JSON_KEYS_SLOTS;
    for (size_t tries = 0; tries < JSON_KEYS_SLOTS; tries++) {
        struct json_key *slot = &keys->slots[at];
        if (slot->object < keys->first) {
            *slot = (struct json_key){object, key.bytes, key.length};
            return true;
        }
        if (slot->object == object &&
            span_equal((struct span){slot->bytes, slot->length}, key))
            return false;
        at = (at + 1) % JSON_KEYS_SLOTS;
    }
    UNREACHABLE("a text of bounded length can not fill the table");
}
