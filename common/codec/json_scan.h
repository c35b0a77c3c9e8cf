/*
 * Tokens of RFC 8259, strictly: the leaves of a JSON text (strings, numbers, literals)
 * and the white space between. Containers are the caller's. The text must be valid UTF-8
 * already; nothing is read past its end.
 *
 * A string without escapes is a view of the text itself; one with escapes is unescaped
 * into `scratch`, which must have room for as many bytes as the whole text has. Half a
 * surrogate pair, which the grammar allows, becomes the three bytes that UTF-8 forbids,
 * and is flagged.
 */
#ifndef PARSTOCK_CODEC_JSON_SCAN_H
#define PARSTOCK_CODEC_JSON_SCAN_H

#include "common/base/span.h"

struct json_scan {
    const char *at;
    const char *end;
    char *scratch; /* next free byte */
};

enum json_kind {
    JSON_KIND_ABSENT = 0,
    JSON_KIND_NULL,
    JSON_KIND_TEXT,
    JSON_KIND_INTEGER, /* a number without fraction or exponent */
    JSON_KIND_OTHER,
};

struct json_value {
    enum json_kind kind;
    bool lone_surrogate; /* of a text: it is no Unicode text */
    struct span text;    /* of a text, unescaped; of an integer, as written */
};

/* The next byte that is no white space, left in place; 0 at the end. (A NUL byte in the
 * text gives 0 too: neither starts or continues anything.) */
static inline char json_peek(struct json_scan *scan)
{
    while (scan->at < scan->end) {
        char byte = *scan->at;
        if (byte != ' ' && byte != '\n' && byte != '\r' && byte != '\t')
            return byte;
        scan->at++;
    }
    return 0;
}

/* A string whose opening quote stands at scan->at. False: not JSON. */
bool json_scan_text(struct json_scan *scan, struct json_value *value_out);

/* Any value but an object or an array. False: not JSON. */
bool json_scan_leaf(struct json_scan *scan, struct json_value *value_out);

#endif
