/*
 * How the rows of a feed become stock changes: the mapping file (JSON, shape of
 * schemas/feed-mapping.schema.json) as values. Without one every field of an event is the
 * column of its own name. Built by feed_mapping_decode, which owns the memory.
 */
#ifndef PARSTOCK_CODEC_FEED_MAPPING_H
#define PARSTOCK_CODEC_FEED_MAPPING_H

#include "common/base/error.h"
#include "common/codec/csv_reader.h"
#include "common/codec/event_fields.h"

#define FEED_NAME_MAX 200
#define FEED_COLUMN_NAME_MAX 255
#define FEED_VALUES_MAX 10000 /* entries of one field's map */

enum feed_format { FEED_BY_NAME, FEED_CSV, FEED_JSON_LINES };

enum feed_from {
    FEED_FROM_COLUMN,   /* by name; the field's own where the file says nothing */
    FEED_FROM_PLACE,    /* the n-th column */
    FEED_FROM_CONSTANT, /* the same in every row */
    FEED_FROM_FILE_TIME /* when the file was last written */
};

/* What one value of the feed means; `means` empty: as if the cell were. */
struct feed_value {
    struct span value;
    struct span means;
};

/* How a number is written, where that is not JSON's way. Characters; 0 = not allowed. */
struct feed_number {
    char thousands;    /* between groups of three digits */
    char fraction;     /* before a fraction, which must be zero */
    bool allows_plus;  /* a '+' before the digits */
    bool minus_behind; /* "5-" for -5 */
    bool is_given;
};

struct feed_field {
    enum feed_from from;
    bool is_asked; /* the mapping names the column: a file without it is refused */
    struct span column;
    size_t place; /* from 0 */
    struct span constant;
    const struct feed_value *values; /* sorted by `value` (span_compare) */
    size_t value_count;
    bool keeps_others; /* a value that has no entry stands for itself */
    struct feed_number number;
    struct span time_format; /* bytes NULL: RFC 3339 */
    struct span time_offset;
};

struct feed_mapping {
    struct span name; /* of the feed; bytes NULL: the file's name */
    enum feed_format format;
    enum text_encoding encoding;
    struct csv_dialect dialect;
    bool has_header;
    bool trims; /* spaces and tabs around a cell are no part of it */
    struct feed_field fields[FIELD_COUNT];
    char digest[65]; /* SHA-256 of the file, hex; of nothing without one */
};

/* Every field from the column of its own name; CSV with commas, or JSON Lines by the file's
 * name. Released by feed_mapping_free too. NULL: out of memory. */
struct feed_mapping *feed_mapping_default(void);

/* STATUS_OK and a mapping that the caller releases, or STATUS_FATAL with the JSON pointer
 * of the fault and the remedy (exit code 78). */
enum status feed_mapping_decode(struct span text, struct feed_mapping **mapping_out,
                                struct error *error);
void feed_mapping_free(struct feed_mapping **slot);

#endif
