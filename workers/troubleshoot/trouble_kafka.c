#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/headers.h"
#include "common/codec/rfc3339.h"
#include "common/domain/reason.h"
#include "common/io/kafka_tail.h"
#include "common/io/store_drift.h"
#include "common/runtime/topic_table.h"
#include "workers/troubleshoot/troubleshoot.h"

#include <stdio.h>
#include <stdlib.h>

#define ASK_MS 8000
#define TAIL_RECORDS 2000 /* of each partition of the dead letters, the newest */
#define TAIL_MS 10000
#define NUMBER_MAX 24
#define HEADERS_BYTES_MAX ((size_t)1 << 20)

static const struct trouble_table TOPICS = {
    "topics", "topics of the broker", {"topic", "partitions", "usable", "records"}};
static const struct trouble_table LAG = {
    "lag", "stock changes that wait, by partition", {"partition", "end", "waiting"}};
static const struct trouble_table LETTERS = {
    "dead_letters",
    "dead letters of the span by reason, of the newest 2000 of each partition",
    {"reason", "letters", "newest", "remedy"}};

static struct span number(int64_t value, char room[NUMBER_MAX])
{
    (void)snprintf(room, NUMBER_MAX, "%lld", (long long)value);
    return span_from(room);
}

struct broker {
    struct trouble *trouble;
    struct kafka_admin *admin;
    struct topic_table declared;
    struct kafka_topic topics[TOPIC_COUNT];
};

/* Where each partition ends; NULL: it is not known. To be freed. */
static int64_t *ends_of(struct broker *broker, const struct kafka_topic *topic)
{
    struct error error = {0};
    int64_t *ends = calloc((size_t)topic->partitions + 1, sizeof *ends);
    if (ends == NULL ||
        kafka_admin_ends(broker->admin, topic, ends, ASK_MS, &error) == STATUS_OK)
        return ends;
    trouble_gap(broker->trouble, "topics", &error);
    free(ends);
    return NULL;
}

static int64_t sum_of(const int64_t *numbers, int32_t count)
{
    int64_t sum = 0;
    for (int32_t at = 0; at < count; at++)
        sum += numbers[at];
    return sum;
}

/* ---- lag ---------------------------------------------------------------------------------------- */

static void add_lag(struct broker *broker, const struct kafka_topic *topic,
                    const int64_t *ends, const int64_t *waiting)
{
    struct trouble *trouble = broker->trouble;
    struct trouble_section *section = trouble_section(trouble, &LAG);
    trouble->facts.unapplied = sum_of(waiting, topic->partitions);
    for (int32_t at = 0; section != NULL && at < topic->partitions &&
                         section->row_count < TROUBLE_ROWS_MAX;
         at++) {
        char rooms[3][NUMBER_MAX];
        const struct span cells[] = {number(at, rooms[0]), number(ends[at], rooms[1]),
                                     number(waiting[at], rooms[2])};
        trouble_add(trouble, section, cells);
    }
}

static void read_lag(struct broker *broker, const struct kafka_topic *topic,
                     const int64_t *ends)
{
    struct error error = {0};
    struct trouble *trouble = broker->trouble;
    int64_t *waiting = calloc((size_t)topic->partitions + 1, sizeof *waiting);
    const struct drift_marks marks = {span_from(topic->name), topic->partitions, ends};
    if (trouble->postgres == NULL || trouble->schema_version == 0)
        (void)error_set(&error, STATUS_RETRY,
                        "how far apply is stands in Postgres, which is away");
    else if (waiting != NULL)
        (void)store_drift_unapplied(trouble->postgres, &marks, waiting, &error);
    if (waiting == NULL || error.status != STATUS_OK)
        trouble_gap(trouble, "lag", &error);
    else
        add_lag(broker, topic, ends, waiting);
    free(waiting);
}

/* ---- dead letters --------------------------------------------------------------------------------- */

struct letters {
    struct trouble *trouble;
    struct buf headers;
    int64_t counts[REASON_COUNT]; /* REASON_NONE: a code that is none of ours */
    int64_t newest_ms[REASON_COUNT];
};

/* By the header that apply adds last; a word that is no code of ours is not repeated. */
static enum reason reason_of(struct letters *letters,
                             const struct kafka_tail_record *record)
{
    struct span name;
    struct span value;
    enum reason found = REASON_NONE;
    buf_clear(&letters->headers);
    kafka_tail_headers(record, &letters->headers);
    struct span bytes = buf_view(&letters->headers);
    while (headers_next(&bytes, &name, &value))
        for (int at = 0; span_is(name, "parstock.reason") && at < REASON_COUNT; at++)
            if (span_is(value, reason_code((enum reason)at)))
                found = (enum reason)at;
    return found;
}

/* Of what was refused nothing but its reason is kept: it may be anything. */
static void take_letter(void *self, const struct kafka_tail_record *record)
{
    struct letters *letters = self;
    if (record->timestamp_ms * 1000 < letters->trouble->since_us)
        return;
    enum reason reason = reason_of(letters, record);
    letters->counts[reason]++;
    letters->trouble->facts.dead_letters++;
    if (record->timestamp_ms > letters->newest_ms[reason])
        letters->newest_ms[reason] = record->timestamp_ms;
}

static void add_letters(struct trouble *trouble, const struct letters *letters)
{
    struct trouble_section *section = trouble_section(trouble, &LETTERS);
    for (int at = 0; section != NULL && at < REASON_COUNT; at++) {
        char count[NUMBER_MAX];
        char newest[RFC3339_TEXT_MAX];
        rfc3339_format(letters->newest_ms[at] * 1000, newest);
        const struct span cells[] = {
            span_from(at == REASON_NONE ? "other" : reason_code((enum reason)at)),
            number(letters->counts[at], count), span_from(newest),
            span_from(at == REASON_NONE ? "" : reason_remedy((enum reason)at))};
        if (letters->counts[at] > 0)
            trouble_add(trouble, section, cells);
    }
}

static void read_letters(struct trouble *trouble, const struct kafka_topic *topic)
{
    struct error error = {0};
    bool is_whole = false;
    struct letters *letters = calloc(1, sizeof *letters);
    if (letters == NULL)
        return;
    letters->trouble = trouble;
    buf_init(&letters->headers, HEADERS_BYTES_MAX);
    const struct kafka_tail tail = {
        .kafka = config_kafka(trouble->config, "parstock-troubleshoot"),
        .topic = topic->name,
        .records = TAIL_RECORDS,
        .timeout_ms = TAIL_MS,
        .each = take_letter,
        .self = letters};
    if (kafka_tail_read(&tail, &is_whole, &error) != STATUS_OK)
        trouble_gap(trouble, "dead_letters", &error);
    else
        add_letters(trouble, letters);
    buf_free(&letters->headers);
    free(letters);
}

/* ---- all of it ----------------------------------------------------------------------------------- */

static bool is_named(const struct kafka_topic *topic, const char *end)
{
    size_t length = strlen(topic->name);
    size_t wanted = strlen(end);
    return length >= wanted && strcmp(topic->name + length - wanted, end) == 0;
}

static void read_topic(struct broker *broker, struct trouble_section *section,
                       const struct kafka_topic *topic)
{
    char rooms[2][NUMBER_MAX];
    int64_t *ends = topic->partitions > 0 ? ends_of(broker, topic) : NULL;
    const struct span cells[] = {
        span_from(topic->name), number(topic->partitions, rooms[0]),
        span_from(topic->usable ? "yes" : "no"),
        ends != NULL ? number(sum_of(ends, topic->partitions), rooms[1])
                     : (struct span){0}};
    if (section != NULL)
        trouble_add(broker->trouble, section, cells);
    if (ends != NULL && is_named(topic, "stock-changes"))
        read_lag(broker, topic, ends);
    if (ends != NULL && is_named(topic, "dead-letters"))
        read_letters(broker->trouble, topic);
    free(ends);
}

static enum status open_broker(struct broker *broker, struct error *error)
{
    const struct config *config = broker->trouble->config;
    const struct kafka_options options = config_kafka(config, "parstock-troubleshoot");
    if (config->kafka_brokers == NULL)
        return error_set(error, STATUS_REJECT, "PARSTOCK_KAFKA_BROKERS is not set");
    topic_table_fill(config, &broker->declared);
    for (size_t at = 0; at < TOPIC_COUNT; at++)
        broker->topics[at] =
            (struct kafka_topic){.name = broker->declared.topics[at].name};
    enum status status = kafka_admin_open(&options, &broker->admin, error);
    return status == STATUS_OK ? kafka_admin_topics(broker->admin, broker->topics,
                                                    TOPIC_COUNT, ASK_MS, error)
                               : status;
}

void trouble_kafka(struct trouble *trouble)
{
    struct error error = {0};
    struct broker broker = {.trouble = trouble};
    if (open_broker(&broker, &error) != STATUS_OK) {
        trouble->facts.broker_away = true;
        trouble_gap(trouble, "kafka", &error);
    } else {
        trouble->answers++;
        struct trouble_section *section = trouble_section(trouble, &TOPICS);
        for (size_t at = 0; at < TOPIC_COUNT; at++)
            read_topic(&broker, section, &broker.topics[at]);
    }
    kafka_admin_close(&broker.admin);
}
