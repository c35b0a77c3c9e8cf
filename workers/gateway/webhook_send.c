#include "common/base/scope.h"
#include "common/runtime/life.h"
#include "workers/gateway/webhook.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define VALUE_MAX ((size_t)EVENT_VALUE_MAX)
#define WAIT_STEP_MS 50

/*
 * What one sender waits for. It outlives the sender where the broker is late: whoever comes
 * last frees it.
 */
struct ticket {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    size_t waiting; /* records without an answer */
    bool failed;
    bool is_left;        /* the sender waits no more */
    atomic_bool *broken; /* the door's */
};

static struct ticket *ticket_new(struct webhook_door *door)
{
    struct ticket *ticket = calloc(1, sizeof *ticket);
    if (ticket == NULL)
        return NULL;
    ticket->broken = &door->broken;
    (void)pthread_mutex_init(&ticket->lock, NULL);
    (void)pthread_cond_init(&ticket->answered, NULL);
    return ticket;
}

static void ticket_free(struct ticket *ticket)
{
    (void)pthread_mutex_destroy(&ticket->lock);
    (void)pthread_cond_destroy(&ticket->answered);
    free(ticket);
}

static void ticket_leave(struct ticket **slot)
{
    struct ticket *ticket = TAKE(*slot);
    if (ticket == NULL)
        return;
    (void)pthread_mutex_lock(&ticket->lock);
    ticket->is_left = true;
    bool last = ticket->waiting == 0;
    (void)pthread_mutex_unlock(&ticket->lock);
    if (last)
        ticket_free(ticket);
}

/* From the producer's thread. */
static void acked(void *opaque, const struct error *error)
{
    struct ticket *ticket = opaque;
    if (error != NULL && error->status == STATUS_FATAL)
        atomic_store(ticket->broken, true);
    (void)pthread_mutex_lock(&ticket->lock);
    ticket->waiting--;
    ticket->failed = ticket->failed || error != NULL;
    if (ticket->waiting == 0)
        (void)pthread_cond_signal(&ticket->answered);
    bool last = ticket->waiting == 0 && ticket->is_left;
    (void)pthread_mutex_unlock(&ticket->lock);
    if (last)
        ticket_free(ticket);
}

enum status webhook_send_open(struct webhook_door *door, struct error *error)
{
    const struct kafka_options kafka = config_kafka(door->config, "parstock-gateway");
    return kafka_out_open(&kafka, acked, &door->out, error);
}

void webhook_send_close(struct webhook_door *door)
{
    kafka_out_close(&door->out);
    (void)pthread_rwlock_destroy(&door->sending);
}

/* A producer that gave up is of no use any more: a new one takes its place. */
static enum status mend(struct webhook_door *door, struct error *error)
{
    if (!atomic_load(&door->broken))
        return STATUS_OK;
    enum status status = STATUS_OK;
    (void)pthread_rwlock_wrlock(&door->sending);
    if (atomic_load(&door->broken)) {
        kafka_out_close(&door->out);
        status = webhook_send_open(door, error);
        atomic_store(&door->broken, status != STATUS_OK);
    }
    (void)pthread_rwlock_unlock(&door->sending);
    return status;
}

static void expect(struct ticket *ticket)
{
    (void)pthread_mutex_lock(&ticket->lock);
    ticket->waiting++;
    (void)pthread_mutex_unlock(&ticket->lock);
}

/* It was not even taken: no answer will come. */
static void expect_no_more(struct ticket *ticket)
{
    (void)pthread_mutex_lock(&ticket->lock);
    ticket->waiting--;
    (void)pthread_mutex_unlock(&ticket->lock);
}

static enum status send_one(struct webhook_door *door, const struct webhook_event *event,
                            struct ticket *ticket, struct error *error)
{
    SCOPED(buf_free) struct buf value = {0};
    buf_init(&value, VALUE_MAX);
    webhook_event_value(event, &value);
    if (value.failed)
        return error_set(error, STATUS_RETRY, "out of memory");
    const struct kafka_send send = {.topic = door->topic,
                                    .partition = KAFKA_PARTITION_BY_KEY,
                                    .key = event->sku,
                                    .value = buf_view(&value),
                                    .headers = {.bytes = "", .length = 0},
                                    .opaque = ticket};
    if (door->out == NULL)
        return error_set(error, STATUS_RETRY, "the producer is being opened anew");
    expect(ticket);
    enum status status = kafka_out_send(door->out, &send, error);
    if (status != STATUS_OK)
        expect_no_more(ticket);
    return status;
}

static struct timespec in_ms(int64_t ms)
{
    struct timespec when;
    (void)clock_gettime(CLOCK_REALTIME, &when);
    when.tv_nsec += (long)(ms % 1000) * 1000000L;
    when.tv_sec += (time_t)(ms / 1000) + when.tv_nsec / 1000000000L;
    when.tv_nsec %= 1000000000L;
    return when;
}

static enum status await(struct ticket *ticket, int64_t deadline_us, struct error *error)
{
    (void)pthread_mutex_lock(&ticket->lock);
    while (ticket->waiting > 0 && clock_monotonic_us() < deadline_us) {
        const struct timespec until = in_ms(WAIT_STEP_MS);
        (void)pthread_cond_timedwait(&ticket->answered, &ticket->lock, &until);
    }
    bool good = ticket->waiting == 0 && !ticket->failed;
    (void)pthread_mutex_unlock(&ticket->lock);
    return good ? STATUS_OK
                : error_set(error, STATUS_RETRY, "the broker has not taken it in time");
}

enum status webhook_send(struct webhook_door *door, const struct webhook_letters *letters,
                         struct error *error)
{
    if (letters->count == 0)
        return STATUS_OK;
    SCOPED(ticket_leave) struct ticket *ticket = ticket_new(door);
    if (ticket == NULL)
        return error_set(error, STATUS_RETRY, "out of memory");
    enum status status = mend(door, error);
    (void)pthread_rwlock_rdlock(&door->sending);
    for (size_t at = 0; at < letters->count && status == STATUS_OK; at++)
        status = send_one(door, &letters->events[at], ticket, error);
    (void)pthread_rwlock_unlock(&door->sending);
    return status == STATUS_OK ? await(ticket, letters->deadline_us, error)
                               : STATUS_RETRY;
}
