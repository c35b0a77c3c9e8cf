/*
 * UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing past U+10FFFF.
 * Texts without any byte past 0x7f, nearly all of them, are passed eight bytes at a time.
 */
#ifndef PARSTOCK_CODEC_UTF8_H
#define PARSTOCK_CODEC_UTF8_H

#include "common/base/span.h"

#define UTF8_BYTES_MAX 4 /* of one code point */

bool utf8_valid(struct span text);

/* The code point at the start of `text` and the bytes it takes; 0 where none starts. */
size_t utf8_decode(struct span text, int32_t *code_point_out);

/* Writes 1 to 4 bytes and returns their number. A surrogate is written like any other
 * three-byte code point: the caller decides whether it may come here. */
size_t utf8_encode(int32_t code_point, char *room);

struct utf8_facts {
    size_t code_points;
    bool control; /* U+0000 to U+001F, U+007F to U+009F: general category Cc */
};

/* False where the text is no UTF-8. */
bool utf8_measure(struct span text, struct utf8_facts *facts_out);

#endif
