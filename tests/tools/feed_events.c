/*
 * Lines "partition<TAB>key<TAB>timestamp_ms<TAB>value" of a file to a topic.
 *
 *     feed_events BROKERS TOPIC PER_SECOND LINGER_MS FILE
 *
 * PER_SECOND 0: as fast as the broker takes them. Otherwise an open loop: line n is due at
 * start + n / PER_SECOND whatever became of those before. Ends once the broker has
 * acknowledged every line, and prints one JSON line: events, start_us (CLOCK_MONOTONIC),
 * seconds, latest_us (how much after its due time the latest line was handed over).
 */
#include "common/base/error.h"
#include "common/base/span.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FLUSH_LIMIT_MS 120000

static int64_t failures;

static int64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void wait_until_us(int64_t due_us)
{
    const struct timespec due = {.tv_sec = due_us / 1000000,
                                 .tv_nsec = due_us % 1000000 * 1000};
    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

static void delivered(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque)
{
    (void)kafka;
    (void)opaque;
    failures += message->err != RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_t *open_producer(const char *brokers, const char *linger_ms)
{
    char reason[256];
    const char *const settings[][2] = {{"bootstrap.servers", brokers},
                                       {"linger.ms", linger_ms},
                                       {"enable.idempotence", "true"},
                                       {"log_level", "3"},
                                       {"queue.buffering.max.messages", "200000"}};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    for (size_t at = 0; at < sizeof(settings) / sizeof(settings[0]); at++) {
        if (rd_kafka_conf_set(conf, settings[at][0], settings[at][1], reason,
                              sizeof(reason)) != RD_KAFKA_CONF_OK) {
            fprintf(stderr, "feed_events: %s\n", reason);
            exit(EXIT_USAGE);
        }
    }
    rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    if (kafka == NULL) {
        fprintf(stderr, "feed_events: %s\n", reason);
        exit(EXIT_UNAVAILABLE);
    }
    return kafka;
}

struct line {
    int64_t partition;
    int64_t timestamp_ms;
    char *key;
    char *value;
};

static bool split(char *text, struct line *line)
{
    char *rest = text;
    const char *partition = strsep(&rest, "\t");
    line->key = strsep(&rest, "\t");
    const char *timestamp = strsep(&rest, "\t");
    line->value = strsep(&rest, "\n");
    return line->value != NULL && span_to_int64(span_from(partition), &line->partition) &&
           span_to_int64(span_from(timestamp), &line->timestamp_ms);
}

static bool send_line(rd_kafka_t *kafka, const char *topic, const struct line *line)
{
    rd_kafka_resp_err_t fault;
    do {
        fault =
            rd_kafka_producev(kafka, RD_KAFKA_V_TOPIC(topic),
                              RD_KAFKA_V_PARTITION((int32_t)line->partition),
                              RD_KAFKA_V_KEY(line->key, strlen(line->key)),
                              RD_KAFKA_V_VALUE(line->value, strlen(line->value)),
                              RD_KAFKA_V_TIMESTAMP(line->timestamp_ms),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
        (void)rd_kafka_poll(kafka, fault == RD_KAFKA_RESP_ERR__QUEUE_FULL ? 10 : 0);
    } while (fault == RD_KAFKA_RESP_ERR__QUEUE_FULL);
    return fault == RD_KAFKA_RESP_ERR_NO_ERROR;
}

struct tally {
    int64_t events;
    int64_t start_us;
    int64_t latest_us;
};

struct job {
    const char *topic;
    int64_t per_second;
    FILE *file;
};

static bool feed(rd_kafka_t *kafka, const struct job *job, struct tally *tally)
{
    char *text = NULL;
    size_t room = 0;
    bool well = true;
    tally->start_us = now_us();
    while (well && getline(&text, &room, job->file) > 0) {
        struct line line;
        if (job->per_second > 0) {
            int64_t due_us = tally->start_us + tally->events * 1000000 / job->per_second;
            if (due_us > now_us())
                wait_until_us(due_us);
            int64_t late_us = now_us() - due_us;
            tally->latest_us = late_us > tally->latest_us ? late_us : tally->latest_us;
        }
        well = split(text, &line) && send_line(kafka, job->topic, &line);
        tally->events += well;
    }
    free(text);
    return well;
}

int main(int argc, char **argv)
{
    struct job job = {0};
    struct tally tally = {0};
    if (argc != 6 || !span_to_int64(span_from(argv[3]), &job.per_second) ||
        job.per_second < 0) {
        fputs("usage: feed_events BROKERS TOPIC PER_SECOND LINGER_MS FILE\n", stderr);
        return EXIT_USAGE;
    }
    job.topic = argv[2];
    job.file = fopen(argv[5], "rb");
    if (job.file == NULL) {
        fprintf(stderr, "feed_events: %s cannot be read\n", argv[5]);
        return EXIT_DATA;
    }
    rd_kafka_t *kafka = open_producer(argv[1], argv[4]);
    bool well = feed(kafka, &job, &tally);
    (void)fclose(job.file);
    well = rd_kafka_flush(kafka, FLUSH_LIMIT_MS) == RD_KAFKA_RESP_ERR_NO_ERROR && well;
    double seconds = (double)(now_us() - tally.start_us) / 1e6;
    rd_kafka_destroy(kafka);
    printf("{\"events\": %" PRId64 ", \"start_us\": %" PRId64
           ", \"seconds\": %.4f, \"latest_us\": %" PRId64 "}\n",
           tally.events, tally.start_us, seconds, tally.latest_us);
    if (!well || failures > 0)
        fprintf(stderr, "feed_events: line %" PRId64 " is broken, or not all arrived\n",
                tally.events + 1);
    return well && failures == 0 ? 0 : EXIT_FAILURE;
}
