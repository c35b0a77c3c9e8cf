#include "common/codec/traceparent.h"

#include "common/base/check.h"

#define TEXT_LENGTH 55
#define AT_TRACE 3
#define AT_SPAN 36
#define AT_FLAGS 53

/* Upper case is refused: the standard does. */
static int digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static bool read_hex(const char *text, size_t count, unsigned char *out)
{
    for (size_t at = 0; at < count; at++) {
        int high = digit(text[2 * at]);
        int low = digit(text[2 * at + 1]);
        if (high < 0 || low < 0)
            return false;
        out[at] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static void write_hex(const unsigned char *bytes, size_t count, char *out)
{
    static const char HEX[] = "0123456789abcdef";
    for (size_t at = 0; at < count; at++) {
        out[2 * at] = HEX[bytes[at] >> 4];
        out[2 * at + 1] = HEX[bytes[at] & 0x0fu];
    }
}

static bool is_zero(const unsigned char *bytes, size_t count)
{
    unsigned char any = 0;
    for (size_t at = 0; at < count; at++)
        any |= bytes[at];
    return any == 0;
}

/* 00 ends after the flags; later versions may go on behind another dash. */
static bool is_version_fine(struct span text, unsigned char version)
{
    if (version == 0)
        return text.length == TEXT_LENGTH;
    return version != 0xff &&
           (text.length == TEXT_LENGTH || text.bytes[TEXT_LENGTH] == '-');
}

static bool read_all(struct span text, struct trace_context *context)
{
    unsigned char version = 0;
    if (text.bytes == NULL || text.length < TEXT_LENGTH || text.bytes[2] != '-' ||
        text.bytes[AT_SPAN - 1] != '-' || text.bytes[AT_FLAGS - 1] != '-')
        return false;
    return read_hex(text.bytes, 1, &version) && is_version_fine(text, version) &&
           read_hex(text.bytes + AT_TRACE, TRACE_ID_BYTES, context->trace_id) &&
           read_hex(text.bytes + AT_SPAN, TRACE_SPAN_BYTES, context->span_id) &&
           read_hex(text.bytes + AT_FLAGS, 1, &context->flags);
}

bool traceparent_parse(struct span text, struct trace_context *out)
{
    struct trace_context context = {0};
    *out = context;
    if (!read_all(text, &context) || is_zero(context.trace_id, TRACE_ID_BYTES) ||
        is_zero(context.span_id, TRACE_SPAN_BYTES))
        return false;
    *out = context;
    return true;
}

struct span traceparent_trace_id(struct span text)
{
    struct trace_context context;
    if (!traceparent_parse(text, &context))
        return (struct span){0};
    return (struct span){text.bytes + AT_TRACE, 2 * TRACE_ID_BYTES};
}

void traceparent_format(const struct trace_context *context, char room[TRACEPARENT_MAX])
{
    memcpy(room, "00-", AT_TRACE);
    write_hex(context->trace_id, TRACE_ID_BYTES, room + AT_TRACE);
    room[AT_SPAN - 1] = '-';
    write_hex(context->span_id, TRACE_SPAN_BYTES, room + AT_SPAN);
    room[AT_FLAGS - 1] = '-';
    write_hex(&context->flags, 1, room + AT_FLAGS);
    room[TEXT_LENGTH] = '\0';
}

/* ---- ids ---------------------------------------------------------------------------- */

/* FNV-1a: the bytes are no secret, and nobody gains by a collision. */
static uint64_t mix(uint64_t hash, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    for (size_t each = 0; each < length; each++)
        hash = (hash ^ at[each]) * 0x100000001b3u;
    return hash;
}

/* The end of splitmix64: every bit of the hash counts in every bit of the id. */
static uint64_t finish(uint64_t hash)
{
    hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
    hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
    return hash ^ (hash >> 31);
}

struct trace_context trace_child(const struct trace_context *parent,
                                 const struct trace_name *name)
{
    struct trace_context child = *parent;
    uint64_t hash = mix(0xcbf29ce484222325u, parent->trace_id, TRACE_ID_BYTES);
    hash = mix(hash, name->what, strlen(name->what) + 1);
    hash = mix(hash, name->of.bytes, name->of.length);
    hash = finish(mix(hash, &name->number, sizeof(name->number)));
    if (hash == 0)
        hash = 1; /* an id of zeros is none */
    for (size_t at = 0; at < TRACE_SPAN_BYTES; at++)
        child.span_id[at] = (unsigned char)(hash >> (8 * at));
    return child;
}
