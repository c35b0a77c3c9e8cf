#include "workers/apply/records.h"

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

static void cloud_headers(struct span id, const char *type, struct buf *out)
{
    headers_add_cloud(out, &(struct cloud_identity){id, "parstock/apply", type});
}

/* ---- levels ---------------------------------------------------------------------------------- */

/* A revision of a level is one content, whichever record it is built from. */
static void level_id(const struct level_record *level, const struct cause *cause,
                     struct buf *out)
{
    buf_clear(out);
    buf_span(out, cause->topic);
    buf_byte(out, '/');
    level_json_key(level, out);
    buf_byte(out, '/');
    buf_number(out, level->revision);
    buf_text(out, "/level");
}

static void level_headers(const struct level_record *level, const struct cause *cause,
                          struct record_room *room)
{
    struct buf *out = &room->bytes;
    level_id(level, cause, &room->scratch);
    cloud_headers(buf_view(&room->scratch), "inventory.level.v1", out);
    headers_add_json(out, level->sku, cause->traceparent);
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
    headers_add_text(out, "__connect.errors.partition", number);
    (void)snprintf(number, sizeof(number), "%lld", (long long)cause->offset);
    headers_add_text(out, "__connect.errors.offset", number);
    const char *code = reason_code(letter->reason);
    (void)snprintf(message, sizeof(message), "%s%s%s: %s", code,
                   letter->detail[0] != '\0' ? " in " : "", letter->detail,
                   reason_remedy(letter->reason));
    headers_add_text(out, "__connect.errors.exception.message", message);
    headers_add_text(out, "parstock.reason", code);
    char id[512];
    (void)snprintf(id, sizeof(id), "%.*s/%d/%lld/dead-letter", SPAN_ARGS(cause->topic),
                   (int)cause->partition, (long long)cause->offset);
    cloud_headers(span_from(id), "inventory.dead-letter.v1", out);
}
