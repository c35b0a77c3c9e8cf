/*
 * Texts of other systems to UTF-8, piece by piece: what a feed's file is written in. A
 * byte order mark at the start is dropped, and decides where nothing was said. What is no
 * text of the encoding becomes a byte that UTF-8 never has, so that the row which holds it
 * is refused and its neighbours are not.
 */
#ifndef PARSTOCK_CODEC_TEXT_ENCODING_H
#define PARSTOCK_CODEC_TEXT_ENCODING_H

#include "common/base/span.h"

enum text_encoding {
    TEXT_BY_MARK, /* UTF-16 where a mark says so, UTF-8 otherwise */
    TEXT_UTF_8,
    TEXT_UTF_16, /* by its mark; little-endian where there is none */
    TEXT_UTF_16LE,
    TEXT_UTF_16BE,
    TEXT_ISO_8859_1,
    TEXT_WINDOWS_1252,
    TEXT_ENCODING_COUNT
};

/* "utf-8", "utf-16", ...; NULL for TEXT_BY_MARK. */
const char *text_encoding_name(enum text_encoding encoding);

struct text_decoder {
    enum text_encoding encoding;
    bool started;  /* the mark has been looked at */
    uint32_t high; /* half of a pair whose other half is still to come; 0 = none */
    char held[4];  /* bytes that can not be told without those that follow */
    size_t held_count;
};

void text_decoder_init(struct text_decoder *decoder, enum text_encoding encoding);

#define TEXT_DECODE_ROOM_MIN 16

/*
 * Decodes from the front of *bytes, which shrinks by what was used, into `room` of `size` bytes
 * (at least TEXT_DECODE_ROOM_MIN); returns the bytes written. All is used unless the room is
 * full. `last`: nothing follows these bytes.
 */
size_t text_decode(struct text_decoder *decoder, struct span *bytes, bool last,
                   char *room, size_t size);

/* Is something still to be written, though all bytes are used? */
bool text_decoder_owes(const struct text_decoder *decoder);

#endif
