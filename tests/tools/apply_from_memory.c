/*
 * The lanes of apply fed from memory: the same batches, the same transactions, no Kafka.
 * What the whole worker reaches of this rate is what consuming costs it.
 *
 *     apply_from_memory CONTRACT EVENTS PARTITIONS LANES
 *
 * EVENTS: lines "partition<TAB>key<TAB>timestamp_ms<TAB>value". PARSTOCK_POSTGRES and
 * PARSTOCK_SCHEMA as for apply. Prints one JSON line: events, seconds. The functions of
 * kafka_in and kafka_out below stand in for the library's: a record comes from an array,
 * what is sent is acknowledged at once.
 */
#include "common/base/check.h"
#include "common/codec/contract_json.h"
#include "common/runtime/contract_file.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "workers/apply/apply.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

/* Of a partition before the next one has its turn: batches mix them, as a broker's do. */
#define TAKE_IN_TURN 256

struct feed {
    struct kafka_record *records; /* of one partition, in order */
    size_t count;
    size_t next;
};

struct kafka_in {
    int32_t partitions;
    int lanes;
    struct feed *feeds;
};

/* ---- stand-ins for the broker --------------------------------------------------------------- */

int32_t kafka_in_partitions(struct kafka_in *in)
{
    return in->partitions;
}

int64_t kafka_in_end(struct kafka_in *in, int32_t partition)
{
    (void)in;
    (void)partition;
    return -1; /* nobody watches the lag of a measurement */
}

void kafka_in_wait(struct kafka_in *in, int lane, int timeout_ms)
{
    (void)in;
    (void)lane;
    life_wait_ms(timeout_ms);
}

size_t kafka_in_take(struct kafka_in *in, int lane, struct kafka_record *records,
                     size_t max)
{
    size_t count = 0;
    for (int32_t partition = lane; partition < in->partitions; partition += in->lanes) {
        struct feed *feed = &in->feeds[partition];
        for (size_t turn = 0; turn < TAKE_IN_TURN && feed->next < feed->count; turn++)
            if (count < max)
                records[count++] = feed->records[feed->next++];
    }
    return count;
}

/* No partition is ever lost here. */
enum status kafka_in_seek(struct kafka_in *in, int32_t partition, int64_t offset,
                          struct error *error)
{
    (void)in;
    return error_set(error, STATUS_FATAL, "partition %d is not sought at %lld",
                     (int)partition, (long long)offset);
}

bool kafka_record_header(const struct kafka_record *record, size_t at,
                         struct span *name_out, struct span *value_out)
{
    (void)record;
    (void)at;
    (void)name_out;
    (void)value_out;
    return false;
}

void kafka_record_release(struct kafka_record *record)
{
    (void)record;
}

enum status kafka_out_send(struct kafka_out *out, const struct kafka_send *send,
                           struct error *error)
{
    (void)out;
    (void)error;
    relay_acked(send->opaque, NULL);
    return STATUS_OK;
}

int64_t kafka_out_expiry_us(const struct kafka_out *out)
{
    (void)out;
    return 0;
}

size_t kafka_out_waiting(const struct kafka_out *out)
{
    (void)out;
    return 0;
}

struct postgres_options apply_postgres_options(const struct apply *apply)
{
    return (struct postgres_options){.dsn = apply->config.postgres,
                                     .schema = apply->config.schema,
                                     .application_name = "parstock memory"};
}

struct relay_way apply_relay_way(const struct apply *apply)
{
    return (struct relay_way){.topics = &apply->topics,
                              .source_topic = span_from(apply->topic),
                              .partition_count = apply->in->partitions};
}

/* ---- events ----------------------------------------------------------------------------------- */

static struct span field(char **at)
{
    char *start = *at;
    char *end = strpbrk(start, "\t\n");
    ASSERT(end != NULL);
    *at = end + 1;
    return (struct span){.bytes = start, .length = (size_t)(end - start)};
}

static void add_record(struct kafka_in *in, char **at)
{
    int64_t partition = 0;
    int64_t timestamp_ms = 0;
    struct kafka_record record = {0};
    bool numbers = span_to_int64(field(at), &partition);
    record.key = field(at);
    numbers = numbers && span_to_int64(field(at), &timestamp_ms);
    record.value = field(at);
    ASSERT(numbers && partition < in->partitions);
    struct feed *feed = &in->feeds[partition];
    record.partition = (int32_t)partition;
    record.offset = (int64_t)feed->count;
    record.timestamp_ms = timestamp_ms;
    feed->records[feed->count++] = record;
}

static char *read_file(const char *path, size_t *length_out)
{
    FILE *file = fopen(path, "rb");
    ASSERT(file != NULL && fseek(file, 0, SEEK_END) == 0);
    long length = ftell(file);
    ASSERT(length > 0 && fseek(file, 0, SEEK_SET) == 0);
    char *text = malloc((size_t)length + 1);
    ASSERT(text != NULL && fread(text, 1, (size_t)length, file) == (size_t)length);
    text[length] = '\0';
    (void)fclose(file);
    *length_out = (size_t)length;
    return text;
}

static size_t load_events(struct kafka_in *in, const char *path)
{
    size_t length = 0;
    char *text = read_file(path, &length);
    size_t lines = 0;
    for (char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    in->feeds = calloc((size_t)in->partitions, sizeof(*in->feeds));
    ASSERT(in->feeds != NULL);
    for (int32_t at = 0; at < in->partitions; at++) {
        in->feeds[at].records = calloc(lines, sizeof(struct kafka_record));
        ASSERT(in->feeds[at].records != NULL);
    }
    for (char *at = text; at < text + length;)
        add_record(in, &at);
    return lines; /* the text stays: records point into it */
}

/* ---- running ------------------------------------------------------------------------------------ */

static void take_partitions(struct apply *apply)
{
    struct error error = {0};
    const struct postgres_options options = apply_postgres_options(apply);
    if (postgres_open(&options, &apply->postgres, &error) != STATUS_OK) {
        fprintf(stderr, "%s\n", error.text);
        exit(EXIT_UNAVAILABLE);
    }
    for (int32_t at = 0; at < apply->in->partitions; at++) {
        struct take take = {0};
        const struct partition_ref ref = {span_from(apply->topic), at};
        enum status status =
            store_take(apply->postgres, &ref, SPAN_OF("memory"), &take, &error);
        ASSERT(status == STATUS_OK);
        lane_take_part(&apply->lanes[at % apply->lane_count], at, &take);
    }
}

static int64_t judged(const struct apply *apply)
{
    int64_t sum = 0;
    for (int32_t partition = 0; partition < apply->in->partitions; partition++) {
        const struct outcome_metrics metrics = outcome_metrics_of(partition);
        for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++)
            sum += metric_value(metrics.outcomes[outcome]);
    }
    return sum;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6 +
           (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6;
}

static void run(struct apply *apply, size_t events)
{
    struct error error = {0};
    for (int at = 0; at < apply->lane_count; at++) {
        enum status status = lane_open(&apply->lanes[at], apply, at, &error);
        ASSERT(status == STATUS_OK);
    }
    take_partitions(apply);
    double cpu = cpu_seconds();
    int64_t start_us = clock_monotonic_us();
    for (int at = 0; at < apply->lane_count; at++) {
        enum status status = lane_start(&apply->lanes[at], &error);
        ASSERT(status == STATUS_OK);
    }
    while (judged(apply) < (int64_t)events && !life_ending())
        life_wait_ms(2);
    double seconds = (double)(clock_monotonic_us() - start_us) / 1e6;
    printf("{\"events\": %zu, \"seconds\": %.4f, \"cpu_seconds\": %.3f}\n", events,
           seconds, cpu_seconds() - cpu);
    life_end();
    for (int at = 0; at < apply->lane_count; at++)
        lane_close(&apply->lanes[at]);
    postgres_close(&apply->postgres);
}

int main(int argc, char **argv)
{
    static struct apply apply;
    static struct kafka_in in;
    struct error error = {0};
    if (argc != 5) {
        fputs("usage: apply_from_memory CONTRACT EVENTS PARTITIONS LANES\n", stderr);
        return EXIT_USAGE;
    }
    apply.config.postgres = getenv("PARSTOCK_POSTGRES");
    apply.config.schema = getenv("PARSTOCK_SCHEMA");
    apply.config.key_memory_mib = 128;
    in.partitions = (int32_t)strtol(argv[3], NULL, 10);
    apply.lane_count = in.lanes = (int)strtol(argv[4], NULL, 10);
    apply.in = &in;
    (void)snprintf(apply.topic, sizeof(apply.topic), "inventory.stock-changes");
    if (log_open("memory", "warn", &error) != STATUS_OK ||
        life_begin(&error) != STATUS_OK ||
        contract_file_load(argv[1], &apply.contract_text, &apply.contract, &error) !=
            STATUS_OK) {
        fprintf(stderr, "%s\n", error.text);
        return error_exit_code(&error);
    }
    run(&apply, load_events(&in, argv[2]));
    contract_free(&apply.contract);
    return 0;
}
