/*
 * What the parts of the apply worker share.
 */
#ifndef PARSTOCK_WORKERS_APPLY_APPLY_H
#define PARSTOCK_WORKERS_APPLY_APPLY_H

#include "common/io/kafka_in.h"
#include "common/io/kafka_out.h"
#include "common/runtime/config.h"
#include "common/runtime/shadow.h"
#include "workers/apply/lane.h"

#include <stdatomic.h>

#define APPLY_OWNER_MAX 160

/* A trouble that was logged lately. */
struct said {
    char code[48];
    int64_t at_us;
};

/* What the group's thread remembers; group.c. */
struct group {
    pthread_mutex_t lock; /* of `said`: troubles come from the lanes too */
    struct said said[8];
    int64_t take_wait_us; /* between two tries to take a partition */
    int64_t take_after_us;
    struct metric *stopped;
    struct metric *skipped;
    struct metric *lag_records;
    struct metric *lag_seconds;
};

struct apply {
    struct config config;
    bool accept_gap;    /* go on where records fell out of the topic unread */
    const char *shadow; /* its name: judge into that schema, emit nothing; NULL: live */
    int64_t round;      /* of work on the shadow */
    int64_t rate;       /* of a shadow: records a second at most; 0: as fast as it goes */
    struct batch_choice choice; /* of a shadow: which events */
    const char *schema;         /* of all tables */
    char shadow_schema[SHADOW_SCHEMA_MAX];
    struct buf contract_text;
    struct contract *contract;
    char topic[256];            /* inventory.stock-changes, with the prefix */
    struct relay_topics topics; /* that records go out to */
    char group[256];
    char owner[APPLY_OWNER_MAX]; /* host, pid and a random part: names this process */
    struct kafka_setting settings[CONFIG_KAFKA_PROPERTIES_MAX];
    struct kafka_out *out;
    struct kafka_in *in;
    struct group membership;
    struct postgres *postgres; /* of the group's thread, for taking partitions */
    struct lane lanes[KAFKA_LANES_MAX];
    int lane_count;
    atomic_int lanes_refused; /* lanes with records that the broker does not take */
};

/* False: nothing leaves, no record and no incident. */
static inline bool apply_tells(const struct apply *apply)
{
    return apply->shadow == NULL;
}

/* Each lane has an equal part of it. */
static inline int64_t apply_lane_rate(const struct apply *apply)
{
    return (apply->rate + apply->config.lanes - 1) / apply->config.lanes;
}

struct postgres_options apply_postgres_options(const struct apply *apply);
struct relay_way apply_relay_way(const struct apply *apply);

/* group.c: membership, hints, partitions that were lost and are wanted back */
enum status group_open(struct apply *apply, struct error *error);
enum status group_run(struct apply *apply, struct error *error); /* until life_ending */

#endif
