#include "common/runtime/publisher.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/runtime/life.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define GROUP_JOBS_MAX 512
#define GROUP_BYTES_MAX ((size_t)12 * 1024 * 1024)
#define IDLE_WAIT_MS 100
#define JOIN_WAIT_MS 1000
#define PROBE_WAIT_MS 1000
#define ADD_WAIT_MS 5000
#define COMMIT_WAIT_MS 9000
#define AWAY_WAIT_MS 200
#define ANEW_WAIT_MS 1000 /* a producer that was given up is opened anew */

struct publisher {
    struct publisher_options options;
    struct kafka_batch *batch; /* the thread's own */
    bool is_probed;            /* the topic was seen since the broker was last away */
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t news;
    struct publish_job *first;
    struct publish_job *last;
    size_t waiting;
    bool ending;
    bool is_mock;
    struct error trouble; /* STATUS_OK: all is well */
    atomic_long batches;
    atomic_long failed;
};

struct group {
    struct publish_job *jobs[GROUP_JOBS_MAX];
    size_t count;
};

/* ---- jobs that wait ------------------------------------------------------------------------ */

static struct publish_job *take_first(struct publisher *publisher)
{
    struct publish_job *job = publisher->first;
    publisher->first = job->after;
    if (publisher->first == NULL)
        publisher->last = NULL;
    publisher->waiting--;
    return job;
}

static void take_group(struct publisher *publisher, struct group *group)
{
    size_t bytes = 0;
    group->count = 0;
    while (publisher->first != NULL && group->count < GROUP_JOBS_MAX) {
        if (group->count > 0 && bytes + publisher->first->bytes > GROUP_BYTES_MAX)
            return;
        struct publish_job *job = take_first(publisher);
        bytes += job->bytes;
        group->jobs[group->count++] = job;
    }
}

/* With the lock held. */
static void wait_for_news(struct publisher *publisher, int64_t ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    (void)pthread_cond_timedwait(&publisher->news, &publisher->lock, &until);
}

static void give_back(struct publish_job *job, const struct error *error)
{
    job->done(job, error);
}

/* Those that have waited their time, or all. */
static void give_back_late(struct publisher *publisher, const struct error *error)
{
    int64_t longest_us = (int64_t)publisher->options.wait_ms * 1000;
    for (;;) {
        struct publish_job *job = NULL;
        (void)pthread_mutex_lock(&publisher->lock);
        int64_t oldest_us = clock_monotonic_us() - longest_us;
        if (publisher->first != NULL &&
            (publisher->ending || publisher->first->since_us < oldest_us))
            job = take_first(publisher);
        (void)pthread_mutex_unlock(&publisher->lock);
        if (job == NULL)
            return;
        give_back(job, error);
    }
}

/* ---- the broker ---------------------------------------------------------------------------- */

static void note_trouble(struct publisher *publisher, const struct error *error)
{
    (void)pthread_mutex_lock(&publisher->lock);
    publisher->trouble = *error;
    if (publisher->batch != NULL)
        publisher->is_mock = kafka_batch_is_mock(publisher->batch);
    (void)pthread_mutex_unlock(&publisher->lock);
}

/* Everything is there to publish: a producer that has joined, the topic. */
static enum status get_ready(struct publisher *publisher, struct error *error)
{
    enum status status = STATUS_OK;
    if (publisher->batch == NULL)
        status = kafka_batch_open(&publisher->options.kafka, publisher->options.id,
                                  &publisher->batch, error);
    if (status == STATUS_OK)
        status = kafka_batch_join(publisher->batch, JOIN_WAIT_MS, error);
    if (status == STATUS_OK && kafka_batch_is_away(publisher->batch))
        publisher->is_probed = false;
    if (status == STATUS_OK && !publisher->is_probed) {
        status = kafka_batch_probe(publisher->batch, publisher->options.topic,
                                   PROBE_WAIT_MS, error);
        publisher->is_probed = status == STATUS_OK;
    }
    if (status == STATUS_FATAL) {
        kafka_batch_close(&publisher->batch);
        publisher->is_probed = false;
    }
    return status;
}

/* ---- publishing ---------------------------------------------------------------------------- */

static enum status add_job(struct publisher *publisher, struct publish_job *job,
                           struct error *error)
{
    enum status status = STATUS_OK;
    struct kafka_send send = {0};
    job->rewind(job);
    while (status == STATUS_OK && job->next(job, &send)) {
        status = kafka_batch_add(publisher->batch, &send, ADD_WAIT_MS, error);
        send = (struct kafka_send){0};
    }
    return status;
}

static enum status try_group(struct publisher *publisher, const struct group *group,
                             struct error *error)
{
    enum status status = kafka_batch_begin(publisher->batch, error);
    for (size_t at = 0; at < group->count && status == STATUS_OK; at++)
        status = add_job(publisher, group->jobs[at], error);
    if (status == STATUS_OK)
        status = kafka_batch_commit(publisher->batch, COMMIT_WAIT_MS, error);
    if (status == STATUS_FATAL) {
        kafka_batch_close(&publisher->batch);
        publisher->is_probed = false;
    }
    atomic_fetch_add(status == STATUS_OK ? &publisher->batches : &publisher->failed, 1);
    return status;
}

static void end_group(const struct group *group, const struct error *error)
{
    for (size_t at = 0; at < group->count; at++)
        give_back(group->jobs[at], error);
}

/* One job that the broker refuses must not fail its neighbours: then each goes alone. */
static void publish_each(struct publisher *publisher, const struct group *group)
{
    for (size_t at = 0; at < group->count; at++) {
        const struct group alone = {.jobs = {group->jobs[at]}, .count = 1};
        struct error error = {0};
        enum status status = get_ready(publisher, &error);
        if (status == STATUS_OK)
            status = try_group(publisher, &alone, &error);
        give_back(group->jobs[at], status == STATUS_OK ? NULL : &error);
    }
}

static void publish(struct publisher *publisher, const struct group *group)
{
    struct error error = {0};
    enum status status = try_group(publisher, group, &error);
    if (status == STATUS_REJECT && group->count > 1) {
        publish_each(publisher, group);
        return;
    }
    /* nobody's job is at fault: a fresh producer may take the same again */
    if (status == STATUS_FATAL)
        error.status = STATUS_RETRY;
    end_group(group, status == STATUS_OK ? NULL : &error);
}

static bool is_over(struct publisher *publisher)
{
    (void)pthread_mutex_lock(&publisher->lock);
    bool over = publisher->ending && publisher->first == NULL;
    (void)pthread_mutex_unlock(&publisher->lock);
    return over;
}

static void wait_away(struct publisher *publisher, int64_t ms)
{
    (void)pthread_mutex_lock(&publisher->lock);
    if (!publisher->ending)
        wait_for_news(publisher, ms);
    (void)pthread_mutex_unlock(&publisher->lock);
}

static void *run(void *self)
{
    struct publisher *publisher = self;
    static const struct error NO_TROUBLE = {0};
    struct group *group = calloc(1, sizeof(*group));
    ASSERT(group != NULL);
    while (!is_over(publisher)) {
        struct error error = {0};
        enum status status = get_ready(publisher, &error);
        if (status != STATUS_OK) {
            error.status = STATUS_RETRY;
            note_trouble(publisher, &error);
            give_back_late(publisher, &error);
            wait_away(publisher, status == STATUS_FATAL ? ANEW_WAIT_MS : AWAY_WAIT_MS);
            continue;
        }
        note_trouble(publisher, &NO_TROUBLE);
        (void)pthread_mutex_lock(&publisher->lock);
        if (publisher->first == NULL && !publisher->ending)
            wait_for_news(publisher, IDLE_WAIT_MS);
        take_group(publisher, group);
        (void)pthread_mutex_unlock(&publisher->lock);
        kafka_batch_idle(publisher->batch, 0);
        if (group->count > 0)
            publish(publisher, group);
    }
    free(group);
    return NULL;
}

/* ---- opening, submitting, closing ----------------------------------------------------------- */

static void init_locks(struct publisher *publisher)
{
    pthread_condattr_t monotonic;
    (void)pthread_mutex_init(&publisher->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&publisher->news, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
}

enum status publisher_open(const struct publisher_options *options,
                           struct publisher **out, struct error *error)
{
    SCOPED(publisher_close) struct publisher *publisher = calloc(1, sizeof(*publisher));
    if (publisher == NULL)
        return error_set(error, STATUS_RETRY, "publisher: out of memory");
    publisher->options = *options;
    init_locks(publisher);
    (void)error_set(&publisher->trouble, STATUS_RETRY, "the broker has not answered yet");
    enum status status =
        kafka_batch_open(&options->kafka, options->id, &publisher->batch, error);
    if (status != STATUS_OK)
        return status;
    if (pthread_create(&publisher->thread, NULL, run, publisher) != 0)
        return error_set(error, STATUS_RETRY, "publisher: cannot start a thread");
    publisher->started = true;
    *out = TAKE(publisher);
    return STATUS_OK;
}

/* With the lock held. */
static enum status may_take(const struct publisher *publisher, struct error *error)
{
    if (publisher->trouble.status != STATUS_OK) {
        *error = publisher->trouble;
        return STATUS_RETRY;
    }
    if (publisher->ending || publisher->waiting >= publisher->options.jobs_max)
        return error_set_code(error, STATUS_RETRY, "full",
                              "too much waits to be published already");
    return STATUS_OK;
}

enum status publisher_submit(struct publisher *publisher, struct publish_job *job,
                             struct error *error)
{
    job->since_us = clock_monotonic_us();
    job->after = NULL;
    (void)pthread_mutex_lock(&publisher->lock);
    enum status status = may_take(publisher, error);
    if (status == STATUS_OK) {
        if (publisher->last != NULL)
            publisher->last->after = job;
        else
            publisher->first = job;
        publisher->last = job;
        publisher->waiting++;
        (void)pthread_cond_signal(&publisher->news);
    }
    (void)pthread_mutex_unlock(&publisher->lock);
    return status;
}

enum status publisher_health(struct publisher *publisher, struct error *error)
{
    (void)pthread_mutex_lock(&publisher->lock);
    *error = publisher->trouble;
    (void)pthread_mutex_unlock(&publisher->lock);
    return error->status;
}

bool publisher_is_mock(struct publisher *publisher)
{
    (void)pthread_mutex_lock(&publisher->lock);
    bool is_mock = publisher->is_mock;
    (void)pthread_mutex_unlock(&publisher->lock);
    return is_mock;
}

struct publisher_figures publisher_figures(struct publisher *publisher)
{
    (void)pthread_mutex_lock(&publisher->lock);
    int64_t waiting = (int64_t)publisher->waiting;
    (void)pthread_mutex_unlock(&publisher->lock);
    return (struct publisher_figures){.waiting = waiting,
                                      .batches = atomic_load(&publisher->batches),
                                      .failed = atomic_load(&publisher->failed)};
}

void publisher_close(struct publisher **slot)
{
    struct publisher *publisher = TAKE(*slot);
    if (publisher == NULL)
        return;
    if (publisher->started) {
        (void)pthread_mutex_lock(&publisher->lock);
        publisher->ending = true;
        (void)pthread_cond_signal(&publisher->news);
        (void)pthread_mutex_unlock(&publisher->lock);
        (void)pthread_join(publisher->thread, NULL);
        ASSERT(publisher->first == NULL);
    }
    kafka_batch_close(&publisher->batch);
    (void)pthread_cond_destroy(&publisher->news);
    (void)pthread_mutex_destroy(&publisher->lock);
    free(publisher);
}
