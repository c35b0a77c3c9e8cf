#include "workers/apply/relay.h"

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/base/scope.h"
#include "common/domain/outbox.h"
#include "common/runtime/life.h"
#include "workers/apply/records.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define RECORD_BYTES_MAX ((size_t)64 * 1024)
#define RESUME_FIRST_US 250000
#define RESUME_DOUBLINGS 5 /* to 8 s */

/* `pending` counts the records without an answer, and one for the relay itself. */
struct relay_lot {
    struct relay_lot *next;
    int64_t below;
    int64_t stored_until; /* rows of it lie in the table, below this offset; 0 = none */
    bool ends_again;      /* what was to be told again is told */
    char why[RELAY_WHY_MAX]; /* of the first that failed; written before `failed` */
    atomic_int pending;
    atomic_bool failed;
};

static void lot_drop(struct relay_lot *lot)
{
    if (atomic_fetch_sub(&lot->pending, 1) == 1)
        free(lot);
}

void relay_acked(void *opaque, const struct error *error)
{
    struct relay_lot *lot = opaque;
    if (error != NULL && !atomic_load(&lot->failed))
        (void)snprintf(lot->why, sizeof(lot->why), "%.*s", RELAY_WHY_MAX - 1,
                       error->text);
    if (error != NULL)
        atomic_store(&lot->failed, true);
    lot_drop(lot);
}

void relay_topics_init(struct relay_topics *topics, const char *prefix)
{
    for (int kind = 1; kind <= OUTBOX_KIND_LAST; kind++)
        (void)snprintf(topics->names[kind], RELAY_TOPIC_MAX, "%s%s", prefix,
                       outbox_topic((enum outbox_kind)kind));
}

void relay_begin(struct relay *relay, int32_t partition, const struct take *take,
                 int64_t due_us)
{
    bool owes = take->next_offset > take->relayed_offset;
    *relay = (struct relay){
        .partition = partition,
        .below = take->relayed_offset,
        .noted = take->relayed_offset,
        .claimed = take->relayed_offset,
        .stored_done = take->relayed_offset,
        .again = {.waits = owes,
                  .span = {.from = take->relayed_offset, .until = take->next_offset},
                  .told = take->relayed_offset,
                  .due_us = due_us}};
    if (owes)
        relay_fall_behind(relay);
}

void relay_fall_behind(struct relay *relay)
{
    if (relay->behind)
        return; /* what was read since stays read */
    relay->behind = true;
    relay->told = relay->below;
    relay->stored_told =
        relay->stored_done > relay->below ? relay->stored_done : relay->below;
}

int64_t relay_notable(const struct relay *relay)
{
    return relay->again.waits ? relay->noted : relay->below;
}

void relay_end(struct relay *relay)
{
    while (relay->first != NULL) {
        struct relay_lot *lot = TAKE(relay->first);
        relay->first = lot->next;
        lot_drop(lot);
    }
    relay->last = NULL;
}

/* The table may hold rows below this offset. */
static void relay_stored(struct relay *relay, int64_t until)
{
    relay->trims = relay->trims || until > 0;
    if (until > relay->stored_until)
        relay->stored_until = until;
}

void relay_trimmed(struct relay *relay, int64_t below)
{
    if (below >= relay->stored_until)
        relay->trims = false;
}

/* ---- sending ------------------------------------------------------------------------------- */

/* A misplaced record goes where this worker would accept it, whatever the producer's own
 * idea of the partition count: otherwise it could come back again and again. */
static int32_t partition_of(const struct relay_way *way, const struct outbox_row *row)
{
    if (row->kind != OUTBOX_REKEYED || way->partition_count <= 0)
        return KAFKA_PARTITION_BY_KEY;
    return hash_partition(row->key, way->partition_count);
}

static enum status send_row(const struct relay_way *way, const struct outbox_row *row,
                            struct relay_lot *lot, struct error *error)
{
    ASSERT(row->kind > 0 && row->kind <= OUTBOX_KIND_LAST);
    const struct kafka_send send = {.topic = way->topics->names[row->kind],
                                    .partition = partition_of(way, row),
                                    .key = row->key,
                                    .value = row->value,
                                    .headers = row->headers,
                                    .timestamp_ms = row->timestamp_ms,
                                    .opaque = lot};
    atomic_fetch_add(&lot->pending, 1);
    enum status status = kafka_out_send(way->out, &send, error);
    if (status != STATUS_OK)
        atomic_fetch_sub(&lot->pending, 1);
    return status;
}

static void append(struct relay *relay, struct relay_lot *lot)
{
    if (relay->last != NULL)
        relay->last->next = lot;
    else
        relay->first = lot;
    relay->last = lot;
}

enum status relay_send(struct relay *relay, const struct relay_way *way,
                       const struct relay_rows *rows, struct error *error)
{
    struct relay_lot *lot = calloc(1, sizeof(*lot));
    if (lot == NULL) {
        relay_fall_behind(relay);
        return error_set(error, STATUS_RETRY, "apply: out of memory for the outbox");
    }
    lot->below = rows->below;
    if (rows->below > relay->claimed)
        relay->claimed = rows->below;
    atomic_store(&lot->pending, 1);
    append(relay, lot);
    enum status status = STATUS_OK;
    for (size_t at = 0; at < rows->count && status == STATUS_OK; at++)
        if (rows->rows[at].partition == relay->partition) {
            if (rows->rows[at].kind != OUTBOX_LEVEL &&
                rows->rows[at].offset >= lot->stored_until)
                lot->stored_until = rows->rows[at].offset + 1;
            status = send_row(way, &rows->rows[at], lot, error);
        }
    if (status != STATUS_OK)
        atomic_store(&lot->failed, true);
    return status;
}

/* ---- what the table holds --------------------------------------------------------------------- */

/*
 * A page ends between two offsets: rows of the last offset are left to the next page, unless
 * the page is the last one.
 */
static size_t whole_offsets(const struct outbox_row *rows, size_t count,
                            int64_t *next_out)
{
    size_t end = count;
    if (count == STORE_OUTBOX_PAGE)
        while (end > 1 && rows[end - 1].offset == rows[count - 1].offset)
            end--;
    *next_out = rows[end - 1].offset + 1;
    return end;
}

static enum status send_page(struct relay *relay, const struct relay_way *way,
                             const struct rows *rows, int64_t *from, struct error *error)
{
    struct outbox_row page[STORE_OUTBOX_PAGE] = {0};
    ASSERT(rows->count > 0 && rows->count <= STORE_OUTBOX_PAGE);
    for (int row = 0; row < rows->count; row++)
        page[row] = store_outbox_row(rows, row);
    const struct relay_rows sent = {.rows = page,
                                    .count =
                                        whole_offsets(page, (size_t)rows->count, from),
                                    .below = relay->below};
    return relay_send(relay, way, &sent, error);
}

static enum status send_stored(struct relay *relay, const struct relay_way *way,
                               struct postgres *postgres, struct error *error)
{
    const struct partition_ref ref = {way->source_topic, relay->partition};
    for (;;) {
        SCOPED(rows_release) struct rows rows = {0};
        enum status status =
            store_outbox_read(postgres, &ref, relay->stored_told, &rows, error);
        if (status != STATUS_OK || rows.count == 0)
            return status;
        status = send_page(relay, way, &rows, &relay->stored_told, error);
        if (status != STATUS_OK)
            return status;
    }
}

struct changed_sender {
    struct relay *relay;
    const struct relay_way *way;
    struct pool pool;
    struct record_room room;
};

static enum status send_changed(void *self, const struct changed_level *changed,
                                struct error *error)
{
    struct changed_sender *sender = self;
    const struct cause cause = {.topic = sender->way->source_topic,
                                .partition = sender->relay->partition,
                                .offset = changed->offset,
                                .traceparent = changed->traceparent};
    struct outbox_row row;
    pool_reset(&sender->pool);
    if (!record_level(&changed->record, &cause, &sender->room, &row))
        return error_set(error, STATUS_RETRY, "apply: out of memory for the outbox");
    const struct relay_rows sent = {
        .rows = &row, .count = 1, .below = sender->relay->below};
    return relay_send(sender->relay, sender->way, &sent, error);
}

static enum status send_levels(struct relay *relay, const struct relay_way *way,
                               struct postgres *postgres, const struct changed_span *span,
                               struct error *error)
{
    struct changed_sender sender = {.relay = relay, .way = way};
    const struct changed_visitor visitor = {.each = send_changed, .self = &sender};
    const struct partition_ref ref = {way->source_topic, relay->partition};
    pool_init(&sender.pool, RECORD_BYTES_MAX);
    record_room_init(&sender.room, &sender.pool);
    enum status status = store_changed_levels(postgres, &ref, span, &visitor, error);
    record_room_free(&sender.room);
    pool_free(&sender.pool);
    return status;
}

/* The levels of the first piece of the span, which begins behind it then. */
static enum status send_piece(struct relay *relay, const struct relay_way *way,
                              struct postgres *postgres, struct changed_span *span,
                              struct error *error)
{
    struct changed_span piece = *span;
    const struct partition_ref ref = {way->source_topic, relay->partition};
    enum status status = store_changed_step(postgres, &ref, span, &piece.until, error);
    if (status == STATUS_OK)
        status = send_levels(relay, way, postgres, &piece, error);
    if (status == STATUS_OK)
        span->from = piece.until;
    return status;
}

static enum status catch_up(struct relay *relay, const struct relay_way *way,
                            struct postgres *postgres, int64_t next_offset,
                            struct error *error)
{
    enum status status = send_stored(relay, way, postgres, error);
    struct changed_span owed = {.from = relay->told, .until = next_offset};
    if (status == STATUS_OK)
        status = send_piece(relay, way, postgres, &owed, error);
    if (status != STATUS_OK)
        return status;
    relay->told = owed.from;
    if (owed.from < owed.until)
        return STATUS_OK; /* nothing is claimed before all is sent */
    relay->behind = false;
    relay_stored(relay, next_offset); /* of earlier owners: nobody knows what there is */
    const struct relay_rows none = {.below = next_offset};
    return relay_send(relay, way, &none, error);
}

static bool is_again_due(const struct relay *relay)
{
    const struct relay_again *again = &relay->again;
    return again->waits && again->due_us != 0 && clock_monotonic_us() >= again->due_us;
}

static enum status tell_again(struct relay *relay, const struct relay_way *way,
                              struct postgres *postgres, struct error *error)
{
    const struct relay_rows none = {.below = relay->below};
    struct changed_span owed = {.from = relay->again.told,
                                .until = relay->again.span.until};
    enum status status = send_piece(relay, way, postgres, &owed, error);
    if (status != STATUS_OK)
        return status;
    relay->again.told = owed.from;
    if (owed.from < owed.until)
        return STATUS_OK;
    status = relay_send(relay, way, &none, error);
    if (status != STATUS_OK)
        return status;
    relay->last->ends_again = true;
    relay->again.due_us = 0;
    return STATUS_OK;
}

bool relay_owes(const struct relay *relay)
{
    if (relay->behind)
        return clock_monotonic_us() >= relay->resume_us;
    return is_again_due(relay);
}

enum status relay_step(struct relay *relay, const struct relay_way *way,
                       struct postgres *postgres, int64_t next_offset,
                       struct error *error)
{
    if (relay->behind)
        return catch_up(relay, way, postgres, next_offset, error);
    return is_again_due(relay) ? tell_again(relay, way, postgres, error) : STATUS_OK;
}

/* ---- settling ------------------------------------------------------------------------------------ */

/* The tables still hold what the lots were made of. */
static void begin_again(struct relay *relay, const char *why)
{
    int doublings = relay->tries < RESUME_DOUBLINGS ? relay->tries : RESUME_DOUBLINGS;
    relay->tries++;
    relay->resume_us = clock_monotonic_us() + ((int64_t)RESUME_FIRST_US << doublings);
    (void)snprintf(relay->why, sizeof(relay->why), "%s",
                   why[0] != '\0' ? why : "apply: the producer's queue is full");
    relay_end(relay);
    relay->behind = false;
    relay_fall_behind(relay);
    relay->again.told = relay->again.span.from;
    if (relay->again.due_us == 0)
        relay->again.due_us = 1; /* at once, where it still waits */
}

static void all_is_well(struct relay *relay)
{
    relay->tries = 0;
    relay->why[0] = '\0';
}

static void was_taken(struct relay *relay, const struct relay_lot *lot)
{
    relay_stored(relay, lot->stored_until);
    if (lot->stored_until > relay->stored_done)
        relay->stored_done = lot->stored_until;
    if (lot->ends_again)
        relay->again.waits = false;
    if (lot->below <= relay->below)
        return;
    relay->below = lot->below;
    all_is_well(relay);
}

void relay_settle(struct relay *relay)
{
    while (relay->first != NULL && atomic_load(&relay->first->pending) == 1) {
        struct relay_lot *lot = relay->first;
        if (atomic_load(&lot->failed)) {
            begin_again(relay, lot->why);
            return;
        }
        was_taken(relay, lot);
        relay->first = lot->next;
        if (relay->first == NULL)
            relay->last = NULL;
        lot_drop(lot);
        if (relay->first == NULL && !relay->behind)
            all_is_well(relay);
    }
}
