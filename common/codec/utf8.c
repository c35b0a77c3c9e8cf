#include "common/codec/utf8.h"

#define EVERY_BYTE(byte) (0x0101010101010101U * (byte))
#define TOP_BITS EVERY_BYTE(0x80U)

static uint64_t word_at(const char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* Bytes of a multi-byte form by its first byte, and the least code point it may hold. */
static size_t lead_length(unsigned char lead, int32_t *least_out)
{
    if (lead >= 0xc2 && lead <= 0xdf) {
        *least_out = 0x80;
        return 2;
    }
    if (lead >= 0xe0 && lead <= 0xef) {
        *least_out = 0x800;
        return 3;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        *least_out = 0x10000;
        return 4;
    }
    return 0;
}

size_t utf8_decode(struct span text, int32_t *code_point_out)
{
    if (text.length == 0)
        return 0;
    const unsigned char *bytes = (const unsigned char *)text.bytes;
    if (bytes[0] < 0x80) {
        *code_point_out = bytes[0];
        return 1;
    }
    int32_t least = 0;
    size_t length = lead_length(bytes[0], &least);
    if (length == 0 || length > text.length)
        return 0;
    int32_t code_point = bytes[0] & (0x7f >> length);
    for (size_t at = 1; at < length; at++) {
        if ((bytes[at] & 0xc0) != 0x80)
            return 0;
        code_point = code_point << 6 | (bytes[at] & 0x3f);
    }
    if (code_point < least || code_point > 0x10ffff)
        return 0;
    if (code_point >= 0xd800 && code_point <= 0xdfff)
        return 0;
    *code_point_out = code_point;
    return length;
}

size_t utf8_encode(int32_t code_point, char *room)
{
    uint32_t value = (uint32_t)code_point;
    if (value < 0x80) {
        room[0] = (char)value;
        return 1;
    }
    if (value < 0x800) {
        room[0] = (char)(0xc0 | value >> 6);
        room[1] = (char)(0x80 | (value & 0x3f));
        return 2;
    }
    if (value < 0x10000) {
        room[0] = (char)(0xe0 | value >> 12);
        room[1] = (char)(0x80 | (value >> 6 & 0x3f));
        room[2] = (char)(0x80 | (value & 0x3f));
        return 3;
    }
    room[0] = (char)(0xf0 | value >> 18);
    room[1] = (char)(0x80 | (value >> 12 & 0x3f));
    room[2] = (char)(0x80 | (value >> 6 & 0x3f));
    room[3] = (char)(0x80 | (value & 0x3f));
    return 4;
}

static bool is_ascii_block(const char *bytes)
{
    uint64_t all =
        word_at(bytes) | word_at(bytes + 8) | word_at(bytes + 16) | word_at(bytes + 24);
    return (all & TOP_BITS) == 0;
}

bool utf8_valid(struct span text)
{
    size_t at = 0;
    while (at < text.length) {
        while (at + 32 <= text.length && is_ascii_block(text.bytes + at))
            at += 32;
        while (at + 8 <= text.length && (word_at(text.bytes + at) & TOP_BITS) == 0)
            at += 8;
        if (at == text.length)
            return true;
        int32_t code_point;
        size_t length = utf8_decode(
            (struct span){.bytes = text.bytes + at, .length = text.length - at},
            &code_point);
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

/* Eight bytes that are all in 0x20..0x7e. A carry can only start at a byte that the
 * other terms have seen already. */
static bool is_plain_word(uint64_t word)
{
    return ((word | (word - EVERY_BYTE(0x20U)) | (word + EVERY_BYTE(1U))) & TOP_BITS) ==
           0;
}

static bool is_plain(char byte)
{
    return byte >= 0x20 && byte < 0x7f;
}

/* Bytes of printable ASCII at the start: a code point each. */
static size_t plain_length(struct span text)
{
    size_t at = 0;
    while (at + 8 <= text.length && is_plain_word(word_at(text.bytes + at)))
        at += 8;
    while (at < text.length && is_plain(text.bytes[at]))
        at++;
    return at;
}

bool utf8_measure(struct span text, struct utf8_facts *facts_out)
{
    struct utf8_facts facts = {0};
    struct span rest = text;
    for (;;) {
        size_t length = plain_length(rest);
        facts.code_points += length;
        rest = (struct span){rest.bytes + length, rest.length - length};
        if (rest.length == 0)
            break;
        int32_t point;
        length = utf8_decode(rest, &point);
        if (length == 0)
            return false;
        facts.control |= point < 0x20 || (point >= 0x7f && point <= 0x9f);
        facts.code_points++;
        rest = (struct span){rest.bytes + length, rest.length - length};
    }
    *facts_out = facts;
    return true;
}
