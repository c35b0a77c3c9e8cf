/*
 * One JSON object a line on stderr. Only runtime/ and workers/ log; libraries return.
 * Fields are given as name, value pairs ended by LOG_END:
 *
 *     log_info("taken", LOG_TEXT("topic", topic), LOG_INT("partition", 3), LOG_END);
 *
 * Every line holds ts, level, msg, and the component set by log_open. Thread-safe; a line
 * is one write. Values are escaped; nothing secret is ever passed in.
 */
#ifndef PARSTOCK_RUNTIME_LOG_H
#define PARSTOCK_RUNTIME_LOG_H

#include "common/base/error.h"
#include "common/base/span.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log_field {
    const char *name; /* NULL ends the list */
    const char *text; /* NULL: the number counts */
    int64_t number;
};

#define LOG_TEXT(field_name, value)                                                      \
    ((struct log_field){.name = (field_name), .text = (value)})
#define LOG_INT(field_name, value)                                                       \
    ((struct log_field){.name = (field_name), .number = (value)})
#define LOG_END ((struct log_field){0})

/* level by name ("error", "warn", "info", "debug"); unknown: STATUS_FATAL, 78. */
enum status log_open(const char *component, const char *level, struct error *error);
bool log_enabled(enum log_level level);

void log_write(enum log_level level, const char *message, const struct log_field *fields);

#define LOG_FIELDS(...) ((const struct log_field[]){__VA_ARGS__})
#define log_error(message, ...)                                                          \
    log_write(LOG_LEVEL_ERROR, message, LOG_FIELDS(__VA_ARGS__))
#define log_warn(message, ...) log_write(LOG_LEVEL_WARN, message, LOG_FIELDS(__VA_ARGS__))
#define log_info(message, ...) log_write(LOG_LEVEL_INFO, message, LOG_FIELDS(__VA_ARGS__))
#define log_debug(message, ...)                                                          \
    log_write(LOG_LEVEL_DEBUG, message, LOG_FIELDS(__VA_ARGS__))

#endif
