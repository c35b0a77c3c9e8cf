/*
 * Parameters of one SQL statement, all in Postgres' binary format, so that no value is
 * ever part of the statement's text. Values are copied into one bounded buffer; arrays
 * are built from C arrays (a batch is one statement, whatever its size).
 *
 *     struct pg_params params;
 *     pg_params_init(&params);
 *     pg_params_text(&params, sku);
 *     pg_params_int8_array(&params, quantities, NULL, count);
 *     ...; pg_params_free(&params);
 *
 * Overflow of the buffer or of the count is found by postgres_query and friends.
 */
#ifndef PARSTOCK_IO_PG_PARAMS_H
#define PARSTOCK_IO_PG_PARAMS_H

#include "common/base/buf.h"

#define PG_PARAMS_MAX 40
#define PG_PARAMS_BYTES_MAX ((size_t)256 * 1024 * 1024)

struct pg_params {
    int count;
    bool failed;
    uint32_t types[PG_PARAMS_MAX];
    size_t offsets[PG_PARAMS_MAX]; /* SIZE_MAX = null */
    int lengths[PG_PARAMS_MAX];
    struct buf bytes;
};

void pg_params_init(struct pg_params *params);
void pg_params_free(struct pg_params *params);
void pg_params_clear(struct pg_params *params); /* keeps the memory */

void pg_params_text(struct pg_params *params, struct span text); /* bytes NULL = null */
void pg_params_bytea(struct pg_params *params, struct span bytes);
void pg_params_int4(struct pg_params *params, int32_t value);
void pg_params_int8(struct pg_params *params, int64_t value);
void pg_params_int8_or_null(struct pg_params *params, bool present, int64_t value);
void pg_params_bool(struct pg_params *params, bool value);
void pg_params_uuid(struct pg_params *params, const unsigned char uuid[16]);
/* microseconds since 1970 UTC */
void pg_params_time(struct pg_params *params, bool present, int64_t us);

/* `present` may be NULL: all are. For spans bytes == NULL is null. */
void pg_params_text_array(struct pg_params *params, const struct span *texts,
                          size_t count);
void pg_params_bytea_array(struct pg_params *params, const struct span *texts,
                           size_t count);
void pg_params_int2_array(struct pg_params *params, const int16_t *values, size_t count);
void pg_params_int4_array(struct pg_params *params, const int32_t *values, size_t count);
void pg_params_int8_array(struct pg_params *params, const int64_t *values,
                          const bool *present, size_t count);
void pg_params_bool_array(struct pg_params *params, const bool *values, size_t count);
void pg_params_time_array(struct pg_params *params, const int64_t *us,
                          const bool *present, size_t count);

/* One field of a binary COPY row: length and bytes. Shared with the COPY writers. */
void pg_copy_begin(struct buf *buf);                    /* signature and header */
void pg_copy_row(struct buf *buf, int16_t field_count); /* before the fields of a row */
void pg_copy_null(struct buf *buf);
void pg_copy_text(struct buf *buf, struct span text); /* also bytea; bytes NULL = null */
void pg_copy_int2(struct buf *buf, int16_t value);
void pg_copy_int4(struct buf *buf, int32_t value);
void pg_copy_int8(struct buf *buf, int64_t value);
void pg_copy_int8_or_null(struct buf *buf, bool present, int64_t value);
void pg_copy_time(struct buf *buf, bool present, int64_t us);
void pg_copy_end(struct buf *buf);

#endif
