/*
 * Records of the past published once more, one after the other: decoded, chosen, paced.
 */
#ifndef PARSTOCK_WORKERS_REPLAY_FEED_H
#define PARSTOCK_WORKERS_REPLAY_FEED_H

#include "common/codec/event_json.h"
#include "common/codec/record_json.h"
#include "common/domain/replay_offer.h"
#include "common/io/store_replay_batch.h"
#include "common/runtime/feed_publisher.h"
#include "common/runtime/pace.h"
#include "workers/replay/replay.h"

struct replay_feed {
    struct replay *replay;
    struct feed_publisher *publisher; /* NULL: only looked at */
    struct event_decoder *decoder;
    struct pool pool;   /* of one record */
    struct buf headers; /* of one record */
    struct span batch;  /* its id goes along in a header */
    struct pace pace;
    struct batch_counts counts; /* since replay_feed_settle */
};

enum status replay_feed_open(struct replay *replay, struct span batch, bool publishes,
                             struct replay_feed *feed, struct error *error);
void replay_feed_close(struct replay_feed *feed);

/* Publishes the record if it may be; waits as --rate says. */
enum status replay_feed_offer(struct replay_feed *feed,
                              const struct archived_record *record, struct error *error);

/* Everything that was offered is in the topic. */
enum status replay_feed_settle(struct replay_feed *feed, struct error *error);

#endif
