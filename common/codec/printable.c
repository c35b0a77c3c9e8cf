#include "common/codec/printable.h"

#include "common/base/check.h"
#include "common/codec/utf8.h"

/* Code points that a terminal acts on, or that turn what stands beside them around. */
static const struct {
    int32_t first;
    int32_t last;
} UNFIT[] = {
    {0x0000, 0x001f}, {0x007f, 0x009f}, {0x061c, 0x061c},   {0x200b, 0x200f},
    {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff},   {0xfff9, 0xfffb},
    {0xd800, 0xdfff}, {0xfffe, 0xffff}, {0xe0000, 0xe0fff},
};

static bool is_unfit(int32_t code_point)
{
    for (size_t at = 0; at < COUNT_OF(UNFIT); at++)
        if (code_point >= UNFIT[at].first && code_point <= UNFIT[at].last)
            return true;
    return false;
}

static void add_unfit(struct buf *out, int32_t code_point)
{
    if (code_point == '\n')
        buf_text(out, "\\n");
    else if (code_point == '\t')
        buf_text(out, "\\t");
    else if (code_point == '\r')
        buf_text(out, "\\r");
    else if (code_point < 0x80)
        buf_format(out, "\\x%02x", (unsigned)code_point);
    else
        buf_format(out, "\\u{%x}", (unsigned)code_point);
}

/* Writes what stands at the start of `left`; the bytes that it takes. */
static size_t add_one(struct buf *out, struct span left)
{
    int32_t code_point = 0;
    size_t length = utf8_decode(left, &code_point);
    if (length == 0) {
        buf_format(out, "\\x%02x", (unsigned)(unsigned char)left.bytes[0]);
        return 1;
    }
    if (code_point == '\\')
        buf_text(out, "\\\\");
    else if (is_unfit(code_point))
        add_unfit(out, code_point);
    else
        buf_span(out, (struct span){left.bytes, length});
    return length;
}

void printable_add(struct buf *out, struct span bytes, size_t most)
{
    size_t at = 0;
    for (size_t written = 0; at < bytes.length; written++) {
        if (written == most) {
            buf_text(out, "...");
            return;
        }
        at += add_one(out, (struct span){bytes.bytes + at, bytes.length - at});
    }
}

void hex_add(struct buf *out, struct span bytes)
{
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t at = 0; at < bytes.length; at++) {
        unsigned char byte = (unsigned char)bytes.bytes[at];
        buf_byte(out, DIGITS[byte >> 4]);
        buf_byte(out, DIGITS[byte & 15]);
    }
}
