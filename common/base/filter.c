#include "common/base/filter.h"

#include "common/base/check.h"

#define BYTES_A_KEY 2
#define WORDS 8

size_t filter_size(size_t key_count)
{
    size_t blocks =
        (key_count * BYTES_A_KEY + FILTER_BLOCK_BYTES - 1) / FILTER_BLOCK_BYTES;
    return (blocks > 0 ? blocks : 1) * FILTER_BLOCK_BYTES;
}

static uint64_t big_endian(const unsigned char *bytes)
{
    uint64_t value = 0;
    for (size_t at = 0; at < sizeof(value); at++)
        value = value << 8 | bytes[at];
    return value;
}

/* The key's first four bytes pick the block, by multiplication instead of a division. */
static size_t block_at(size_t size, const unsigned char *key)
{
    ASSERT(size > 0 && size % FILTER_BLOCK_BYTES == 0);
    uint64_t blocks = size / FILTER_BLOCK_BYTES;
    ASSERT(blocks <= UINT32_MAX);
    return (size_t)((big_endian(key) >> 32) * blocks >> 32) * FILTER_BLOCK_BYTES;
}

/* The second half holds the bit of each word, five bits a word; byte by byte, so that the
 * order of bytes in a number is nobody's concern. */
static size_t byte_of(uint64_t bits, size_t word)
{
    return word * 4 + (bits >> (word * 5 + 3) & 3);
}

static unsigned mask_of(uint64_t bits, size_t word)
{
    return 1U << (bits >> (word * 5) & 7);
}

void filter_add(unsigned char *bytes, size_t size,
                const unsigned char key[FILTER_KEY_BYTES])
{
    unsigned char *block = bytes + block_at(size, key);
    uint64_t bits = big_endian(key + 8);
    for (size_t word = 0; word < WORDS; word++)
        block[byte_of(bits, word)] |= (unsigned char)mask_of(bits, word);
}

bool filter_may_have(const unsigned char *bytes, size_t size,
                     const unsigned char key[FILTER_KEY_BYTES])
{
    const unsigned char *block = bytes + block_at(size, key);
    uint64_t bits = big_endian(key + 8);
    for (size_t word = 0; word < WORDS; word++)
        if ((block[byte_of(bits, word)] & mask_of(bits, word)) == 0)
            return false;
    return true;
}
