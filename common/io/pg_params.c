#include "common/io/pg_params.h"

#include "common/base/check.h"

#include <limits.h>

/* Type numbers of pg_type; fixed since Postgres 8. */
#define OID_BOOL 16
#define OID_BYTEA 17
#define OID_INT8 20
#define OID_INT2 21
#define OID_INT4 23
#define OID_TEXT 25
#define OID_BOOL_ARRAY 1000
#define OID_BYTEA_ARRAY 1001
#define OID_INT2_ARRAY 1005
#define OID_INT4_ARRAY 1007
#define OID_TEXT_ARRAY 1009
#define OID_INT8_ARRAY 1016
#define OID_TIMESTAMPTZ 1184
#define OID_TIMESTAMPTZ_ARRAY 1185
#define OID_UUID 2950

/* Postgres counts microseconds from 2000-01-01. */
#define PG_EPOCH_US 946684800000000LL

void pg_params_init(struct pg_params *params)
{
    *params = (struct pg_params){0};
    buf_init(&params->bytes, PG_PARAMS_BYTES_MAX);
}

void pg_params_free(struct pg_params *params)
{
    buf_free(&params->bytes);
    params->count = 0;
}

void pg_params_clear(struct pg_params *params)
{
    buf_clear(&params->bytes);
    params->count = 0;
    params->failed = false;
}

/* ---- single values --------------------------------------------------------------------
 */

/* Opens the next parameter; its bytes are appended by the caller until params_close. */
static bool params_open(struct pg_params *params, uint32_t type)
{
    if (params->count == PG_PARAMS_MAX) {
        params->failed = true;
        return false;
    }
    params->types[params->count] = type;
    params->offsets[params->count] = params->bytes.length;
    return true;
}

static void params_close(struct pg_params *params)
{
    size_t length = params->bytes.length - params->offsets[params->count];
    if (params->bytes.failed || length > INT_MAX) {
        params->failed = true;
        return;
    }
    params->lengths[params->count] = (int)length;
    params->count++;
}

static void params_null(struct pg_params *params)
{
    params->offsets[params->count] = SIZE_MAX;
    params->lengths[params->count] = 0;
    params->count++;
}

static void params_bytes(struct pg_params *params, uint32_t type, struct span bytes)
{
    if (!params_open(params, type))
        return;
    if (bytes.bytes == NULL) {
        params_null(params);
        return;
    }
    buf_span(&params->bytes, bytes);
    params_close(params);
}

static void params_number(struct pg_params *params, bool present, uint32_t type,
                          int64_t value)
{
    if (!params_open(params, type))
        return;
    if (!present) {
        params_null(params);
        return;
    }
    if (type == OID_INT4)
        buf_be32(&params->bytes, (uint32_t)value);
    else
        buf_be64(&params->bytes, (uint64_t)value);
    params_close(params);
}

void pg_params_text(struct pg_params *params, struct span text)
{
    params_bytes(params, OID_TEXT, text);
}

void pg_params_bytea(struct pg_params *params, struct span bytes)
{
    params_bytes(params, OID_BYTEA, bytes);
}

void pg_params_int4(struct pg_params *params, int32_t value)
{
    params_number(params, true, OID_INT4, value);
}

void pg_params_int8(struct pg_params *params, int64_t value)
{
    params_number(params, true, OID_INT8, value);
}

void pg_params_int8_or_null(struct pg_params *params, bool present, int64_t value)
{
    params_number(params, present, OID_INT8, value);
}

void pg_params_bool(struct pg_params *params, bool value)
{
    params_bytes(params, OID_BOOL,
                 (struct span){.bytes = value ? "\1" : "\0", .length = 1});
}

void pg_params_uuid(struct pg_params *params, const unsigned char uuid[16])
{
    params_bytes(params, OID_UUID,
                 (struct span){.bytes = (const char *)uuid, .length = 16});
}

void pg_params_time(struct pg_params *params, bool present, int64_t us)
{
    params_number(params, present, OID_TIMESTAMPTZ, us - PG_EPOCH_US);
}

/* ---- arrays: dimensions, has-null flag, element type, count, lower bound, elements ----
 */

static bool array_open(struct pg_params *params, uint32_t type, uint32_t element,
                       size_t count)
{
    if (count > INT32_MAX || !params_open(params, type)) {
        params->failed = true;
        return false;
    }
    struct buf *bytes = &params->bytes;
    buf_be32(bytes, count > 0 ? 1 : 0);
    buf_be32(bytes, 1);
    buf_be32(bytes, element);
    if (count > 0) {
        buf_be32(bytes, (uint32_t)count);
        buf_be32(bytes, 1);
    }
    return true;
}

static void spans_array(struct pg_params *params, uint32_t type, uint32_t element,
                        const struct span *texts, size_t count)
{
    if (!array_open(params, type, element, count))
        return;
    for (size_t at = 0; at < count; at++)
        pg_copy_text(&params->bytes, texts[at]);
    params_close(params);
}

void pg_params_text_array(struct pg_params *params, const struct span *texts,
                          size_t count)
{
    spans_array(params, OID_TEXT_ARRAY, OID_TEXT, texts, count);
}

void pg_params_bytea_array(struct pg_params *params, const struct span *texts,
                           size_t count)
{
    spans_array(params, OID_BYTEA_ARRAY, OID_BYTEA, texts, count);
}

void pg_params_int2_array(struct pg_params *params, const int16_t *values, size_t count)
{
    if (!array_open(params, OID_INT2_ARRAY, OID_INT2, count))
        return;
    for (size_t at = 0; at < count; at++)
        pg_copy_int2(&params->bytes, values[at]);
    params_close(params);
}

void pg_params_int4_array(struct pg_params *params, const int32_t *values, size_t count)
{
    if (!array_open(params, OID_INT4_ARRAY, OID_INT4, count))
        return;
    for (size_t at = 0; at < count; at++)
        pg_copy_int4(&params->bytes, values[at]);
    params_close(params);
}

void pg_params_int8_array(struct pg_params *params, const int64_t *values,
                          const bool *present, size_t count)
{
    if (!array_open(params, OID_INT8_ARRAY, OID_INT8, count))
        return;
    for (size_t at = 0; at < count; at++)
        pg_copy_int8_or_null(&params->bytes, present == NULL || present[at], values[at]);
    params_close(params);
}

void pg_params_bool_array(struct pg_params *params, const bool *values, size_t count)
{
    if (!array_open(params, OID_BOOL_ARRAY, OID_BOOL, count))
        return;
    for (size_t at = 0; at < count; at++)
        pg_copy_text(&params->bytes,
                     (struct span){.bytes = values[at] ? "\1" : "\0", .length = 1});
    params_close(params);
}

void pg_params_time_array(struct pg_params *params, const int64_t *us,
                          const bool *present, size_t count)
{
    if (!array_open(params, OID_TIMESTAMPTZ_ARRAY, OID_TIMESTAMPTZ, count))
        return;
    for (size_t at = 0; at < count; at++)
        pg_copy_time(&params->bytes, present == NULL || present[at], us[at]);
    params_close(params);
}

/* ---- binary COPY
 * ------------------------------------------------------------------------ */

void pg_copy_begin(struct buf *buf)
{
    static const char SIGNATURE[] = "PGCOPY\n\377\r\n";
    buf_add(buf, SIGNATURE, sizeof(SIGNATURE)); /* the NUL is part of it */
    buf_be32(buf, 0);
    buf_be32(buf, 0);
}

void pg_copy_row(struct buf *buf, int16_t field_count)
{
    buf_be16(buf, (uint16_t)field_count);
}

void pg_copy_null(struct buf *buf)
{
    buf_be32(buf, UINT32_MAX);
}

void pg_copy_text(struct buf *buf, struct span text)
{
    ASSERT(text.length <= INT_MAX);
    if (text.bytes == NULL) {
        pg_copy_null(buf);
        return;
    }
    buf_be32(buf, (uint32_t)text.length);
    buf_span(buf, text);
}

void pg_copy_int2(struct buf *buf, int16_t value)
{
    buf_be32(buf, 2);
    buf_be16(buf, (uint16_t)value);
}

void pg_copy_int4(struct buf *buf, int32_t value)
{
    buf_be32(buf, 4);
    buf_be32(buf, (uint32_t)value);
}

void pg_copy_int8(struct buf *buf, int64_t value)
{
    buf_be32(buf, 8);
    buf_be64(buf, (uint64_t)value);
}

void pg_copy_int8_or_null(struct buf *buf, bool present, int64_t value)
{
    if (present)
        pg_copy_int8(buf, value);
    else
        pg_copy_null(buf);
}

void pg_copy_time(struct buf *buf, bool present, int64_t us)
{
    pg_copy_int8_or_null(buf, present, us - PG_EPOCH_US);
}

void pg_copy_end(struct buf *buf)
{
    buf_be16(buf, UINT16_MAX);
}
