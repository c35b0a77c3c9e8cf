#include "workers/apply/records.h"

#include "common/codec/event_json.h"
#include "common/codec/headers.h"

#include <stdio.h>

#define RECORD_BYTES_MAX ((size_t)16 * 1024)

static void header_text(struct buf *out, const char *name, const char *text)
{
    headers_add(out, span_from(name), span_from(text));
}

static void cloud_headers(const struct cause *cause, const char *kind, struct buf *out)
{
    char id[320];
    char type[64];
    (void)snprintf(id, sizeof(id), "%.*s/%d/%lld/%s", SPAN_ARGS(cause->topic),
                   (int)cause->partition, (long long)cause->offset, kind);
    (void)snprintf(type, sizeof(type), "inventory.%s.v1", kind);
    header_text(out, "ce_specversion", "1.0");
    header_text(out, "ce_id", id);
    header_text(out, "ce_source", "parstock/apply");
    header_text(out, "ce_type", type);
}

/* ---- levels ---------------------------------------------------------------------------------- */

static void level_headers(const struct level_record *level, const struct cause *cause,
                          struct buf *out)
{
    cloud_headers(cause, "level", out);
    headers_add(out, SPAN_OF("ce_subject"), level->sku);
    header_text(out, "content-type", "application/json");
    if (cause->traceparent.bytes != NULL)
        headers_add(out, SPAN_OF("traceparent"), cause->traceparent);
}

/* One stretch of the pool for the three parts of the row. */
static bool cut(struct pool *pool, const struct buf *bytes, const size_t ends[2],
                struct outbox_row *row)
{
    if (bytes->failed)
        return false;
    struct span all = pool_span(pool, buf_view(bytes));
    if (all.bytes == NULL)
        return false;
    row->key = (struct span){all.bytes, ends[0]};
    row->value = (struct span){all.bytes + ends[0], ends[1] - ends[0]};
    row->headers = (struct span){all.bytes + ends[1], all.length - ends[1]};
    return true;
}

bool record_level(const struct level_record *level, const struct cause *cause,
                  struct pool *pool, struct outbox_row *row_out)
{
    struct buf bytes;
    size_t ends[2];
    buf_init(&bytes, RECORD_BYTES_MAX);
    level_json_key(level, &bytes);
    ends[0] = bytes.length;
    level_json_value(level, &bytes);
    ends[1] = bytes.length;
    level_headers(level, cause, &bytes);
    *row_out = (struct outbox_row){
        .kind = OUTBOX_LEVEL, .partition = cause->partition, .offset = cause->offset};
    bool all = cut(pool, &bytes, ends, row_out);
    buf_free(&bytes);
    return all;
}

/* ---- what came ------------------------------------------------------------------------------- */

void record_received_headers(const struct kafka_record *record, struct buf *out)
{
    struct span name;
    struct span value;
    for (size_t at = 0; kafka_record_header(record, at, &name, &value); at++)
        headers_add(out, name, value);
}

/*
 * First all headers as received, then ours, of which __connect.errors.topic is the first: so
 * the record can be restored as it came, even where it had CloudEvents headers of its own.
 */
void record_dead_letter_headers(const struct dead_letter *letter,
                                const struct cause *cause, struct buf *out)
{
    char number[32];
    char message[EVENT_DETAIL_MAX + 128];
    record_received_headers(letter->record, out);
    headers_add(out, SPAN_OF("__connect.errors.topic"), cause->topic);
    (void)snprintf(number, sizeof(number), "%d", (int)cause->partition);
    header_text(out, "__connect.errors.partition", number);
    (void)snprintf(number, sizeof(number), "%lld", (long long)cause->offset);
    header_text(out, "__connect.errors.offset", number);
    const char *code = reason_code(letter->reason);
    (void)snprintf(message, sizeof(message), "%s%s%s: %s", code,
                   letter->detail[0] != '\0' ? " in " : "", letter->detail,
                   reason_remedy(letter->reason));
    header_text(out, "__connect.errors.exception.message", message);
    header_text(out, "parstock.reason", code);
    cloud_headers(cause, "dead-letter", out);
}
