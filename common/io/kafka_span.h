/*
 * Chosen stretches of a topic, read by nobody's group: one partition at a time, from an
 * offset on. For commands that read what was. Nothing is committed. One thread.
 */
#ifndef PARSTOCK_IO_KAFKA_SPAN_H
#define PARSTOCK_IO_KAFKA_SPAN_H

#include "common/io/kafka_in.h"

struct kafka_span;

/* Looks the topic up, waiting for the broker up to the time. STATUS_REJECT: there is no such
 * topic. The options and the name outlive the span. */
enum status kafka_span_open(const struct kafka_options *options, const char *topic,
                            int timeout_ms, struct kafka_span **out, struct error *error);
void kafka_span_close(struct kafka_span **slot);

int32_t kafka_span_partitions(const struct kafka_span *span);

/* What a partition holds now: the first offset that there is, and the next to come. */
struct kafka_bounds {
    int64_t first;
    int64_t end;
};
enum status kafka_span_bounds(struct kafka_span *span, int32_t partition,
                              struct kafka_bounds *bounds_out, struct error *error);

/* The first record at or after that time; -1 where there is none. */
enum status kafka_span_at_time(struct kafka_span *span, int32_t partition,
                               int64_t time_ms, int64_t *offset_out, struct error *error);

/* From now on the records of that partition alone, from that offset on. */
enum status kafka_span_read(struct kafka_span *span, int32_t partition, int64_t offset,
                            struct error *error);

/* Waits up to `timeout_ms` for the next record, or for the news that the partition is read
 * to its end; *got_out says whether there was one. The record is released by
 * kafka_record_release. */
enum status kafka_span_next(struct kafka_span *span, int timeout_ms,
                            struct kafka_record *record_out, bool *got_out,
                            struct error *error);

#endif
