/*
 * Topics seen from outside: what there is, how it is set, creating what is missing. For
 * operator commands; every call waits for the brokers up to its time-out.
 *
 * The embedded mock broker answers no admin request: creating gives STATUS_FATAL with code
 * "_UNSUPPORTED_FEATURE", and settings stay unknown.
 */
#ifndef PARSTOCK_IO_KAFKA_ADMIN_H
#define PARSTOCK_IO_KAFKA_ADMIN_H

#include "common/base/error.h"
#include "common/io/kafka_options.h"

#include <stdbool.h>
#include <stdint.h>

#define KAFKA_TOPICS_MAX 16
#define KAFKA_UNSUPPORTED "_UNSUPPORTED_FEATURE"

struct kafka_admin;

enum status kafka_admin_open(const struct kafka_options *options,
                             struct kafka_admin **out, struct error *error);
void kafka_admin_close(struct kafka_admin **slot);

struct kafka_topic {
    const char *name;        /* given by the caller */
    int32_t partitions;      /* 0: there is no such topic */
    int32_t replicas;        /* of its first partition */
    bool usable;             /* every partition has a leader */
    char cleanup_policy[64]; /* "" until kafka_admin_policies has said it */
};

/* Fills what the brokers know of the named topics. Creates none, whatever the broker's
 * auto.create.topics.enable says. */
enum status kafka_admin_topics(struct kafka_admin *admin, struct kafka_topic *topics,
                               size_t count, int timeout_ms, struct error *error);

/* Fills cleanup_policy of the topics that exist. */
enum status kafka_admin_policies(struct kafka_admin *admin, struct kafka_topic *topics,
                                 size_t count, int timeout_ms, struct error *error);

struct kafka_topic_plan {
    const char *name;
    int32_t partitions;
    int32_t replicas; /* -1: as the broker is set */
    const struct kafka_setting *settings;
    size_t setting_count;
    bool existed; /* set by kafka_admin_create: somebody else was first */
};

/* Creates the topics; one that exists already is success. Others are created even where
 * one is refused; the first refusal is returned and names its topic. */
enum status kafka_admin_create(struct kafka_admin *admin, struct kafka_topic_plan *plans,
                               size_t count, int timeout_ms, struct error *error);

/* The offset of the next record to come of each partition of the topic. */
enum status kafka_admin_ends(struct kafka_admin *admin, const struct kafka_topic *topic,
                             int64_t *ends_out, int timeout_ms, struct error *error);

#endif
