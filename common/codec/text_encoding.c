#include "common/codec/text_encoding.h"

#include "common/base/check.h"
#include "common/codec/utf8.h"

#define NO_TEXT '\xff' /* never part of UTF-8 */
#define MARK_MAX 3     /* bytes of the longest byte order mark */

static const char *const NAMES[TEXT_ENCODING_COUNT] = {
    [TEXT_UTF_8] = "utf-8",           [TEXT_UTF_16] = "utf-16",
    [TEXT_UTF_16LE] = "utf-16le",     [TEXT_UTF_16BE] = "utf-16be",
    [TEXT_ISO_8859_1] = "iso-8859-1", [TEXT_WINDOWS_1252] = "windows-1252",
};

/* 0x80 to 0x9f of Windows-1252; 0: no character. */
static const uint16_t WINDOWS_1252[32] = {
    0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
    0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0,      0x017d, 0,
    0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
    0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178,
};

const char *text_encoding_name(enum text_encoding encoding)
{
    ASSERT((size_t)encoding < TEXT_ENCODING_COUNT);
    return NAMES[encoding];
}

void text_decoder_init(struct text_decoder *decoder, enum text_encoding encoding)
{
    *decoder = (struct text_decoder){.encoding = encoding};
}

static void skip(struct span *bytes, size_t count)
{
    bytes->bytes += count;
    bytes->length -= count;
}

/* ---- the mark ------------------------------------------------------------------------ */

struct mark {
    struct span bytes;
    enum text_encoding means;
};

static const struct mark MARKS[] = {
    {{"\xef\xbb\xbf", 3}, TEXT_UTF_8},
    {{"\xff\xfe", 2}, TEXT_UTF_16LE},
    {{"\xfe\xff", 2}, TEXT_UTF_16BE},
};

/* May this encoding be decided, or confirmed, by the mark? */
static bool fits(enum text_encoding encoding, enum text_encoding mark)
{
    return encoding == TEXT_BY_MARK || encoding == mark ||
           (encoding == TEXT_UTF_16 && mark != TEXT_UTF_8);
}

static bool starts_with(struct span bytes, struct span start)
{
    return bytes.length >= start.length &&
           memcmp(bytes.bytes, start.bytes, start.length) == 0;
}

/* Looks at the bytes held, and drops the mark from them. */
static void look_at_mark(struct text_decoder *decoder)
{
    struct span held = {decoder->held, decoder->held_count};
    for (size_t at = 0; at < COUNT_OF(MARKS); at++) {
        const struct mark *mark = &MARKS[at];
        if (!fits(decoder->encoding, mark->means) || !starts_with(held, mark->bytes))
            continue;
        decoder->held_count -= mark->bytes.length;
        memmove(decoder->held, decoder->held + mark->bytes.length, decoder->held_count);
        decoder->encoding = mark->means;
        break;
    }
    if (decoder->encoding == TEXT_BY_MARK)
        decoder->encoding = TEXT_UTF_8;
    if (decoder->encoding == TEXT_UTF_16)
        decoder->encoding = TEXT_UTF_16LE;
    decoder->started = true;
}

/* ---- each encoding ------------------------------------------------------------------- */

static size_t decode_utf_8(struct span *bytes, char *room, size_t size)
{
    size_t length = bytes->length < size ? bytes->length : size;
    memcpy(room, bytes->bytes, length);
    skip(bytes, length);
    return length;
}

static size_t write_one(int32_t code_point, char *room)
{
    if (code_point >= 0)
        return utf8_encode(code_point, room);
    *room = NO_TEXT;
    return 1;
}

static int32_t of_one_byte(enum text_encoding encoding, unsigned char byte)
{
    if (encoding == TEXT_ISO_8859_1 || byte < 0x80 || byte > 0x9f)
        return byte;
    int32_t code_point = WINDOWS_1252[byte - 0x80];
    return code_point != 0 ? code_point : -1;
}

static size_t decode_bytes(enum text_encoding encoding, struct span *bytes, char *room,
                           size_t size)
{
    size_t length = 0;
    while (bytes->length > 0 && size - length >= UTF8_BYTES_MAX) {
        unsigned char byte = (unsigned char)bytes->bytes[0];
        length += write_one(of_one_byte(encoding, byte), room + length);
        skip(bytes, 1);
    }
    return length;
}

static uint32_t unit_of(enum text_encoding encoding, struct span bytes)
{
    uint32_t first = (unsigned char)bytes.bytes[0];
    uint32_t second = (unsigned char)bytes.bytes[1];
    return encoding == TEXT_UTF_16BE ? first << 8 | second : second << 8 | first;
}

/* The half that waited, alone. */
static size_t give_up_half(struct text_decoder *decoder, char *room)
{
    if (decoder->high == 0)
        return 0;
    decoder->high = 0;
    return write_one(-1, room);
}

static size_t decode_unit(struct text_decoder *decoder, uint32_t unit, char *room)
{
    bool is_low = unit >= 0xdc00 && unit <= 0xdfff;
    if (is_low && decoder->high != 0) {
        uint32_t pair = 0x10000 + ((decoder->high - 0xd800) << 10) + (unit - 0xdc00);
        decoder->high = 0;
        return write_one((int32_t)pair, room);
    }
    size_t length = give_up_half(decoder, room);
    if (unit >= 0xd800 && unit <= 0xdbff)
        decoder->high = unit;
    else
        length += write_one(is_low ? -1 : (int32_t)unit, room + length);
    return length;
}

static size_t decode_utf_16(struct text_decoder *decoder, struct span *bytes, bool last,
                            char *room, size_t size)
{
    size_t length = 0;
    while (bytes->length >= 2 && size - length > UTF8_BYTES_MAX) {
        length += decode_unit(decoder, unit_of(decoder->encoding, *bytes), room + length);
        skip(bytes, 2);
    }
    if (!last || bytes->length >= 2 || size - length < 2)
        return length;
    length += give_up_half(decoder, room + length);
    if (bytes->length == 1) {
        length += write_one(-1, room + length);
        skip(bytes, 1);
    }
    return length;
}

/* ---- piece by piece ----------------------------------------------------------------------- */

static size_t decode(struct text_decoder *decoder, struct span *bytes, bool last,
                     char *room, size_t size)
{
    switch (decoder->encoding) {
    case TEXT_UTF_16LE:
    case TEXT_UTF_16BE:
        return decode_utf_16(decoder, bytes, last, room, size);
    case TEXT_ISO_8859_1:
    case TEXT_WINDOWS_1252:
        return decode_bytes(decoder->encoding, bytes, room, size);
    case TEXT_BY_MARK:
    case TEXT_UTF_8:
    case TEXT_UTF_16:
    case TEXT_ENCODING_COUNT:
        return decode_utf_8(bytes, room, size);
    }
    UNREACHABLE("every encoding is decoded");
}

static void hold(struct text_decoder *decoder, struct span *bytes)
{
    ASSERT(decoder->held_count < sizeof(decoder->held));
    decoder->held[decoder->held_count++] = bytes->bytes[0];
    skip(bytes, 1);
}

/* What was held, made whole by the next byte where it is half a unit of UTF-16. */
static size_t decode_held(struct text_decoder *decoder, struct span *bytes, bool last,
                          char *room, size_t size)
{
    struct span held = {decoder->held, decoder->held_count};
    if (held.length == 0)
        return 0;
    bool is_wide =
        decoder->encoding == TEXT_UTF_16LE || decoder->encoding == TEXT_UTF_16BE;
    if (is_wide && held.length % 2 == 1 && bytes->length > 0) {
        hold(decoder, bytes);
        held.length++;
    }
    size_t length = decode(decoder, &held, last && bytes->length == 0, room, size);
    memmove(decoder->held, held.bytes, held.length);
    decoder->held_count = held.length;
    return length;
}

bool text_decoder_owes(const struct text_decoder *decoder)
{
    return decoder->high != 0 || decoder->held_count > 0;
}

size_t text_decode(struct text_decoder *decoder, struct span *bytes, bool last,
                   char *room, size_t size)
{
    ASSERT(size >= TEXT_DECODE_ROOM_MIN);
    while (!decoder->started && decoder->held_count < MARK_MAX && bytes->length > 0)
        hold(decoder, bytes);
    if (!decoder->started && decoder->held_count < MARK_MAX && !last)
        return 0;
    if (!decoder->started)
        look_at_mark(decoder);
    size_t length = decode_held(decoder, bytes, last, room, size);
    if (decoder->held_count > 0)
        return length;
    length += decode(decoder, bytes, last, room + length, size - length);
    bool is_half = bytes->length == 1 && size - length > UTF8_BYTES_MAX;
    if (is_half && !last)
        hold(decoder, bytes);
    return length;
}
