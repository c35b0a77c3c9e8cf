/*
 * What push tells people: an incident a refused pair, opened once, ended by itself.
 *
 *     look    pairs and open incidents are held against each other in one transaction under
 *             the lease; what changes goes into the table shop_outbox with it
 *     tell    rows of that table to the topic, in order, deleted once the broker has them
 *
 * Both go by what the tables hold and not by what happened here, so that a kill at any
 * instruction loses nothing: the next holder of the lease looks and tells. Delivery is at
 * least once; a row's bytes, and so its ce_id, are made once. Why push relays itself: rows
 * of apply's outbox go by partition and are relayed by its owner, and a process that pushes
 * need not have one of apply beside it.
 *
 * Without Kafka the rows wait in the table for a process that has it. The shop is written
 * whatever becomes of this: the broker being away is no reason to leave a shop wrong.
 */
#ifndef PARSTOCK_WORKERS_PUSH_PUSH_NEWS_H
#define PARSTOCK_WORKERS_PUSH_PUSH_NEWS_H

#include "common/io/kafka_out.h"
#include "common/runtime/config.h"

#include <stdatomic.h>

struct pusher;

struct push_news {
    int64_t epoch;   /* of the lease under which this was last true */
    int64_t look_us; /* when the pairs are looked at next; monotonic */
    bool owed;       /* the table may hold rows that the broker lacks */
    int64_t tell_us; /* not before; monotonic */
    struct kafka_out *out;
    int64_t sent_up_to; /* id of the last row under way; 0 = none are */
    atomic_int pending; /* records without an answer */
    atomic_bool failed; /* one of them was not taken */
    atomic_bool broken; /* the producer must be opened anew */
    bool complained;
};

/* A setting of Kafka that is wrong ends push at its start, not at its first incident. Says
 * so where there is none: then nobody is told. */
enum status push_news_check(const struct config *config, struct error *error);

/* Looks where it is time to, and tells what is owed. False: the connection or the lease is
 * gone, and the step with it. Never waits for Kafka. */
bool push_news(struct pusher *pusher);

/* Pairs of this write were refused: looked at in the leader's next step. */
void push_news_refused(struct pusher *pusher, int64_t write_id);

/* A last chance for what is under way; closes the producer. */
void push_news_leave(struct pusher *pusher);

#endif
