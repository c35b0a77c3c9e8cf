/*
 * Spans as OTLP/HTTP takes them in JSON (ExportTraceServiceRequest): ids in hex, times and
 * whole numbers as decimal texts. A request is otlp_json_open, spans with commas between
 * them, otlp_json_close. The caller looks at buf.failed.
 */
#ifndef PARSTOCK_CODEC_OTLP_JSON_H
#define PARSTOCK_CODEC_OTLP_JSON_H

#include "common/base/buf.h"
#include "common/codec/traceparent.h"

#define TRACE_LINKS_MAX 128 /* of a span; more are counted, not written */
#define TRACE_TEXT_MAX 512  /* bytes of a text; what is longer is cut */

/* As OTLP numbers them. */
enum trace_kind { TRACE_INTERNAL = 1, TRACE_CLIENT = 3, TRACE_CONSUMER = 5 };

/* A fact of a span: a text (bytes NULL = it is left out) or a number. */
struct trace_fact {
    const char *name;
    bool is_number;
    struct span text;
    int64_t number;
};

#define TRACE_TEXT(fact_name, value)                                                     \
    ((struct trace_fact){.name = (fact_name), .text = (value)})
#define TRACE_NUMBER(fact_name, value)                                                   \
    ((struct trace_fact){.name = (fact_name), .is_number = true, .number = (value)})

struct trace_span {
    const char *name;
    enum trace_kind kind;
    struct trace_context context;       /* its own */
    const struct trace_context *parent; /* NULL = it is the first of its trace */
    int64_t start_us;
    int64_t end_us;
    const struct trace_fact *facts;
    size_t fact_count;
    const struct trace_context *links;
    size_t link_count;
    const char *fault; /* why it failed; NULL = it did not */
};

/* Most bytes that one span can take. */
#define OTLP_SPAN_BYTES_MAX ((size_t)192 * 1024)

void otlp_json_span(const struct trace_span *span, struct buf *out);

/* Who speaks: resource attributes. */
struct otlp_speaker {
    const char *service;
    const char *instance;
};
void otlp_json_open(const struct otlp_speaker *speaker, struct buf *out);
void otlp_json_close(struct buf *out);

/* How many spans an answer says were not taken; 0 where it says nothing of it. */
int64_t otlp_json_rejected(struct span answer);

#endif
