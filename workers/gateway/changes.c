/*
 * POST /v1/stock-changes: who speaks, what he says, all of it into Kafka, the answer.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/headers.h"
#include "common/codec/traceparent.h"
#include "common/runtime/life.h"
#include "workers/gateway/gateway.h"
#include "workers/gateway/post.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define HEADERS_MAX ((size_t)8 * 1024)
#define CE_ROOM 1024
#define ANSWER_ROOM ((size_t)14 * 1024 * 1024)

static const char WHY_AWAY[] =
    "the broker cannot be reached: nothing was published, try again";

/* A post on its way into Kafka. */
struct change_job {
    struct publish_job job; /* first */
    struct gateway *gateway;
    struct web_request *request;
    struct post_input input;
    struct post post;
    struct post_walk walk;
    struct buf headers; /* of each of its records */
    char ce[CE_ROOM];   /* decoded values of ce-* headers */
};

/* ---- admission, on the server's thread ------------------------------------------------------ */

static bool refuse(struct web_refusal *refusal, int status, const char *detail)
{
    *refusal = (struct web_refusal){.status = status, .detail = detail};
    return false;
}

static bool admit(void *self, struct web_request *request, struct web_refusal *refusal)
{
    struct gateway *gateway = self;
    struct error error = {0};
    size_t encodings = 0;
    int source = source_tokens_find(&gateway->tokens, &request->head);
    if (source < 0) {
        (void)refuse(refusal, 401, "a bearer token of a source is needed");
        refusal->challenge = "Bearer realm=\"parstock\"";
        return false;
    }
    request->owner = source;
    struct span encoding =
        http_head_value(&request->head, "content-encoding", &encodings);
    if (encodings > 0 && (encoding.bytes == NULL || !http_name_is(encoding, "identity")))
        return refuse(refusal, 415, "send the body as it is, without a content encoding");
    if (publisher_health(gateway->publisher, &error) != STATUS_OK) {
        (void)refuse(refusal, 503, WHY_AWAY);
        refusal->retry_after_s = GATEWAY_RETRY_AFTER_S;
        return false;
    }
    return true;
}

struct web_route changes_route(struct gateway *gateway)
{
    return (struct web_route){.method = "POST",
                              .path = "/v1/stock-changes",
                              .body_max = POST_BODY_MAX,
                              .admit = admit,
                              .take = gateway_take,
                              .self = gateway};
}

/* ---- what the headers say -------------------------------------------------------------------- */

/* The type alone, without parameters. */
static struct span media_type(const struct web_request *request)
{
    struct span type = http_head_value(&request->head, "content-type", NULL);
    size_t length = 0;
    while (length < type.length && strchr("; \t", type.bytes[length]) == NULL)
        length++;
    type.length = length;
    return type;
}

struct type_row {
    const char *type;
    bool as_lines;
    bool structured;
};

/* Any other says nothing: the body shows what it is. */
static const struct type_row TYPES[] = {
    {"application/x-ndjson", true, false},
    {"application/ndjson", true, false},
    {"application/jsonl", true, false},
    {"application/x-jsonlines", true, false},
    {"application/json-lines", true, false},
    {"application/cloudevents+json", false, true},
    {"application/cloudevents-batch+json", false, true},
};

static void read_type(struct change_job *job)
{
    struct span type = media_type(job->request);
    for (size_t at = 0; at < COUNT_OF(TYPES); at++) {
        if (!http_name_is(type, TYPES[at].type))
            continue;
        job->input.as_lines = TYPES[at].as_lines;
        job->input.cloud.structured = TYPES[at].structured;
        job->input.has_cloud = TYPES[at].structured;
    }
}

/* An attribute of CloudEvents in binary mode, percent-decoded (its HTTP binding, 3.1.3.2).
 * False: it cannot be read. */
static bool read_attribute(struct change_job *job, const char *name, size_t *used,
                           struct span *value_out)
{
    size_t count = 0;
    struct span value = http_head_value(&job->request->head, name, &count);
    if (count == 0)
        return true;
    if (value.bytes == NULL ||
        !http_percent_decode(value, job->ce + *used, CE_ROOM - *used, value_out))
        return false;
    *used += value_out->length;
    job->input.has_cloud = true;
    return true;
}

static bool read_cloud(struct change_job *job)
{
    struct cloud_attributes *cloud = &job->input.cloud;
    size_t used = 0;
    if (cloud->structured)
        return true;
    return read_attribute(job, "ce-id", &used, &cloud->id) &&
           read_attribute(job, "ce-source", &used, &cloud->source) &&
           read_attribute(job, "ce-type", &used, &cloud->type) &&
           read_attribute(job, "ce-time", &used, &cloud->time);
}

static void write_header(struct change_job *job, const char *name, struct span value)
{
    if (value.bytes != NULL)
        headers_add(&job->headers, span_from(name), value);
}

/* As apply reads them: see the outside interface, section 1. */
static void write_headers(struct change_job *job)
{
    const struct cloud_attributes *cloud = &job->input.cloud;
    struct span trace = http_head_value(&job->request->head, "traceparent", NULL);
    if (cloud->structured)
        write_header(job, "content-type", SPAN_OF("application/cloudevents+json"));
    write_header(job, "ce_id", cloud->id);
    write_header(job, "ce_source", cloud->source);
    write_header(job, "ce_type", cloud->type);
    write_header(job, "ce_time", cloud->time);
    struct trace_context context;
    if (traceparent_parse(trace, &context))
        write_header(job, "traceparent", trace);
}

/* ---- publishing, on the publisher's thread ---------------------------------------------------- */

static void job_free(struct change_job *job)
{
    post_free(&job->post);
    buf_free(&job->headers);
    free(job);
}

static void rewind_job(struct publish_job *self)
{
    struct change_job *job = (struct change_job *)(void *)self;
    job->walk = post_walk(&job->input, &job->post);
}

static bool next_record(struct publish_job *self, struct kafka_send *send)
{
    struct change_job *job = (struct change_job *)(void *)self;
    send->topic = job->gateway->topic;
    send->partition = KAFKA_PARTITION_BY_KEY;
    send->headers = buf_view(&job->headers);
    send->timestamp_ms = job->input.now_ms;
    return post_walk_next(&job->walk, &send->key, &send->value);
}

static void answer_count(struct web_request *request, size_t count)
{
    char body[64];
    (void)snprintf(body, sizeof(body), "{\"count\":%zu}\n", count);
    const struct http_answer answer = {
        .status = 202, .content_type = HTTP_JSON_TYPE, .body = span_from(body)};
    web_answer(request, &answer);
}

static void done(struct publish_job *self, const struct error *error)
{
    struct change_job *job = (struct change_job *)(void *)self;
    if (error == NULL) {
        gateway_count_events(job->gateway, job->input.source, job->post.count);
        answer_count(job->request, job->post.count);
    } else if (error->status == STATUS_REJECT) {
        web_answer_problem(job->request, 413,
                           "the broker takes no record as large as one of these", 0);
    } else {
        web_answer_problem(job->request, 503, WHY_AWAY, GATEWAY_RETRY_AFTER_S);
    }
    job_free(job);
}

/* ---- the crew -------------------------------------------------------------------------------- */

static void answer_refused(struct change_job *job)
{
    SCOPED(buf_free) struct buf body;
    buf_init(&body, ANSWER_ROOM);
    post_problem(&job->post, &body);
    const struct http_answer answer = {
        .status = body.failed ? 503 : job->post.status,
        .content_type = HTTP_PROBLEM_TYPE,
        .body = buf_view(&body),
        .retry_after_s =
            job->post.status == 503 || body.failed ? GATEWAY_RETRY_AFTER_S : 0};
    web_answer(job->request, &answer);
}

static void publish(struct change_job *job)
{
    struct error error = {0};
    job->job.bytes = job->input.body.length + job->post.skus.length;
    if (publisher_submit(job->gateway->publisher, &job->job, &error) == STATUS_OK)
        return; /* it may be done and gone by now */
    bool full = strcmp(error.code, "full") == 0;
    web_answer_problem(job->request, 503,
                       full ? "too much waits to be published: try again" : WHY_AWAY,
                       GATEWAY_RETRY_AFTER_S);
    job_free(job);
}

void changes_work(struct gateway *gateway, struct gateway_room *room,
                  struct web_request *request)
{
    struct change_job *job = calloc(1, sizeof(*job));
    if (job == NULL) {
        web_answer_problem(request, 503, "no memory at this moment",
                           GATEWAY_RETRY_AFTER_S);
        return;
    }
    *job = (struct change_job){
        .job = {.next = next_record, .rewind = rewind_job, .done = done},
        .gateway = gateway,
        .request = request,
        .input = {.body = request->body,
                  .source = request->owner,
                  .now_ms = clock_now_us() / 1000}};
    buf_init(&job->headers, HEADERS_MAX);
    read_type(job);
    if (!read_cloud(job)) {
        web_answer_problem(request, 400, "a ce-* header cannot be read", 0);
        job_free(job);
        return;
    }
    write_headers(job);
    post_read(room->judge, &job->input, &job->post);
    if (job->post.status == 202 && job->post.count > 0) {
        publish(job);
        return;
    }
    if (job->post.status == 202)
        answer_count(request, 0);
    else
        answer_refused(job);
    job_free(job);
}
