#include "common/runtime/feed_publisher.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/kafka_out.h"
#include "common/runtime/life.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define TOPIC_MAX 256
#define STRETCHES 64 /* marks whose records may be under way at once */
#define WAIT_MS 5
#define FLUSH_STEP_MS 100
#define ENDING_WAIT_MS 5000 /* for answers, once the process is asked to end */
#define STUCK_MS 90000 /* past message.timeout.ms: what waits so long is no full queue */

/* Defaults of a feed, before the operator's: a broker that restarts is waited for; the
 * queue is small, since a feed is as long as it likes. */
static const struct kafka_setting DEFAULTS[] = {
    {"message.timeout.ms", "60000"},
    {"queue.buffering.max.kbytes", "12288"},
    {"linger.ms", "20"},
};

/* The records between two marks. */
struct stretch {
    struct feed_publisher *publisher;
    int64_t mark; /* 0: still being sent */
    int64_t sent;
    atomic_llong acked;
};

struct feed_publisher {
    struct kafka_out *out;
    char topic[TOPIC_MAX];
    struct kafka_setting settings[CONFIG_KAFKA_PROPERTIES_MAX + COUNT_OF(DEFAULTS)];
    struct stretch stretches[STRETCHES];
    size_t first; /* the oldest that is not known to be reached */
    size_t count; /* of those, the one being sent included */
    int64_t reached;
    atomic_llong acked;
    atomic_bool failed;
    pthread_mutex_t mutex; /* guards `failure` */
    struct error failure;  /* the first one */
};

/* From the producer's thread. */
static void acked(void *opaque, const struct error *error)
{
    struct stretch *stretch = opaque;
    struct feed_publisher *publisher = stretch->publisher;
    if (error == NULL) {
        (void)atomic_fetch_add(&publisher->acked, 1);
        (void)atomic_fetch_add(&stretch->acked, 1);
        return;
    }
    pthread_mutex_lock(&publisher->mutex);
    if (!atomic_load(&publisher->failed))
        publisher->failure = *error;
    pthread_mutex_unlock(&publisher->mutex);
    atomic_store(&publisher->failed, true);
}

static enum status why_failed(struct feed_publisher *publisher, struct error *error)
{
    pthread_mutex_lock(&publisher->mutex);
    *error = publisher->failure;
    pthread_mutex_unlock(&publisher->mutex);
    return error->status;
}

void feed_publisher_close(struct feed_publisher **slot)
{
    struct feed_publisher *publisher = *slot;
    *slot = NULL;
    if (publisher == NULL)
        return;
    kafka_out_close(&publisher->out); /* no callback comes after this */
    (void)pthread_mutex_destroy(&publisher->mutex);
    free(publisher);
}

enum status feed_publisher_open(const struct config *config, const char *topic,
                                struct feed_publisher **out, struct error *error)
{
    SCOPED(feed_publisher_close)
    struct feed_publisher *publisher = calloc(1, sizeof(*publisher));
    if (publisher == NULL)
        return error_set(error, STATUS_FATAL, "out of memory");
    (void)pthread_mutex_init(&publisher->mutex, NULL);
    struct kafka_options options = config_kafka(config, "parstock-feed");
    memcpy(publisher->settings, DEFAULTS, sizeof(DEFAULTS));
    if (options.setting_count > 0)
        memcpy(publisher->settings + COUNT_OF(DEFAULTS), options.settings,
               options.setting_count * sizeof(*options.settings));
    options.settings = publisher->settings;
    options.setting_count += COUNT_OF(DEFAULTS);
    (void)snprintf(publisher->topic, sizeof(publisher->topic), "%s%s",
                   config->topic_prefix, topic);
    publisher->count = 1;
    for (size_t at = 0; at < STRETCHES; at++)
        publisher->stretches[at].publisher = publisher;
    enum status status = kafka_out_open(&options, acked, &publisher->out, error);
    if (status == STATUS_OK)
        *out = TAKE(publisher);
    return status;
}

static struct stretch *current(struct feed_publisher *publisher)
{
    return &publisher->stretches[(publisher->first + publisher->count - 1) % STRETCHES];
}

int64_t feed_publisher_reached(struct feed_publisher *publisher)
{
    while (publisher->count > 1) {
        struct stretch *oldest = &publisher->stretches[publisher->first];
        if (atomic_load(&oldest->acked) != oldest->sent)
            break;
        publisher->reached = oldest->mark;
        publisher->first = (publisher->first + 1) % STRETCHES;
        publisher->count--;
    }
    return publisher->reached;
}

/* Where all places are taken the mark is left out: the next one stands for it too. */
void feed_publisher_mark(struct feed_publisher *publisher, int64_t mark)
{
    (void)feed_publisher_reached(publisher);
    if (publisher->count == STRETCHES)
        return;
    ASSERT(mark > publisher->reached);
    current(publisher)->mark = mark;
    publisher->count++;
    struct stretch *next = current(publisher);
    next->mark = 0;
    next->sent = 0;
    atomic_store(&next->acked, 0);
}

int64_t feed_publisher_acked(const struct feed_publisher *publisher)
{
    return atomic_load(&publisher->acked);
}

size_t feed_publisher_waiting(const struct feed_publisher *publisher)
{
    return kafka_out_waiting(publisher->out);
}

/* One more try is due, after a wait; or why there is none. */
static enum status wait_for_room(struct feed_publisher *publisher, int64_t *acked_before,
                                 int *waited_ms, struct error *error)
{
    int64_t acked_now = feed_publisher_acked(publisher);
    if (atomic_load(&publisher->failed))
        return why_failed(publisher, error);
    if (life_ending())
        return error_set(error, STATUS_RETRY, "asked to end");
    if (acked_now != *acked_before)
        *waited_ms = 0;
    if (*waited_ms > STUCK_MS)
        return STATUS_RETRY; /* the error is that of the last try */
    *acked_before = acked_now;
    *waited_ms += WAIT_MS;
    life_wait_ms(WAIT_MS);
    return STATUS_OK;
}

enum status feed_publisher_send(struct feed_publisher *publisher,
                                const struct feed_record *record, struct error *error)
{
    struct stretch *stretch = current(publisher);
    const struct kafka_send send = {.topic = publisher->topic,
                                    .partition = KAFKA_PARTITION_BY_KEY,
                                    .key = record->key,
                                    .value = record->value,
                                    .headers = record->headers,
                                    .opaque = stretch};
    int64_t acked_before = feed_publisher_acked(publisher);
    int waited_ms = 0;
    if (atomic_load(&publisher->failed))
        return why_failed(publisher, error);
    enum status status = kafka_out_send(publisher->out, &send, error);
    while (status == STATUS_RETRY &&
           wait_for_room(publisher, &acked_before, &waited_ms, error) == STATUS_OK)
        status = kafka_out_send(publisher->out, &send, error);
    stretch->sent += status == STATUS_OK;
    return status;
}

enum status feed_publisher_finish(struct feed_publisher *publisher, int wait_ms,
                                  struct error *error)
{
    for (int waited = 0; waited < wait_ms && !atomic_load(&publisher->failed) &&
                         kafka_out_waiting(publisher->out) > 0 &&
                         !(life_ending() && waited >= ENDING_WAIT_MS);
         waited += FLUSH_STEP_MS)
        kafka_out_flush(publisher->out, FLUSH_STEP_MS);
    if (atomic_load(&publisher->failed))
        return why_failed(publisher, error);
    size_t left = kafka_out_waiting(publisher->out);
    if (left == 0)
        return STATUS_OK;
    return error_set(error, STATUS_RETRY, "%zu records have no answer of the broker yet",
                     left);
}
