/*
 * How fast a stock change is decoded, beside jansson reading the same bytes into a tree
 * and looking up nine fields (which leaves out all judging). Prints one line a
 * measurement: medians of five rounds.
 *
 *     bench_decode CONTRACT.json [EVENTS]
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/codec/event_json.h"
#include "common/codec/event_key.h"
#include "tests/tools/read_file.h"

#include <jansson.h>
#include <time.h>

#define ROUNDS 5
#define SHAPES 1024
#define VALUE_ROOM 512
#define BATCH 1000

static char VALUES[SHAPES][VALUE_ROOM];
static size_t LENGTHS[SHAPES];

static void make_values(void)
{
    for (int at = 0; at < SHAPES; at++) {
        int length = snprintf(
            VALUES[at], VALUE_ROOM,
            "{\"type\": \"stock.counted\", \"source\": \"wms\", \"id\": "
            "\"0190f3a2-7c1e-7b5a-9c3d-%012d\", \"sku\": \"shirt-%05d-blue-xl\", "
            "\"location\": \"BER\", \"quantity\": %d, \"occurred_at\": "
            "\"2026-11-25T11:%02d:%02d.%06d+01:00\", \"version\": %d, "
            "\"sees_orders_until\": \"2026-11-25T10:00:00Z\", \"reference\": "
            "\"count sheet 2026/48, aisle %d\", \"operator\": \"handheld-17\", "
            "\"note\": \"second count, first one %d off\"}",
            at, at * 7, at % 500, at % 60, at * 7 % 60, at * 911, 100000 + at, at % 40,
            at % 3);
        ASSERT(length > 0 && length < VALUE_ROOM);
        LENGTHS[at] = (size_t)length;
    }
}

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

struct bench {
    struct contract *contract;
    struct event_decoder *decoder;
    struct event_hasher *hasher;
    struct pool pool;
    int64_t checksum;
};

static void decode_one(struct bench *bench, int at, struct event *event)
{
    const struct event_input input = {
        .contract = bench->contract,
        .value = {VALUES[at % SHAPES], LENGTHS[at % SHAPES]},
        .recorded_at_ms = 1795608000000};
    if (at % BATCH == 0)
        pool_reset(&bench->pool);
    enum reason reason =
        event_json_decode(bench->decoder, &input, &bench->pool, event, NULL);
    ASSERT(reason == REASON_NONE);
    bench->checksum += event->quantity;
}

static void run_decode(struct bench *bench, int count)
{
    struct event event;
    for (int at = 0; at < count; at++)
        decode_one(bench, at, &event);
}

static void run_decode_and_key(struct bench *bench, int count)
{
    struct event event;
    struct event_identity identity;
    for (int at = 0; at < count; at++) {
        decode_one(bench, at, &event);
        event_identity(bench->hasher, &event, &identity);
        bench->checksum += identity.fingerprint & 1;
    }
}

static void run_jansson(struct bench *bench, int count)
{
    static const char *const NAMES[] = {"type",        "source",   "id",
                                        "sku",         "location", "quantity",
                                        "occurred_at", "version",  "reference"};
    for (int at = 0; at < count; at++) {
        json_error_t fault;
        json_t *root = json_loadb(VALUES[at % SHAPES], LENGTHS[at % SHAPES],
                                  JSON_REJECT_DUPLICATES, &fault);
        ASSERT(root != NULL);
        for (size_t name = 0; name < COUNT_OF(NAMES); name++)
            bench->checksum += json_object_get(root, NAMES[name]) != NULL;
        json_decref(root);
    }
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median_ns(void (*run)(struct bench *, int), struct bench *bench, int count)
{
    double rounds[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        int64_t start = now_ns();
        run(bench, count);
        rounds[round] = (double)(now_ns() - start) / count;
    }
    qsort(rounds, ROUNDS, sizeof(rounds[0]), compare_doubles);
    return rounds[ROUNDS / 2];
}

static size_t mean_length(void)
{
    size_t sum = 0;
    for (int at = 0; at < SHAPES; at++)
        sum += LENGTHS[at];
    return sum / SHAPES;
}

int main(int argc, char **argv)
{
    struct error error;
    struct bench bench = {.decoder = event_decoder_new(), .hasher = event_hasher_new()};
    int64_t count = 500000;
    if (argc < 2 || (argc > 2 && !span_to_int64(span_from(argv[2]), &count)) ||
        count < 1 || count > 100000000) {
        fprintf(stderr, "usage: bench_decode CONTRACT.json [EVENTS]\n");
        return EXIT_USAGE;
    }
    SCOPED(free_file) struct span text = read_file(argv[1], (size_t)4 << 20);
    if (contract_decode(text, &bench.contract, &error) != STATUS_OK) {
        fprintf(stderr, "bench_decode: %s: %s\n", argv[1], error.text);
        return error_exit_code(&error);
    }
    ASSERT(bench.decoder != NULL && bench.hasher != NULL);
    pool_init(&bench.pool, (size_t)16 << 20);
    make_values();
    double decode = median_ns(run_decode, &bench, (int)count);
    double keyed = median_ns(run_decode_and_key, &bench, (int)count);
    double jansson = median_ns(run_jansson, &bench, (int)count);
    printf("%zu bytes an event, %lld events a round, medians of %d rounds\n",
           mean_length(), (long long)count, ROUNDS);
    printf("decode and judge   %7.0f ns   %9.0f events/s\n", decode, 1e9 / decode);
    printf("  and its key      %7.0f ns   %9.0f events/s\n", keyed, 1e9 / keyed);
    printf("jansson, tree only %7.0f ns   %9.0f events/s\n", jansson, 1e9 / jansson);
    printf("jansson / decode   %7.2f   (checksum %lld)\n", jansson / decode,
           (long long)bench.checksum);
    event_decoder_free(&bench.decoder);
    event_hasher_free(&bench.hasher);
    pool_free(&bench.pool);
    contract_free(&bench.contract);
    return 0;
}
