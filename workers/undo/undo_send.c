/*
 * Taking a feed or a replay back: the events of every pair are stored before the first of
 * them is sent, so that a try that was cut short is sent again to the byte.
 */
#include "common/base/scope.h"
#include "common/codec/digest.h"
#include "common/codec/event_write.h"
#include "common/codec/headers.h"
#include "common/runtime/feed_publisher.h"
#include "workers/undo/undo.h"

#include <stdio.h>

#define PAGE 500
#define FINISH_WAIT_MS 65000 /* past message.timeout.ms: every record has its answer */
#define HEADERS_BYTES_MAX ((size_t)1024)

static enum status keep_line(struct undo *self, const struct undo_line *line, int64_t id,
                             struct error *error)
{
    const struct undo_pair pair = {.batch = self->id,
                                   .sku = line->sku,
                                   .location = line->location,
                                   .source = line->source,
                                   .undo_id = id,
                                   .rule = line->rule,
                                   .events = line->events};
    return store_undo_intend(self->postgres, &pair, error);
}

static enum status keep_all(struct undo *self, const struct undo_plan *plan,
                            struct error *error)
{
    const struct undo_order order = {self->id, self->kind, self->by, self->why};
    int64_t id = 0;
    enum status status = postgres_script(self->postgres, "BEGIN", error);
    if (status == STATUS_OK)
        status = store_undo_begin(self->postgres, &order, &id, error);
    for (const struct undo_line *line = plan->first; line != NULL && status == STATUS_OK;
         line = line->next)
        if (line->fate == UNDO_DO)
            status = keep_line(self, line, id, error);
    if (status == STATUS_OK)
        status = store_undo_end(self->postgres, id, plan->to_do, plan->refused, error);
    return status == STATUS_OK ? postgres_script(self->postgres, "COMMIT", error)
                               : status;
}

/* ---- sending ------------------------------------------------------------------------------------ */

struct sending {
    struct undo *self;
    struct feed_publisher *publisher;
    struct buf headers;
    int64_t pairs;
};

/* All events of one pair lie on one partition, in this order. */
static enum status send_pair(void *self, const struct undo_kept *kept,
                             struct error *error)
{
    struct sending *sending = self;
    struct span left = kept->events;
    enum status status = STATUS_OK;
    sending->pairs++;
    while (left.length > 0 && status == STATUS_OK) {
        const char *end = memchr(left.bytes, '\n', left.length);
        size_t length = end != NULL ? (size_t)(end - left.bytes) : left.length;
        const struct feed_record record = {.key = kept->sku,
                                           .value = {left.bytes, length},
                                           .headers = buf_view(&sending->headers)};
        status = feed_publisher_send(sending->publisher, &record, error);
        size_t used = end != NULL ? length + 1 : length;
        left = (struct span){left.bytes + used, left.length - used};
    }
    return status;
}

/* A trace of its own, so that what takes a batch back is not of the batch. */
static enum status name_records(struct sending *sending, struct error *error)
{
    SCOPED(digest_free) struct digest *digest = digest_new();
    char hex[2 * DIGEST_BYTES + 1];
    char traceparent[BATCH_TRACEPARENT_MAX];
    char of[80];
    if (digest == NULL)
        return error_set(error, STATUS_FATAL, "undo: out of memory");
    digest_begin(digest);
    digest_add_text(digest, SPAN_OF("undo"));
    digest_add_text(digest, sending->self->id);
    digest_end_hex(digest, DIGEST_BYTES, hex);
    batch_traceparent(hex, traceparent);
    (void)snprintf(of, sizeof(of), "%.*s/%.64s", SPAN_ARGS(sending->self->kind),
                   sending->self->id.bytes);
    headers_add_text(&sending->headers, "traceparent", traceparent);
    headers_add_text(&sending->headers, "parstock.undo-of", of);
    return STATUS_OK;
}

static enum status send_open(struct sending *sending, struct error *error)
{
    struct undo *self = sending->self;
    const struct undo_kept_visitor visitor = {.each = send_pair, .self = sending};
    enum status status = STATUS_OK;
    do {
        sending->pairs = 0;
        status = store_undo_open(self->postgres, self->id, PAGE, &visitor, error);
        if (status == STATUS_OK && sending->pairs > 0)
            status = feed_publisher_finish(sending->publisher, FINISH_WAIT_MS, error);
        if (status == STATUS_OK && sending->pairs > 0)
            status = store_undo_sent(self->postgres, self->id, PAGE, error);
    } while (status == STATUS_OK && sending->pairs > 0);
    if (status == STATUS_RETRY)
        (void)error_exit(error, EXIT_UNAVAILABLE);
    return status;
}

enum status undo_send(struct undo *self, struct undo_plan *plan, struct error *error)
{
    struct sending sending = {.self = self};
    enum status status = STATUS_OK;
    if (plan->to_do + plan->unfinished == 0)
        return STATUS_OK;
    if (plan->to_do > 0)
        status = keep_all(self, plan, error);
    buf_init(&sending.headers, HEADERS_BYTES_MAX);
    if (status == STATUS_OK)
        status = name_records(&sending, error);
    if (status == STATUS_OK)
        status =
            feed_publisher_open(self->config, "stock-changes", &sending.publisher, error);
    if (status == STATUS_OK)
        status = send_open(&sending, error);
    feed_publisher_close(&sending.publisher);
    buf_free(&sending.headers);
    return status;
}
