#include "common/codec/json_scan.h"

#include "common/codec/utf8.h"

#define EVERY_BYTE(byte) (0x0101010101010101U * (byte))
#define TOP_BITS EVERY_BYTE(0x80U)

/* ---- strings ------------------------------------------------------------------------
 */

/* Marks, by its top bit, each byte that is zero; exact up to the first one. */
static uint64_t zero_bytes(uint64_t word)
{
    return (word - EVERY_BYTE(1U)) & ~word & TOP_BITS;
}

/* Offset of the first quote, backslash or control character of eight bytes; 8: none. */
static size_t special_in_word(const char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    uint64_t control = (word - EVERY_BYTE(0x20U)) & ~word & TOP_BITS;
    uint64_t special = zero_bytes(word ^ EVERY_BYTE((unsigned char)'"')) |
                       zero_bytes(word ^ EVERY_BYTE((unsigned char)'\\')) | control;
    return special != 0 ? (size_t)__builtin_ctzll(special) / 8 : sizeof(word);
}

static bool is_special(char byte)
{
    return byte == '"' || byte == '\\' || (unsigned char)byte < 0x20;
}

/* The first quote, backslash or control character, or the end. */
static const char *find_special(const char *at, const char *end)
{
    while (end - at >= 8) {
        size_t found = special_in_word(at);
        at += found;
        if (found < 8)
            return at;
    }
    while (at < end && !is_special(*at))
        at++;
    return at;
}

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    char lower = (char)(byte | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The UTF-16 unit of the escape \uXXXX at `at`; -1 where there is none. */
static int32_t unit_at(const char *at, const char *end)
{
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return -1;
    int32_t unit = 0;
    for (int digit = 2; digit < 6; digit++) {
        int value = hex_digit(at[digit]);
        if (value < 0)
            return -1;
        unit = unit << 4 | value;
    }
    return unit;
}

static bool is_high(int32_t unit)
{
    return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low(int32_t unit)
{
    return unit >= 0xdc00 && unit <= 0xdfff;
}

static bool take_unicode_escape(struct json_scan *scan, struct json_value *value)
{
    int32_t point = unit_at(scan->at, scan->end);
    if (point < 0)
        return false;
    scan->at += 6;
    int32_t low = is_high(point) ? unit_at(scan->at, scan->end) : -1;
    if (is_low(low)) {
        point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
        scan->at += 6;
    }
    if (is_high(point) || is_low(point))
        value->lone_surrogate = true;
    scan->scratch += utf8_encode(point, scan->scratch);
    return true;
}

static bool take_escape(struct json_scan *scan, struct json_value *value)
{
    static const char NAMES[] = "\"\\/bfnrt";
    static const char BYTES[] = "\"\\/\b\f\n\r\t";
    if (scan->end - scan->at < 2)
        return false;
    char name = scan->at[1];
    if (name == 'u')
        return take_unicode_escape(scan, value);
    const char *found = name != 0 ? strchr(NAMES, name) : NULL;
    if (found == NULL)
        return false;
    *scan->scratch++ = BYTES[found - NAMES];
    scan->at += 2;
    return true;
}

/* The rest of a string that has escapes, its first one at scan->at. */
static bool take_escaped(struct json_scan *scan, const char *start,
                         struct json_value *value)
{
    char *unescaped = scan->scratch;
    for (;;) {
        size_t plain = (size_t)(scan->at - start);
        memcpy(scan->scratch, start, plain);
        scan->scratch += plain;
        if (scan->at == scan->end)
            return false;
        if (*scan->at == '"')
            break;
        if (*scan->at != '\\' || !take_escape(scan, value))
            return false;
        start = scan->at;
        scan->at = find_special(scan->at, scan->end);
    }
    scan->at++;
    value->text = (struct span){unescaped, (size_t)(scan->scratch - unescaped)};
    return true;
}

bool json_scan_text(struct json_scan *scan, struct json_value *value_out)
{
    const char *start = scan->at + 1;
    value_out->kind = JSON_KIND_TEXT;
    value_out->lone_surrogate = false;
    scan->at = find_special(start, scan->end);
    if (scan->at == scan->end)
        return false;
    if (*scan->at != '"')
        return take_escaped(scan, start, value_out);
    value_out->text = (struct span){start, (size_t)(scan->at - start)};
    scan->at++;
    return true;
}

/* ---- numbers and literals -----------------------------------------------------------
 */

static bool skip_digits(struct json_scan *scan)
{
    const char *start = scan->at;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return scan->at > start;
}

static bool take_fraction(struct json_scan *scan, struct json_value *value)
{
    if (scan->at == scan->end || *scan->at != '.')
        return true;
    scan->at++;
    value->kind = JSON_KIND_OTHER;
    return skip_digits(scan);
}

static bool take_exponent(struct json_scan *scan, struct json_value *value)
{
    if (scan->at == scan->end || (*scan->at | 0x20) != 'e')
        return true;
    scan->at++;
    value->kind = JSON_KIND_OTHER;
    if (scan->at < scan->end && (*scan->at == '+' || *scan->at == '-'))
        scan->at++;
    return skip_digits(scan);
}

static bool take_number(struct json_scan *scan, struct json_value *value)
{
    const char *start = scan->at;
    value->kind = JSON_KIND_INTEGER;
    if (*scan->at == '-')
        scan->at++;
    const char *whole = scan->at;
    if (!skip_digits(scan))
        return false;
    if (*whole == '0' && scan->at - whole > 1)
        return false;
    if (!take_fraction(scan, value) || !take_exponent(scan, value))
        return false;
    value->text = (struct span){start, (size_t)(scan->at - start)};
    return true;
}

static bool take_word(struct json_scan *scan, struct span word)
{
    if ((size_t)(scan->end - scan->at) < word.length)
        return false;
    if (memcmp(scan->at, word.bytes, word.length) != 0)
        return false;
    scan->at += word.length;
    return true;
}

bool json_scan_leaf(struct json_scan *scan, struct json_value *value_out)
{
    if (scan->at == scan->end)
        return false;
    value_out->kind = JSON_KIND_OTHER;
    switch (*scan->at) {
    case '"':
        return json_scan_text(scan, value_out);
    case 'n':
        value_out->kind = JSON_KIND_NULL;
        return take_word(scan, SPAN_OF("null"));
    case 't':
        return take_word(scan, SPAN_OF("true"));
    case 'f':
        return take_word(scan, SPAN_OF("false"));
    default:
        return take_number(scan, value_out);
    }
}
