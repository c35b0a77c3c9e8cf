/*
 * Inside of 'parstock dead-letters retry'.
 */
#ifndef PARSTOCK_WORKERS_DEAD_LETTERS_LETTERS_RETRY_H
#define PARSTOCK_WORKERS_DEAD_LETTERS_LETTERS_RETRY_H

#include "common/domain/letter_rules.h"
#include "common/runtime/feed_publisher.h"
#include "workers/dead_letters/letters.h"

struct retried {
    struct letters_attempt attempt;
    const struct letter_rule *rule;
    int64_t number; /* of the try; 0 = it was not sent */
};

/* One command. */
struct retrying {
    struct letters *self;
    struct pool pool;
    struct letters_attempt *attempts; /* LETTERS_MAX */
    struct retried *rows;             /* one an attempt, once judged */
    size_t count;
    size_t left_out; /* of a filter: sent again before */
    size_t to_send;
    int64_t command; /* its number, once anything is to be sent */
    size_t refused;
    struct span by;
    struct span why;
    struct buf value;
    struct buf headers;
    struct feed_publisher *publisher;
};

/* letters_send.c: writes down and sends those whose rule says so. What was sent stays sent
 * where it fails on the way. */
enum status retrying_send(struct retrying *retrying, struct error *error);

/* letters_told.c: what was done, or would be. */
void retrying_print(const struct retrying *retrying);

#endif
