/*
 * Headers that go along with spans, a secret: "name=value,name=value" in
 * PARSTOCK_OTLP_HEADERS or the file that PARSTOCK_OTLP_HEADERS_FILE names; values may be
 * percent-encoded, as OpenTelemetry writes them.
 */
#ifndef PARSTOCK_RUNTIME_TRACE_HEADERS_H
#define PARSTOCK_RUNTIME_TRACE_HEADERS_H

#include "common/base/error.h"
#include "common/io/http.h"

#define TRACE_HEADERS_MAX 16
#define TRACE_HEADERS_BYTES 8192

/* Not to be moved: the list points into it. */
struct trace_headers {
    struct http_own_header list[TRACE_HEADERS_MAX];
    size_t count;
    char room[TRACE_HEADERS_BYTES];
};

/* STATUS_FATAL with exit code 78: not such a list; the error says nothing of its texts. */
enum status trace_headers_load(struct trace_headers *headers, struct error *error);

#endif
