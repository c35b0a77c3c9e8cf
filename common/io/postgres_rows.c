/*
 * The reading half of postgres.h: values of one result, in binary.
 */
#include "common/base/check.h"
#include "common/io/postgres.h"

#include <libpq-fe.h>

/* Postgres counts microseconds from 2000-01-01. */
#define PG_EPOCH_US 946684800000000LL

void rows_release(struct rows *rows)
{
    PQclear(rows->result);
    *rows = (struct rows){0};
}

bool rows_is_null(const struct rows *rows, int row, int column)
{
    ASSERT(row >= 0 && row < rows->count);
    return PQgetisnull(rows->result, row, column) != 0;
}

struct span rows_span(const struct rows *rows, int row, int column)
{
    if (rows_is_null(rows, row, column))
        return (struct span){0};
    return (struct span){.bytes = PQgetvalue(rows->result, row, column),
                         .length = (size_t)PQgetlength(rows->result, row, column)};
}

int64_t rows_int(const struct rows *rows, int row, int column)
{
    struct span bytes = rows_span(rows, row, column);
    if (bytes.bytes == NULL)
        return 0;
    ASSERT(bytes.length == 2 || bytes.length == 4 || bytes.length == 8);
    uint64_t value = (bytes.bytes[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (size_t at = 0; at < bytes.length; at++)
        value = value << 8 | (unsigned char)bytes.bytes[at];
    return (int64_t)value;
}

bool rows_bool(const struct rows *rows, int row, int column)
{
    struct span bytes = rows_span(rows, row, column);
    return bytes.length == 1 && bytes.bytes[0] != 0;
}

int64_t rows_time(const struct rows *rows, int row, int column)
{
    if (rows_is_null(rows, row, column))
        return 0;
    return rows_int(rows, row, column) + PG_EPOCH_US;
}
