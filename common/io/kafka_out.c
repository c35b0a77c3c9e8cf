#include "common/io/kafka_out.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/headers.h"
#include "common/io/kafka_conf.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define EXPIRY_SPARE_MS 2000
#define EXPIRY_WITHOUT_LIMIT_MS 300000

struct kafka_out {
    rd_kafka_t *producer;
    kafka_acked *acked;
    pthread_t thread;
    bool running;
    atomic_bool ending;
    int64_t expiry_us;
};

static void delivered(rd_kafka_t *producer, const rd_kafka_message_t *message, void *self)
{
    (void)producer;
    const struct kafka_out *out = self;
    struct error error = {0};
    enum status status = kafka_status(message->err, "produce", &error);
    out->acked(message->_private, status == STATUS_OK ? NULL : &error);
}

static void *serve(void *self)
{
    struct kafka_out *out = self;
    while (!atomic_load(&out->ending))
        (void)rd_kafka_poll(out->producer, 100);
    return NULL;
}

/* message.timeout.ms, as the operator may have set it. */
static int64_t expiry_of(const rd_kafka_conf_t *conf)
{
    char text[32] = "";
    size_t size = sizeof(text);
    int64_t timeout_ms = 0;
    if (rd_kafka_conf_get(conf, "message.timeout.ms", text, &size) != RD_KAFKA_CONF_OK ||
        !span_to_int64(span_from(text), &timeout_ms) || timeout_ms <= 0)
        timeout_ms =
            EXPIRY_WITHOUT_LIMIT_MS; /* 0 = never: the longest that is sensible */
    return (timeout_ms + EXPIRY_SPARE_MS) * 1000;
}

static enum status producer_open(struct kafka_out *out,
                                 const struct kafka_options *options, struct error *error)
{
    rd_kafka_conf_t *conf = NULL;
    enum status status = kafka_conf_new(options, KAFKA_PRODUCER, &conf, error);
    if (status != STATUS_OK)
        return status;
    out->expiry_us = expiry_of(conf);
    rd_kafka_conf_set_opaque(conf, out);
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    char text[256];
    out->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (out->producer != NULL)
        return STATUS_OK;
    rd_kafka_conf_destroy(conf);
    (void)error_set(error, STATUS_FATAL, "kafka: %s", text);
    return error_exit(error, EXIT_CONFIG);
}

enum status kafka_out_open(const struct kafka_options *options, kafka_acked *acked,
                           struct kafka_out **out_out, struct error *error)
{
    SCOPED(kafka_out_close) struct kafka_out *out = calloc(1, sizeof(*out));
    if (out == NULL)
        return error_set(error, STATUS_RETRY, "kafka: out of memory");
    out->acked = acked;
    enum status status = producer_open(out, options, error);
    if (status != STATUS_OK)
        return status;
    if (pthread_create(&out->thread, NULL, serve, out) != 0)
        return error_set(error, STATUS_RETRY,
                         "kafka: cannot start the producer's thread");
    out->running = true;
    *out_out = TAKE(out);
    return STATUS_OK;
}

void kafka_out_flush(struct kafka_out *out, int wait_ms)
{
    if (out != NULL && out->producer != NULL)
        (void)rd_kafka_flush(out->producer, wait_ms);
}

/* Ends the wait of the producer's thread. */
static void wake(struct kafka_out *out)
{
    rd_kafka_queue_t *events = rd_kafka_queue_get_main(out->producer);
    rd_kafka_queue_yield(events);
    rd_kafka_queue_destroy(events);
}

void kafka_out_close(struct kafka_out **slot)
{
    struct kafka_out *out = TAKE(*slot);
    if (out == NULL)
        return;
    atomic_store(&out->ending, true);
    if (out->running) {
        wake(out);
        (void)pthread_join(out->thread, NULL);
    }
    if (out->producer != NULL)
        rd_kafka_destroy(out->producer);
    free(out);
}

static rd_kafka_headers_t *headers_of(const struct kafka_send *send)
{
    if (send->headers.length == 0)
        return NULL;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(8);
    struct span left = send->headers;
    struct span name;
    struct span value;
    while (headers_next(&left, &name, &value))
        (void)rd_kafka_header_add(headers, name.bytes, (ssize_t)name.length, value.bytes,
                                  (ssize_t)value.length);
    ASSERT(left.length == 0); /* written by headers_add, or the table was tampered with */
    return headers;
}

/* librdkafka takes the pointers as they are, though it only reads (F_COPY). */
static void *writable(struct span bytes)
{
    return (void *)(uintptr_t)bytes.bytes;
}

enum status kafka_produce(rd_kafka_t *producer, const struct kafka_send *send,
                          struct error *error)
{
    rd_kafka_headers_t *headers = headers_of(send);
    rd_kafka_vu_t fields[8] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = send->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = send->partition},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {writable(send->key), send->key.length}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {writable(send->value), send->value.length}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = send->timestamp_ms},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = send->opaque},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    size_t count = headers != NULL ? 8 : 7;
    rd_kafka_error_t *failure = rd_kafka_produceva(producer, fields, count);
    if (failure == NULL)
        return STATUS_OK; /* the headers are the library's now */
    if (headers != NULL)
        rd_kafka_headers_destroy(headers);
    enum status status = kafka_status(rd_kafka_error_code(failure), "produce", error);
    rd_kafka_error_destroy(failure);
    return status;
}

enum status kafka_out_send(struct kafka_out *out, const struct kafka_send *send,
                           struct error *error)
{
    return kafka_produce(out->producer, send, error);
}

int64_t kafka_out_expiry_us(const struct kafka_out *out)
{
    return out->expiry_us;
}

size_t kafka_out_waiting(const struct kafka_out *out)
{
    int waiting = rd_kafka_outq_len(out->producer);
    return waiting > 0 ? (size_t)waiting : 0;
}
