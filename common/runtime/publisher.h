/*
 * Many small publications made one Kafka transaction at a time: what waits while one is
 * being committed goes into the next (group commit). A job is published whole or not at all,
 * and `done` says which, only after the broker has committed it.
 *
 * One thread of its own. Bounded: jobs that wait, how long they wait, bytes in a group. While
 * the broker is away jobs are refused at once and those that wait are given back after their
 * time, so that whoever sent them can be told to try again.
 */
#ifndef PARSTOCK_RUNTIME_PUBLISHER_H
#define PARSTOCK_RUNTIME_PUBLISHER_H

#include "common/io/kafka_batch.h"

struct publisher;

/* All three are called on the publisher's thread. */
struct publish_job {
    /* Sets the next record (topic included); false: that was all. */
    bool (*next)(struct publish_job *job, struct kafka_send *send);
    /* Begins anew at the first record; called before the first one too. */
    void (*rewind)(struct publish_job *job);
    /* Once. NULL: all of it is in the topic. Else none of it; STATUS_RETRY: the same may
     * succeed later, STATUS_REJECT: the broker does not take one of its records. */
    void (*done)(struct publish_job *job, const struct error *error);
    size_t bytes; /* of its records, about */
    /* the publisher's own */
    int64_t since_us;
    struct publish_job *after;
};

struct publisher_options {
    struct kafka_options kafka; /* kept by the caller, as are the texts */
    const char *id;             /* transactional id: of this process alone */
    const char *topic;          /* that must be there before anything is taken */
    size_t jobs_max;            /* that wait */
    int wait_ms;                /* that one may wait */
};

/* STATUS_FATAL where a setting is wrong; the broker being away is no error. */
enum status publisher_open(const struct publisher_options *options,
                           struct publisher **out, struct error *error);

/* Takes the job over. STATUS_RETRY: not taken; the error says why. Any thread. */
enum status publisher_submit(struct publisher *publisher, struct publish_job *job,
                             struct error *error);

/* STATUS_RETRY with the reason while nothing can be published. Any thread. */
enum status publisher_health(struct publisher *publisher, struct error *error);

bool publisher_is_mock(struct publisher *publisher); /* see kafka_batch_is_mock */

struct publisher_figures {
    int64_t waiting; /* jobs */
    int64_t batches; /* committed, ever */
    int64_t failed;  /* that were not, ever */
};
struct publisher_figures publisher_figures(struct publisher *publisher);

/* Publishes what waits, or gives it back where the broker is away; every job is done when
 * it returns. */
void publisher_close(struct publisher **slot);

#endif
