/*
 * What 'topics ensure' and 'topics check' print: one line or object a topic.
 */
#ifndef PARSTOCK_WORKERS_TOPICS_REPORT_H
#define PARSTOCK_WORKERS_TOPICS_REPORT_H

#include "common/runtime/output.h"
#include "common/runtime/topic_table.h"

struct topics_report {
    struct kafka_topic found[TOPIC_COUNT];
    bool created[TOPIC_COUNT];
    char note[ERROR_TEXT_MAX + 64]; /* what could not be compared, and why; or "" */
};

/* Prints to standard output in the form asked for; true where all is as declared. */
bool topics_report_print(const struct topic_table *table,
                         const struct topics_report *report, enum output output);

#endif
