/*
 * What librdkafka alone gives: every partition of a topic from its start, the bytes counted,
 * nothing done with them.
 *
 *     bare_consume BROKERS TOPIC PARTITIONS EVENTS
 *
 * Prints one JSON line: events, bytes, seconds (from the first record), cpu_seconds (of the
 * same span), rss_kib (peak). The queue settings are those of the worker.
 */
#include "common/base/error.h"
#include "common/base/span.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define BATCH 1000
#define WAIT_MS 100
#define QUIET_LIMIT 300 /* waits in a row without a record before giving up */

struct tally {
    int64_t events;
    int64_t bytes;
    double start_seconds;
    double start_cpu;
};

static double now_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_seconds(struct rusage *usage)
{
    (void)getrusage(RUSAGE_SELF, usage);
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
}

static rd_kafka_t *open_consumer(const char *brokers)
{
    char reason[256];
    const char *const settings[][2] = {{"bootstrap.servers", brokers},
                                       {"group.id", "bare-consume"},
                                       {"enable.auto.commit", "false"},
                                       {"fetch.queue.backoff.ms", "10"},
                                       {"queued.max.messages.kbytes", "32768"}};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t at = 0; at < sizeof(settings) / sizeof(settings[0]); at++)
        (void)rd_kafka_conf_set(conf, settings[at][0], settings[at][1], reason,
                                sizeof(reason));
    rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof(reason));
    if (kafka == NULL) {
        fprintf(stderr, "bare_consume: %s\n", reason);
        exit(EXIT_UNAVAILABLE);
    }
    return kafka;
}

static void assign_all(rd_kafka_t *kafka, const char *topic, int partitions)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int at = 0; at < partitions; at++)
        rd_kafka_topic_partition_list_add(list, topic, at)->offset =
            RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_error_t *fault = rd_kafka_incremental_assign(kafka, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (fault != NULL) {
        fprintf(stderr, "bare_consume: %s\n", rd_kafka_error_string(fault));
        exit(EXIT_UNAVAILABLE);
    }
}

static void count(struct tally *tally, rd_kafka_message_t **messages, ssize_t length)
{
    struct rusage usage;
    if (tally->events == 0) {
        tally->start_seconds = now_seconds();
        tally->start_cpu = cpu_seconds(&usage);
    }
    for (ssize_t at = 0; at < length; at++) {
        tally->events += messages[at]->err == RD_KAFKA_RESP_ERR_NO_ERROR;
        tally->bytes += (int64_t)messages[at]->len;
        rd_kafka_message_destroy(messages[at]);
    }
}

static void consume(rd_kafka_t *kafka, int64_t events, struct tally *tally)
{
    rd_kafka_message_t *messages[BATCH];
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(kafka);
    for (int quiet = 0; tally->events < events && quiet < QUIET_LIMIT; quiet++) {
        ssize_t length = rd_kafka_consume_batch_queue(queue, WAIT_MS, messages, BATCH);
        if (length > 0) {
            count(tally, messages, length);
            quiet = 0;
        }
    }
    rd_kafka_queue_destroy(queue);
}

int main(int argc, char **argv)
{
    int64_t partitions = 0;
    int64_t events = 0;
    struct tally tally = {0};
    struct rusage usage;
    if (argc != 5 || !span_to_int64(span_from(argv[3]), &partitions) || partitions < 1 ||
        !span_to_int64(span_from(argv[4]), &events)) {
        fputs("usage: bare_consume BROKERS TOPIC PARTITIONS EVENTS\n", stderr);
        return EXIT_USAGE;
    }
    rd_kafka_t *kafka = open_consumer(argv[1]);
    assign_all(kafka, argv[2], (int)partitions);
    consume(kafka, events, &tally);
    double seconds = now_seconds() - tally.start_seconds;
    double cpu = cpu_seconds(&usage) - tally.start_cpu;
    printf("{\"events\": %" PRId64 ", \"bytes\": %" PRId64
           ", \"seconds\": %.4f, \"cpu_seconds\": %.3f, \"rss_kib\": %ld}\n",
           tally.events, tally.bytes, seconds, cpu, usage.ru_maxrss);
    (void)rd_kafka_consumer_close(kafka);
    rd_kafka_destroy(kafka);
    return tally.events >= events ? 0 : EXIT_FAILURE;
}
