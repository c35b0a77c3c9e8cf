/*
 * The inside of the consumer, shared by kafka_in.c, kafka_group.c, kafka_place.c and kafka_session.c only;
 * included after kafka_conf.h, whose types it uses.
 *
 * A session is one librdkafka consumer. One that the library has given up for good (a fatal
 * error) is closed and another opened, by the group's thread; a lane's lock keeps the
 * lane's thread off its queue meanwhile.
 */
#ifndef PARSTOCK_IO_KAFKA_IN_STATE_H
#define PARSTOCK_IO_KAFKA_IN_STATE_H

#include "common/domain/stall.h"
#include "common/io/kafka_in.h"

#include <pthread.h>
#include <stdatomic.h>

#define KAFKA_PARTITIONS_MAX 4096

enum holding {
    HOLDING_NONE = 0,
    HOLDING_WANTED, /* assigned by the group, the owner has not said yet where to begin */
    HOLDING_TAKEN,
};

struct kafka_lane {
    pthread_mutex_t lock;
    rd_kafka_queue_t *queue; /* NULL between two sessions */
    int pipe[2];             /* readable when the queue got something */
    int load;                /* partitions that the lane holds */
    int64_t asked_ms;        /* when it last asked for records; with the lock held */
    int64_t since_ms;        /* .. and since when without a pause */
};

struct kafka_in {
    struct kafka_in_options options;
    rd_kafka_t *consumer; /* NULL between two sessions */
    rd_kafka_queue_t *events;
    rd_kafka_topic_t *topic;
    struct kafka_lane lanes[KAFKA_LANES_MAX];
    unsigned char holding[KAFKA_PARTITIONS_MAX];
    unsigned char lane_of[KAFKA_PARTITIONS_MAX];
    /* Where the library stopped a partition, for want of that offset, plus 1; set by lanes. */
    _Atomic int64_t lost_at[KAFKA_PARTITIONS_MAX];
    atomic_bool any_lost;
    _Atomic int64_t
        reached[KAFKA_PARTITIONS_MAX]; /* the next offset to read; set by lanes */
    struct stall stalls[KAFKA_PARTITIONS_MAX];
    int32_t stall_next;                      /* whose turn it is to be looked at */
    int64_t stalls_ms;                       /* when they were */
    int64_t begin_at[KAFKA_PARTITIONS_MAX];  /* to be assigned anew at, plus 1 */
    int64_t resume_at[KAFKA_PARTITIONS_MAX]; /* the same, in the session to come */
    struct kafka_gap gaps[KAFKA_PARTITIONS_MAX];
    unsigned char has_gap[KAFKA_PARTITIONS_MAX]; /* it stays stopped */
    int gap_count;
    rd_kafka_topic_partition_list_t *wanted; /* an assignment waiting for the owner */
    atomic_int partition_count;
    bool is_consumer_protocol;
    bool may_fall_back; /* the operator left the protocol to us */
    bool is_given_up;   /* the library has raised a fatal error */
    bool is_unsound;    /* it did not take an assignment from us */
    bool is_joined;     /* the group has answered, if only with nothing to do */
    bool is_away;       /* no broker answers */
    char why_away[ERROR_TEXT_MAX];
    int64_t opened_ms; /* when this session was */
    int64_t asked_ms;  /* when the broker was last asked whether it is back */
    int64_t looked_ms; /* when partitions without their place were last looked at */
    int32_t look_next; /* .. and which of them is the first next time */
    int ask_wait_ms;   /* for what the topic holds; longer than a fetch may be kept */
    int64_t nudged_ms;
    int64_t lively_until_ms; /* partitions are on the move: short waits */
    int64_t reopen_ms;       /* when the next session may be opened */
    struct error trouble;    /* why there is no session */
    struct error fatal;
};

/* kafka_session.c */
enum status kafka_session_open(struct kafka_in *in, struct error *error);
/* After a fatal error of the library, or when it is unsound: opened again, or fatal. */
void kafka_session_fail(struct kafka_in *in);
void kafka_session_destroy(struct kafka_in *in);
/* Again, to what is subscribed already, asks the group for news at once. */
enum status kafka_session_subscribe(struct kafka_in *in, struct error *error);
int64_t kafka_now_ms(void); /* monotonic */

/* kafka_group.c */
void kafka_group_drop_all(struct kafka_in *in); /* all partitions back to nobody */
void kafka_group_leave(struct kafka_in *in);
bool kafka_group_is_cooperative(const struct kafka_in *in);
/* Assigns `wanted`, once its owner has said of all where to begin. */
void kafka_group_assign_wanted(struct kafka_in *in);
enum status kafka_group_unassign(struct kafka_in *in,
                                 rd_kafka_topic_partition_list_t *list,
                                 struct error *error);
/* The session ends where `status` is not STATUS_OK. */
void kafka_group_fail_on(struct kafka_in *in, enum status status,
                         const struct error *error);

/* kafka_place.c */
void kafka_place_look(struct kafka_in *in, int64_t now_ms);
void kafka_place_begin(struct kafka_in *in, int32_t partition, int64_t offset);
void kafka_place_end(struct kafka_in *in, int32_t partition);
void kafka_place_asked(struct kafka_lane *lane); /* for records; with the lock held */

/* kafka_in.c: takes the library's error over */
enum status kafka_error_take(rd_kafka_error_t *failure, const char *doing,
                             struct error *error);

#endif
