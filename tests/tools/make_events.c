/*
 * The common load of the measurements, as lines "partition<TAB>key<TAB>timestamp_ms<TAB>value"
 * on standard output: counts of about 370 bytes over SKUs at four locations, 2 % sent twice
 * under one id, 2 % stale. The same arguments give the same bytes.
 *
 *     make_events EVENTS FIRST FIRST_MS SKUS SKEW_PERCENT PARTITIONS
 *
 * FIRST numbers the first event: a run that goes on where another ended makes new ids and
 * higher versions. SKEW_PERCENT is the exponent of Zipf's law, 99 for 0.99; 0 is uniform.
 */
#include "common/base/check.h"
#include "common/base/error.h"
#include "common/base/hash.h"
#include "common/base/span.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define RECENT                                                                           \
    1000 /* repeats and stale counts follow an event among the last this many */
#define LINE_ROOM 640
#define STALE_BY_MS 1800000

static const char *const LOCATIONS[] = {"BER", "HAM", "MUC", "CGN"};

struct line {
    int64_t version;
    int64_t sku;
    int location;
    char text[LINE_ROOM];
};

struct maker {
    int64_t skus;
    int64_t partitions;
    uint64_t random;
    double *weights; /* running sums; NULL: uniform */
    struct line recent[RECENT];
    int64_t made; /* lines written, the newest RECENT of them held */
};

/* splitmix64 */
static uint64_t next_random(struct maker *maker)
{
    uint64_t z = maker->random += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

static int64_t below(struct maker *maker, int64_t limit)
{
    return (int64_t)(next_random(maker) % (uint64_t)limit);
}

static void weigh(struct maker *maker, int64_t skew_percent)
{
    if (skew_percent == 0)
        return;
    maker->weights = calloc((size_t)maker->skus, sizeof(*maker->weights));
    ASSERT(maker->weights != NULL);
    double sum = 0;
    for (int64_t at = 0; at < maker->skus; at++) {
        sum += pow((double)(at + 1), -(double)skew_percent / 100.0);
        maker->weights[at] = sum;
    }
}

static int64_t pick_sku(struct maker *maker)
{
    if (maker->weights == NULL)
        return below(maker, maker->skus);
    double drawn =
        (double)(next_random(maker) >> 11) * 0x1p-53 * maker->weights[maker->skus - 1];
    int64_t low = 0;
    for (int64_t high = maker->skus - 1; low < high;) {
        int64_t middle = (low + high) / 2;
        if (maker->weights[middle] < drawn)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void write_time(char out[32], int64_t at_ms)
{
    struct tm parts;
    time_t seconds = at_ms / 1000;
    ASSERT(gmtime_r(&seconds, &parts) != NULL);
    size_t length = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &parts);
    ASSERT(length > 0);
    (void)snprintf(out + length, 32 - length, ".%03dZ", (int)(at_ms % 1000));
}

static void write_line(struct maker *maker, struct line *line, int64_t at_ms,
                       int64_t counted_ms)
{
    char sku[32];
    char time_text[32];
    (void)snprintf(sku, sizeof(sku), "SKU-%06lld", (long long)line->sku);
    write_time(time_text, counted_ms);
    unsigned long long id_high = next_random(maker);
    unsigned long long id_low = next_random(maker);
    int length = snprintf(
        line->text, LINE_ROOM,
        "%d\t%s\t%lld\t{\"type\": \"stock.counted\", \"source\": \"wms\", \"id\": "
        "\"%016llx%016llx\", \"sku\": \"%s\", \"location\": \"%s\", \"quantity\": %d, "
        "\"occurred_at\": \"%s\", \"version\": %lld, \"sees_orders_until\": \"%s\", "
        "\"reference\": \"COUNT-2026-%09lld\", \"operator\": \"shift-b\", \"device\": "
        "\"handheld-17\", \"note\": \"aisle 4, bay 12\"}\n",
        (int)hash_partition(span_from(sku), (int32_t)maker->partitions), sku,
        (long long)at_ms, id_high, id_low, sku, LOCATIONS[line->location],
        (int)below(maker, 500), time_text, (long long)line->version, time_text,
        (long long)line->version);
    ASSERT(length > 0 && length < LINE_ROOM);
}

/* Event `number`; the ring then holds it in place of the oldest one. */
static const char *make_event(struct maker *maker, int64_t number, int64_t at_ms)
{
    int64_t kind = below(maker, 100);
    int64_t held = maker->made < RECENT ? maker->made : RECENT;
    const struct line *model = held > 0 ? &maker->recent[below(maker, held)] : NULL;
    if (model != NULL && kind < 2)
        return model->text;
    struct line fresh = {.version = number + 1};
    int64_t counted_ms = at_ms;
    if (model != NULL && kind < 4) {
        fresh = (struct line){.version = model->version > 0 ? model->version - 1 : 0,
                              .sku = model->sku,
                              .location = model->location};
        counted_ms -= STALE_BY_MS;
    } else {
        fresh.sku = pick_sku(maker);
        fresh.location = (int)below(maker, 4);
    }
    struct line *place = &maker->recent[maker->made++ % RECENT];
    *place = fresh;
    write_line(maker, place, at_ms, counted_ms);
    return place->text;
}

int main(int argc, char **argv)
{
    static struct maker maker;
    int64_t numbers[6] = {0};
    bool right = argc == 7;
    for (int at = 0; right && at < 6; at++)
        right = span_to_int64(span_from(argv[at + 1]), &numbers[at]) && numbers[at] >= 0;
    if (!right || numbers[3] < 1 || numbers[5] < 1) {
        fputs("usage: make_events EVENTS FIRST FIRST_MS SKUS SKEW_PERCENT PARTITIONS\n",
              stderr);
        return EXIT_USAGE;
    }
    maker.skus = numbers[3];
    maker.partitions = numbers[5];
    maker.random = 0x7061727374636bULL ^ (uint64_t)numbers[1] << 20;
    weigh(&maker, numbers[4]);
    for (int64_t at = 0; at < numbers[0]; at++) {
        if (fputs(make_event(&maker, numbers[1] + at, numbers[2] + at), stdout) < 0)
            break;
    }
    free(maker.weights);
    return fflush(stdout) == 0 && ferror(stdout) == 0 ? 0 : EXIT_FAILURE;
}
