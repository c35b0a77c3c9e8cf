#include "common/codec/json_text.h"

#include "common/codec/rfc3339.h"
#include "common/codec/utf8.h"

static bool is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0x7f;
}

static void escape(struct buf *buf, unsigned char byte)
{
    switch (byte) {
    case '"':
        buf_text(buf, "\\\"");
        return;
    case '\\':
        buf_text(buf, "\\\\");
        return;
    case '\n':
        buf_text(buf, "\\n");
        return;
    default:
        buf_format(buf, "\\u%04x", byte);
    }
}

static void write_inside(struct buf *buf, struct span text)
{
    size_t start = 0;
    for (size_t at = 0; at < text.length; at++) {
        if (is_plain((unsigned char)text.bytes[at]))
            continue;
        buf_add(buf, text.bytes + start, at - start);
        escape(buf, (unsigned char)text.bytes[at]);
        start = at + 1;
    }
    buf_add(buf, text.bytes + start, text.length - start);
}

void json_text(struct buf *buf, struct span text)
{
    if (text.bytes == NULL) {
        buf_text(buf, "null");
        return;
    }
    buf_byte(buf, '"');
    write_inside(buf, text);
    buf_byte(buf, '"');
}

void json_text_lossy(struct buf *buf, struct span bytes)
{
    if (bytes.bytes == NULL || utf8_valid(bytes)) {
        json_text(buf, bytes);
        return;
    }
    buf_byte(buf, '"');
    while (bytes.length > 0) {
        int32_t point;
        size_t length = utf8_decode(bytes, &point);
        if (length > 0)
            write_inside(buf, (struct span){bytes.bytes, length});
        else
            buf_text(buf, "\ufffd");
        length += length == 0;
        bytes = (struct span){bytes.bytes + length, bytes.length - length};
    }
    buf_byte(buf, '"');
}

void json_number(struct buf *buf, int64_t number)
{
    buf_number(buf, number);
}

void json_time(struct buf *buf, int64_t us)
{
    char text[RFC3339_TEXT_MAX];
    rfc3339_format(us, text);
    json_text(buf, span_from(text));
}

void json_name(struct buf *buf, const char *name)
{
    if (buf->length > 0 && buf->bytes[buf->length - 1] != '{')
        buf_byte(buf, ',');
    json_text(buf, span_from(name));
    buf_byte(buf, ':');
}

void json_member_text(struct buf *buf, const char *name, struct span text)
{
    json_name(buf, name);
    json_text(buf, text);
}

void json_member_text_lossy(struct buf *buf, const char *name, struct span bytes)
{
    json_name(buf, name);
    json_text_lossy(buf, bytes);
}

void json_member_number(struct buf *buf, const char *name, int64_t number)
{
    json_name(buf, name);
    json_number(buf, number);
}

void json_member_number_or_null(struct buf *buf, const char *name, bool present,
                                int64_t number)
{
    json_name(buf, name);
    if (present)
        json_number(buf, number);
    else
        buf_text(buf, "null");
}

void json_member_time(struct buf *buf, const char *name, int64_t us)
{
    json_name(buf, name);
    json_time(buf, us);
}
