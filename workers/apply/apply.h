/*
 * What the parts of the apply worker share.
 */
#ifndef PARSTOCK_WORKERS_APPLY_APPLY_H
#define PARSTOCK_WORKERS_APPLY_APPLY_H

#include "common/io/kafka_in.h"
#include "common/io/kafka_out.h"
#include "common/runtime/config.h"
#include "workers/apply/lane.h"

#define APPLY_OWNER_MAX 160

struct apply {
    struct config config;
    struct buf contract_text;
    struct contract *contract;
    char topic[256];            /* inventory.stock-changes, with the prefix */
    struct relay_topics topics; /* that records go out to */
    char group[256];
    char owner[APPLY_OWNER_MAX]; /* host, pid and a random part: names this process */
    struct kafka_setting settings[CONFIG_KAFKA_PROPERTIES_MAX];
    struct kafka_out *out;
    struct kafka_in *in;
    struct postgres *postgres; /* of the group's thread, for taking partitions */
    struct lane lanes[KAFKA_LANES_MAX];
    int lane_count;
};

struct postgres_options apply_postgres_options(const struct apply *apply);
struct relay_way apply_relay_way(const struct apply *apply);

/* group.c: membership, hints, partitions that were lost and are wanted back */
enum status group_open(struct apply *apply, struct error *error);
enum status group_run(struct apply *apply, struct error *error); /* until life_ending */

#endif
