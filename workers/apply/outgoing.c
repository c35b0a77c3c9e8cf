#include "workers/apply/outgoing.h"

#include "common/base/check.h"
#include "common/runtime/life.h"
#include "workers/apply/apply.h"
#include "workers/apply/incidents.h"
#include "workers/apply/records.h"

#define LOT_MAX 256

static bool is_stale(int64_t since_us)
{
    return clock_monotonic_us() - since_us > OUTGOING_FRESH_US;
}

/* The tables know what the partitions owe. */
static void fall_behind(struct lane *lane)
{
    for (size_t at = 0; at < lane->part_count; at++) {
        struct part *part = &lane->parts[at];
        if (part->next_offset > part->relay.claimed)
            relay_fall_behind(&part->relay);
    }
    pending_clear(&lane->pending);
}

/* ---- telling ------------------------------------------------------------------------------- */

/* Some of the levels that wait, so that few records are in memory at once. */
struct lot {
    size_t from;
    size_t count;
    bool last;
};

static bool build(struct lane *lane, const struct lot *lot, struct outbox_row *rows)
{
    struct record_room room;
    bool all = true;
    record_room_init(&room, &lane->records_pool);
    for (size_t at = 0; at < lot->count && all; at++) {
        const struct pending_level *level = &lane->pending.levels[lot->from + at];
        const struct cause cause = {.topic = span_from(lane->apply->topic),
                                    .partition = level->partition,
                                    .offset = level->offset,
                                    .traceparent = level->traceparent};
        all = record_level(&level->record, &cause, &room, &rows[at]);
    }
    record_room_free(&room);
    return all;
}

/* Only the last lot makes it all that the offsets owe. */
static void send(struct lane *lane, const struct lot *lot, const struct outbox_row *rows)
{
    const struct relay_way way = apply_relay_way(lane->apply);
    for (size_t at = 0; at < lane->part_count; at++) {
        struct part *part = &lane->parts[at];
        struct error ignored = {0};
        if (part->relay.behind || part->lost || part->next_offset <= part->relay.claimed)
            continue;
        const struct relay_rows sent = {
            rows, lot->count, lot->last ? part->next_offset : part->relay.claimed};
        (void)relay_send(&part->relay, &way, &sent, &ignored);
    }
}

static bool tell_lot(struct lane *lane, const struct lot *lot)
{
    struct outbox_row rows[LOT_MAX];
    pool_reset(&lane->records_pool);
    if (!build(lane, lot, rows))
        return false;
    send(lane, lot, rows);
    return true;
}

/* `whole`: no level of a committed batch is missing among those that wait. */
static void tell(struct lane *lane, bool whole)
{
    struct lot lot = {0};
    bool told = !is_stale(lane->pending_since_us);
    do {
        lot.from += lot.count;
        lot.count = lane->pending.count - lot.from;
        lot.count = lot.count < LOT_MAX ? lot.count : LOT_MAX;
        lot.last = whole && lot.from + lot.count == lane->pending.count;
        told = told && tell_lot(lane, &lot);
    } while (told && lot.from + lot.count < lane->pending.count);
    if (told)
        pending_clear(&lane->pending);
    else
        fall_behind(lane);
}

void outgoing_tell(struct lane *lane, bool now)
{
    if (!lane->tells || !apply_tells(lane->apply))
        return;
    bool due = now || lane->pending.count > PENDING_MAX / 4 * 3 ||
               clock_monotonic_us() - lane->pending_since_us > OUTGOING_WAIT_US;
    if (!due)
        return;
    tell(lane, true);
    lane->tells = false;
}

/* ---- noting -------------------------------------------------------------------------------- */

static void note_levels(struct lane *lane)
{
    struct pending_level level;
    for (size_t at = 0; at < lane->batch.place_count; at++) {
        if (!batch_told_level(&lane->batch, at, &level))
            continue;
        if (pending_add(&lane->pending, &level))
            continue;
        tell(lane, false);
        lane->pending_since_us = lane->batch_began_us;
        if (!pending_add(&lane->pending, &level)) {
            struct part *part = lane_part(lane, level.partition);
            ASSERT(part != NULL);
            relay_fall_behind(&part->relay);
        }
    }
}

/* Rows of the table; they claim nothing of the levels that wait. */
static void send_stored(struct lane *lane, const struct store_effects *effects)
{
    const struct relay_way way = apply_relay_way(lane->apply);
    for (size_t at = 0; at < effects->progress_count; at++) {
        struct part *part = lane_part(lane, effects->progress[at].fence.partition);
        struct error ignored = {0};
        const struct relay_rows rows = {effects->outbox, effects->outbox_count,
                                        part->relay.claimed};
        if (!part->relay.behind && effects->outbox_count > 0)
            (void)relay_send(&part->relay, &way, &rows, &ignored);
    }
}

void outgoing_note(struct lane *lane, const struct store_effects *effects)
{
    if (!apply_tells(lane->apply))
        return;
    if (is_stale(lane->batch_began_us)) {
        for (size_t at = 0; at < effects->progress_count; at++)
            relay_fall_behind(
                &lane_part(lane, effects->progress[at].fence.partition)->relay);
        return;
    }
    if (!lane->tells)
        lane->pending_since_us = lane->batch_began_us;
    lane->tells = true; /* also where no level changed: the offsets are to be claimed */
    send_stored(lane, effects);
    note_levels(lane);
}

/* A shadow opens no incident and emits nothing: the first pass has. */
enum status outgoing_incidents(struct lane *lane, struct error *error)
{
    lane->batch.incident_count = 0;
    if (!apply_tells(lane->apply))
        return STATUS_OK;
    return batch_incidents(&lane->batch, lane->postgres, span_from(lane->apply->topic),
                           error);
}

/* ---- what the tables owe, and what the broker has ---------------------------------------- */

bool outgoing_is_behind(const struct lane *lane)
{
    return apply_tells(lane->apply) &&
           kafka_out_waiting(lane->apply->out) > LANE_WAITING_MAX;
}

/* One partition a turn, in turns: new records wait behind it. */
static struct part *next_owing(struct lane *lane)
{
    for (size_t tried = 0; tried < lane->part_count; tried++) {
        struct part *part = &lane->parts[lane->relay_next++ % lane->part_count];
        if (!part->lost && relay_owes(&part->relay))
            return part;
    }
    return NULL;
}

/* Said once, when it begins and when it is over; of all lanes together. */
static void say_refused(struct lane *lane, const char *why)
{
    bool refused = why != NULL;
    if (refused == lane->refused)
        return;
    lane->refused = refused;
    int lanes = atomic_fetch_add(&lane->apply->lanes_refused, refused ? 1 : -1);
    if (refused || lanes == 1)
        life_ready("outbox", !refused, why);
}

static void settle_all(struct lane *lane)
{
    const char *why = NULL;
    for (size_t at = 0; at < lane->part_count; at++) {
        struct relay *relay = &lane->parts[at].relay;
        relay_settle(relay);
        if (relay->why[0] != '\0' && !lane->parts[at].lost)
            why = relay->why;
    }
    say_refused(lane, why);
}

enum status outgoing_relay_old(struct lane *lane, struct error *error)
{
    const struct relay_way way = apply_relay_way(lane->apply);
    lane->owes = false;
    if (!apply_tells(lane->apply))
        return STATUS_OK;
    settle_all(lane);
    struct part *part = next_owing(lane);
    lane->owes = part != NULL;
    return part == NULL
               ? STATUS_OK
               : relay_step(&part->relay, &way, lane->postgres, part->next_offset, error);
}

enum status outgoing_note_idle(struct lane *lane, struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t at = 0; at < lane->part_count && status == STATUS_OK; at++) {
        struct relay *relay = &lane->parts[at].relay;
        relay_settle(relay);
        if (lane->parts[at].lost || relay_notable(relay) <= relay->noted)
            continue;
        const struct relayed relayed = {
            .ref = {span_from(lane->apply->topic), relay->partition},
            .epoch = lane->parts[at].epoch,
            .offset = relay_notable(relay),
            .trims = relay->trims};
        status = store_relayed(lane->postgres, &relayed, error);
        if (status != STATUS_OK)
            return status;
        relay->noted = relayed.offset;
        relay_trimmed(relay, relayed.offset);
    }
    return status;
}
