#include "common/codec/text_show.h"

#include "common/codec/utf8.h"

#include <stdio.h>
#include <utf8proc.h>

#define PICTURES 0x2400 /* of U+0000 to U+001F, in their order */
#define PICTURE_OF_DELETE 0x2421
#define ZERO_WIDTH_NON_JOINER 0x200c
#define ZERO_WIDTH_JOINER 0x200d

/* Control, format, unassigned, surrogate, separator of lines, of paragraphs. */
#define HIDDEN                                                                           \
    (1u << UTF8PROC_CATEGORY_CC | 1u << UTF8PROC_CATEGORY_CF |                           \
     1u << UTF8PROC_CATEGORY_CN | 1u << UTF8PROC_CATEGORY_CS |                           \
     1u << UTF8PROC_CATEGORY_ZL | 1u << UTF8PROC_CATEGORY_ZP)

static bool is_hidden(int32_t point)
{
    return (1u << utf8proc_category(point) & HIDDEN) != 0 && point != ZERO_WIDTH_JOINER &&
           point != ZERO_WIDTH_NON_JOINER;
}

static void show_point(int32_t point, struct text_shown *shown)
{
    if (point < 0x20)
        shown->length = utf8_encode(PICTURES + point, shown->bytes);
    else if (point == 0x7f)
        shown->length = utf8_encode(PICTURE_OF_DELETE, shown->bytes);
    else if (point < 0x7f || !is_hidden(point))
        shown->length = utf8_encode(point, shown->bytes);
    else
        shown->length = (size_t)snprintf(shown->bytes, sizeof(shown->bytes), "[U+%04X]",
                                         (unsigned)point);
}

bool text_show_next(struct span *rest, struct text_shown *shown_out)
{
    int32_t point = 0xfffd;
    if (rest->length == 0)
        return false;
    size_t length = utf8_decode(*rest, &point);
    if (length > 0)
        show_point(point, shown_out);
    else
        shown_out->length = utf8_encode(0xfffd, shown_out->bytes);
    length += length == 0;
    *rest = (struct span){rest->bytes + length, rest->length - length};
    return true;
}
