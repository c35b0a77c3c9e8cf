/*
 * A post judged: its body cut into events, each decoded as apply will decode it, and every
 * bad one named. What is good is known by its normalised SKU, the record's key.
 */
#ifndef PARSTOCK_WORKERS_GATEWAY_POST_H
#define PARSTOCK_WORKERS_GATEWAY_POST_H

#include "common/codec/event_json.h"
#include "common/codec/event_slices.h"
#include "common/domain/contract.h"

#define POST_BODY_MAX ((size_t)8 * 1024 * 1024)
#define POST_EVENTS_MAX ((size_t)99999)

struct post_input {
    struct span body;
    int source;     /* who speaks */
    int64_t now_ms; /* the records' Kafka timestamp */
    bool as_lines;  /* the content type says JSON Lines */
    struct cloud_attributes cloud;
    bool has_cloud; /* CloudEvents, binary or structured */
};

struct post {
    int status;         /* 202: to be published; else the answer's */
    size_t count;       /* events */
    size_t faulty;      /* of them */
    size_t others;      /* of those: another source's, or another's location */
    bool too_large;     /* one of them is larger than 64 KiB */
    struct buf skus;    /* of the good ones, each a 16-bit length and its bytes */
    struct buf errors;  /* of the bad ones, members of a JSON array */
    const char *detail; /* what is wrong where it is no event's fault; NULL = nothing */
};

struct post_judge; /* scratch space; one a thread */

/* NULL: out of memory. The contract is kept by the caller. */
struct post_judge *post_judge_new(const struct contract *contract);
void post_judge_free(struct post_judge **slot);

/* Fills the post (released by post_free). */
void post_read(struct post_judge *judge, const struct post_input *input,
               struct post *post);
void post_free(struct post *post);

/* The problem document of a post that is refused. */
void post_problem(const struct post *post, struct buf *out);

/* The good events once more, in order. */
struct post_walk {
    struct event_slices slices;
    struct span skus;
};
struct post_walk post_walk(const struct post_input *input, const struct post *post);
bool post_walk_next(struct post_walk *walk, struct span *sku_out, struct span *value_out);

#endif
