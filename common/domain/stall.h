/*
 * Does a partition stand still though the topic has more of it? The client library stops a
 * partition whose place is not in the topic and says so once; where that word is lost (it is
 * thrown away with what was fetched before a rebalance), nothing would ever come again. So
 * a partition that has not moved for a while is compared with the topic, and taken anew.
 *
 * Pure: told `now`, in milliseconds of a monotonic clock.
 */
#ifndef PARSTOCK_DOMAIN_STALL_H
#define PARSTOCK_DOMAIN_STALL_H

#include <stdbool.h>
#include <stdint.h>

#define STALL_WAIT_FIRST_MS 10000
#define STALL_WAIT_MAX_MS 600000
#define STALL_BUSY_FACTOR 3 /* longer, while the reader still has records of others */

/* Of one partition. */
struct stall {
    int64_t reached; /* the next offset to read; -1: not known yet */
    int64_t moved_ms;
    int64_t wait_ms; /* doubles with each time that it was taken anew for nothing */
};

/* Who reads the partition. */
struct stall_reader {
    int64_t since_ms; /* it has asked for records ever since, without a pause */
    bool is_empty;    /* nothing waits for it */
};

/* What the topic holds: from `first` on, below `end`. */
struct stall_topic {
    int64_t first;
    int64_t end;
};

/* It is read from there on. What was waited for in vain before counts on. */
void stall_begin(struct stall *stall, int64_t reached, int64_t now_ms);

/* How far it is now. */
void stall_see(struct stall *stall, int64_t reached, int64_t now_ms);

/* Time to ask what the topic holds. */
bool stall_is_due(const struct stall *stall, const struct stall_reader *reader,
                  int64_t now_ms);

/* The answer; true: it stands still and is to be taken anew. */
bool stall_judge(struct stall *stall, const struct stall_topic *topic, int64_t now_ms);

#endif
