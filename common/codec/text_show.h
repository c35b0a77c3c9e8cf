/*
 * Texts from outside made fit to be shown to a person: what could hide, reorder or end
 * something becomes visible signs instead. Bytes that are no UTF-8 become U+FFFD, control
 * characters their pictures, and what is not seen (bidirectional overrides, zero-width and
 * other format characters, separators of lines, what is no character) its number in brackets,
 * such as [U+202E]. The joiners U+200C and U+200D stay: scripts need them.
 */
#ifndef PARSTOCK_CODEC_TEXT_SHOW_H
#define PARSTOCK_CODEC_TEXT_SHOW_H

#include "common/base/span.h"

#define TEXT_SHOWN_MAX 16 /* bytes of one piece */

/* One piece of what is shown: valid UTF-8, one or more characters. */
struct text_shown {
    char bytes[TEXT_SHOWN_MAX];
    size_t length;
};

/* Takes the first character off `rest`. False: nothing is left. */
bool text_show_next(struct span *rest, struct text_shown *shown_out);

#endif
