#include "workers/apply/records.h"

#include "common/base/scope.h"
#include "common/codec/event_json.h"
#include "common/codec/headers.h"

#include <stdio.h>

#define RECORD_BYTES_MAX ((size_t)16 * 1024)

void record_room_init(struct record_room *room, struct pool *pool)
{
    room->pool = pool;
    buf_init(&room->bytes, RECORD_BYTES_MAX);
    buf_init(&room->scratch, RECORD_BYTES_MAX);
}

void record_room_free(struct record_room *room)
{
    buf_free(&room->bytes);
    buf_free(&room->scratch);
}

static void header_text(struct buf *out, const char *name, const char *text)
{
    headers_add(out, span_from(name), span_from(text));
}

static void id_header(const struct cause *cause, const char *kind, struct buf *scratch,
                      struct buf *out)
{
    buf_clear(scratch);
    buf_span(scratch, cause->topic);
    buf_byte(scratch, '/');
    buf_number(scratch, cause->partition);
    buf_byte(scratch, '/');
    buf_number(scratch, cause->offset);
    buf_byte(scratch, '/');
    buf_text(scratch, kind);
    headers_add(out, SPAN_OF("ce_id"), buf_view(scratch));
}

static void cloud_headers(const struct cause *cause, enum outbox_kind kind,
                          struct buf *scratch, struct buf *out)
{
    bool level = kind == OUTBOX_LEVEL;
    header_text(out, "ce_specversion", "1.0");
    id_header(cause, level ? "level" : "dead-letter", scratch, out);
    header_text(out, "ce_source", "parstock/apply");
    header_text(out, "ce_type",
                level ? "inventory.level.v1" : "inventory.dead-letter.v1");
}

/* ---- levels ---------------------------------------------------------------------------------- */

static void level_headers(const struct level_record *level, const struct cause *cause,
                          struct record_room *room)
{
    struct buf *out = &room->bytes;
    cloud_headers(cause, OUTBOX_LEVEL, &room->scratch, out);
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
                  struct record_room *room, struct outbox_row *row_out)
{
    struct buf *bytes = &room->bytes;
    size_t ends[2];
    buf_clear(bytes);
    level_json_key(level, bytes);
    ends[0] = bytes->length;
    level_json_value(level, bytes);
    ends[1] = bytes->length;
    level_headers(level, cause, room);
    *row_out = (struct outbox_row){
        .kind = OUTBOX_LEVEL, .partition = cause->partition, .offset = cause->offset};
    return cut(room->pool, bytes, ends, row_out);
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
    SCOPED(buf_free) struct buf scratch;
    buf_init(&scratch, RECORD_BYTES_MAX);
    cloud_headers(cause, OUTBOX_DEAD_LETTER, &scratch, out);
}
