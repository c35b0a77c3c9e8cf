/*
 * How fast PostgreSQL takes rows at all: binary COPY of narrow ledger-like rows (uuid, two
 * integers, a time, a count) from memory into a table without any index, one transaction a
 * batch, on one or more connections.
 *
 *     copy_ceiling DSN TABLE ROWS CONNECTIONS
 *
 * Makes TABLE. Prints one JSON line: rows, seconds, cpu_seconds.
 */
#include "common/base/check.h"
#include "common/base/error.h"
#include "common/base/span.h"

#include <endian.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define BATCH 5000
#define CONNECTIONS_MAX 16
#define ROW_BYTES (2 + 5 * 4 + 16 + 4 + 8 + 8 + 8)
#define HEAD_BYTES 19
#define TAIL_BYTES 2

struct lane {
    pthread_t thread;
    PGconn *connection;
    const char *table;
    int64_t rows;
    uint64_t seed;
    char bytes[HEAD_BYTES + BATCH * ROW_BYTES + TAIL_BYTES];
};

static double now_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static char *put(char *at, const void *bytes, size_t length)
{
    memcpy(at, bytes, length);
    return at + length;
}

static char *put_length(char *at, uint32_t length)
{
    uint32_t big = htobe32(length);
    return put(at, &big, sizeof(big));
}

static char *put_int64(char *at, uint64_t value)
{
    uint64_t big = htobe64(value);
    return put(put_length(at, 8), &big, sizeof(big));
}

static char *put_row(char *at, struct lane *lane, uint64_t row)
{
    uint16_t fields = htobe16(5);
    uint64_t id[2] = {0};
    for (int half = 0; half < 2; half++) {
        lane->seed = lane->seed * 6364136223846793005ULL + 1442695040888963407ULL;
        id[half] = lane->seed;
    }
    uint32_t partition = htobe32((uint32_t)(row % 6));
    at = put(at, &fields, sizeof(fields));
    at = put(put_length(at, 16), id, sizeof(id));
    at = put(put_length(at, 4), &partition, sizeof(partition));
    at = put_int64(at, row);
    at = put_int64(at, 800000000000000ULL + row);
    return put_int64(at, row % 500);
}

static size_t fill(struct lane *lane, uint64_t first, int64_t rows)
{
    static const char HEAD[HEAD_BYTES] = "PGCOPY\n\377\r\n";
    char *at = put(lane->bytes, HEAD, HEAD_BYTES);
    for (int64_t row = 0; row < rows; row++)
        at = put_row(at, lane, first + (uint64_t)row);
    at = put(at, "\377\377", TAIL_BYTES);
    return (size_t)(at - lane->bytes);
}

static void must(PGconn *connection, bool well)
{
    if (!well) {
        fprintf(stderr, "copy_ceiling: %s", PQerrorMessage(connection));
        exit(EXIT_UNAVAILABLE);
    }
}

static void run_sql(PGconn *connection, const char *sql, ExecStatusType wanted)
{
    PGresult *result = PQexec(connection, sql);
    must(connection, PQresultStatus(result) == wanted);
    PQclear(result);
}

static void copy_batch(struct lane *lane, uint64_t first, int64_t rows)
{
    char sql[160];
    size_t length = fill(lane, first, rows);
    (void)snprintf(sql, sizeof(sql), "COPY %s FROM STDIN (FORMAT binary)", lane->table);
    run_sql(lane->connection, sql, PGRES_COPY_IN);
    must(lane->connection,
         PQputCopyData(lane->connection, lane->bytes, (int)length) == 1 &&
             PQputCopyEnd(lane->connection, NULL) == 1);
    PGresult *result = PQgetResult(lane->connection);
    must(lane->connection, PQresultStatus(result) == PGRES_COMMAND_OK);
    PQclear(result);
    ASSERT(PQgetResult(lane->connection) == NULL);
}

static void *run_lane(void *argument)
{
    struct lane *lane = argument;
    for (int64_t done = 0; done < lane->rows; done += BATCH) {
        int64_t left = lane->rows - done;
        copy_batch(lane, (uint64_t)done, left < BATCH ? left : BATCH);
    }
    return NULL;
}

static PGconn *connect_to(const char *dsn)
{
    PGconn *connection = PQconnectdb(dsn);
    must(connection, PQstatus(connection) == CONNECTION_OK);
    return connection;
}

static void make_table(const char *dsn, const char *table)
{
    char sql[320];
    PGconn *connection = connect_to(dsn);
    (void)snprintf(sql, sizeof(sql),
                   "CREATE TABLE %s (id uuid NOT NULL, partition integer NOT NULL,"
                   " record_offset bigint NOT NULL, recorded_at timestamptz NOT NULL,"
                   " quantity bigint NOT NULL)",
                   table);
    run_sql(connection, sql, PGRES_COMMAND_OK);
    PQfinish(connection);
}

static struct lane *open_lanes(char **argv, int64_t rows, int64_t count)
{
    struct lane *lanes = calloc((size_t)count, sizeof(*lanes));
    ASSERT(lanes != NULL);
    for (int64_t at = 0; at < count; at++) {
        lanes[at].connection = connect_to(argv[1]);
        lanes[at].table = argv[2];
        lanes[at].rows = rows / count;
        lanes[at].seed = (uint64_t)at + 1;
    }
    return lanes;
}

int main(int argc, char **argv)
{
    int64_t rows = 0;
    int64_t count = 0;
    if (argc != 5 || !span_to_int64(span_from(argv[3]), &rows) || rows < 1 ||
        !span_to_int64(span_from(argv[4]), &count) || count < 1 ||
        count > CONNECTIONS_MAX) {
        fputs("usage: copy_ceiling DSN TABLE ROWS CONNECTIONS\n", stderr);
        return EXIT_USAGE;
    }
    make_table(argv[1], argv[2]);
    struct lane *lanes = open_lanes(argv, rows, count);
    double cpu = cpu_seconds();
    double start = now_seconds();
    for (int64_t at = 0; at < count; at++)
        ASSERT(pthread_create(&lanes[at].thread, NULL, run_lane, &lanes[at]) == 0);
    for (int64_t at = 0; at < count; at++)
        ASSERT(pthread_join(lanes[at].thread, NULL) == 0);
    printf("{\"rows\": %" PRId64 ", \"seconds\": %.4f, \"cpu_seconds\": %.3f}\n",
           rows / count * count, now_seconds() - start, cpu_seconds() - cpu);
    for (int64_t at = 0; at < count; at++)
        PQfinish(lanes[at].connection);
    free(lanes);
    return 0;
}
