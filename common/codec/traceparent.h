/*
 * W3C Trace Context: header traceparent, "00-<trace id>-<span id>-<flags>" in lower-case hex.
 * Whoever sets it has decided whether the trace is recorded (the flag "sampled"); parstock
 * follows, and starts no trace of its own accord.
 *
 * Ids of spans are made of what they stand for, never at random: a process that takes over
 * half-way, or the worker behind a topic, names the same span without being told of it.
 */
#ifndef PARSTOCK_CODEC_TRACEPARENT_H
#define PARSTOCK_CODEC_TRACEPARENT_H

#include "common/base/span.h"

#define TRACE_ID_BYTES 16
#define TRACE_SPAN_BYTES 8
#define TRACEPARENT_MAX 56 /* with the NUL */
#define TRACE_SAMPLED 0x01u

struct trace_context {
    unsigned char trace_id[TRACE_ID_BYTES];
    unsigned char span_id[TRACE_SPAN_BYTES];
    unsigned char flags;
};

/* False: no traceparent, or one that must not be followed (a zero id, version ff); then
 * *context_out is zero. Of versions to come what 00 knows of them is taken. */
bool traceparent_parse(struct span text, struct trace_context *context_out);

/* The trace's id as it stands in the text; bytes NULL where that is not to be followed. */
struct span traceparent_trace_id(struct span text);

void traceparent_format(const struct trace_context *context, char room[TRACEPARENT_MAX]);

static inline bool trace_is_sampled(const struct trace_context *context)
{
    return (context->flags & TRACE_SAMPLED) != 0;
}

static inline bool trace_is_same(const struct trace_context *left,
                                 const struct trace_context *right)
{
    return memcmp(left->trace_id, right->trace_id, TRACE_ID_BYTES) == 0;
}

/* What a span is of, within its trace: always the same id for the same three. */
struct trace_name {
    const char *what; /* kind of span */
    struct span of;
    int64_t number;
};

/* A span below `parent`: its trace and flags, and an id of its own. */
struct trace_context trace_child(const struct trace_context *parent,
                                 const struct trace_name *name);

#endif
