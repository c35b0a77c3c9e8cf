#include "workers/replay/replay_read.h"

#include "common/base/scope.h"
#include "common/codec/headers.h"
#include "common/runtime/life.h"

#define NEXT_MS 200
#define SILENT_MAX 600 /* waits without a record: two minutes */
#define HEADERS_MAX ((size_t)4 * 1024 * 1024)

/* Where a stretch is. */
struct place {
    const struct replay_stretch *stretch;
    const struct replay_reader *reader;
    struct span topic;
    struct buf headers; /* of one record */
    int64_t next;
    int silent;
};

static enum status visit(struct place *place, const struct kafka_record *record,
                         struct error *error)
{
    struct span name;
    struct span value;
    buf_clear(&place->headers);
    for (size_t at = 0; kafka_record_header(record, at, &name, &value); at++)
        headers_add(&place->headers, name, value);
    const struct archived_record archived = {.topic = place->topic,
                                             .partition = record->partition,
                                             .offset = record->offset,
                                             .timestamp_ms = record->timestamp_ms,
                                             .key = record->key,
                                             .value = record->value,
                                             .headers = buf_view(&place->headers)};
    return place->reader->each(place->reader->self, &archived, error);
}

/* Markers of transactions take offsets too: the end may come by a record behind it. */
static enum status take(struct place *place, struct kafka_record *record,
                        struct error *error)
{
    enum status status = STATUS_OK;
    if (!record->is_end && record->offset < place->stretch->until)
        status = visit(place, record, error);
    place->next = record->offset + (record->is_end ? 0 : 1);
    if (!record->is_end)
        kafka_record_release(record);
    return status;
}

static enum status wait_on(struct place *place, struct error *error)
{
    place->silent++;
    if (place->silent > SILENT_MAX) {
        (void)error_set(error, STATUS_RETRY, "the broker sends nothing");
        return error_exit(error, EXIT_UNAVAILABLE);
    }
    return place->reader->idle != NULL ? place->reader->idle(place->reader->self, error)
                                       : STATUS_OK;
}

static enum status step(struct replay *replay, struct place *place, struct error *error)
{
    struct kafka_record record;
    bool got = false;
    if (life_ending())
        return replay_refuse(error, EXIT_AGAIN, "asked to end");
    enum status status = kafka_span_next(replay->span, NEXT_MS, &record, &got, error);
    if (status == STATUS_RETRY)
        status = STATUS_OK; /* passes, or the silence ends it */
    if (status != STATUS_OK)
        return status;
    if (!got)
        return wait_on(place, error);
    place->silent = 0;
    return take(place, &record, error);
}

enum status replay_read(struct replay *replay, const struct replay_stretch *stretch,
                        const struct replay_reader *reader, struct error *error)
{
    struct place place = {.stretch = stretch,
                          .reader = reader,
                          .topic = span_from(replay->topic),
                          .next = stretch->from};
    if (stretch->until <= stretch->from)
        return STATUS_OK;
    buf_init(&place.headers, HEADERS_MAX);
    enum status status =
        kafka_span_read(replay->span, stretch->partition, stretch->from, error);
    while (status == STATUS_OK && place.next < stretch->until)
        status = step(replay, &place, error);
    buf_free(&place.headers);
    return status;
}
