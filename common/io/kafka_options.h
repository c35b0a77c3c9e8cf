/*
 * How to reach Kafka; filled from the settings by runtime/. Texts belong to the caller and
 * live as long as the client that is opened with them.
 */
#ifndef PARSTOCK_IO_KAFKA_OPTIONS_H
#define PARSTOCK_IO_KAFKA_OPTIONS_H

#include <stddef.h>

struct kafka_setting {
    const char *name; /* librdkafka's */
    const char *value;
};

struct kafka_options {
    const char *brokers;
    const struct kafka_setting *settings;
    size_t setting_count;
    const char *client_id;
    /* A line of the library; level as in syslog (3 error .. 7 debug). May be NULL. */
    void (*log)(int level, const char *facility, const char *text);
};

#endif
