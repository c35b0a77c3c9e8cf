/*
 * What a JSON document of ours must look like, as tables: a small part of JSON Schema,
 * enough to refuse what a schema refuses and to say where and what to write instead.
 * The walk is as deep as the table, never as deep as the input.
 */
#ifndef PARSTOCK_CODEC_JSON_SHAPE_H
#define PARSTOCK_CODEC_JSON_SHAPE_H

#include "common/base/error.h"
#include "common/base/span.h"

#include <jansson.h>

enum shape_kind {
    SHAPE_TEXT,    /* least to most code points; `fits`, or else no control characters */
    SHAPE_WORD,    /* one of `words` */
    SHAPE_BOOLEAN, /* true or false */
    SHAPE_INTEGER, /* least to most; 1.0 is an integer, as in JSON Schema */
    SHAPE_NUMBER,  /* least to most, fractions too */
    SHAPE_LIST,    /* least to most entries of the shape `item` */
    SHAPE_MAP,     /* up to `most` entries, keys of the shape `key`, values of `item` */
    SHAPE_OBJECT,  /* `members` and nothing else */
    SHAPE_LABEL,   /* a text by `item` or an integer by `key` */
};

struct shape;

struct shape_member {
    const char *name;
    const struct shape *shape;
    bool required;
};

struct shape {
    enum shape_kind kind;
    int64_t least;
    int64_t most;
    const char *const *words; /* ends with NULL */
    bool (*fits)(struct span text);
    const char *must_be; /* for a text with `fits`: what it must be, for people */
    const struct shape *item;
    const struct shape *key;
    const struct shape_member *members;
    size_t member_count;
    bool unique; /* of a list of texts: none twice */
};

/* A JSON pointer (RFC 6901) that grows and shrinks along the walk; cut off when full. */
struct json_path {
    char text[256];
    size_t length;
};

size_t json_path_push(struct json_path *path, const char *name); /* gives the mark */
size_t json_path_push_index(struct json_path *path, size_t index);
void json_path_pop(struct json_path *path, size_t mark);

/* STATUS_OK, or STATUS_FATAL and "POINTER: what is wrong; what it must be". */
enum status json_shape_check(const struct shape *shape, json_t *value,
                             struct json_path *path, struct error *error);

/* The span of a JSON text; absent where it is none. */
struct span json_span(const json_t *text);

#endif
