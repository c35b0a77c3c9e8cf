/*
 * Into the live state: records of the past go onto the topic once more, behind what is there,
 * and the running apply judges them as any other. What the ledger knows is a duplicate; what
 * it has forgotten is judged by version and time; changes that are older than it remembers
 * are left out. Nothing of a SKU is reordered: a part is published in its order.
 */
#include "workers/replay/replay_live.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/digest.h"
#include "common/runtime/life.h"
#include "workers/replay/replay_read.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define LEASE_MS 15000
#define NOTE_US 1000000LL
#define NOTE_RECORDS 20000
#define OTHERS_MS 500
#define BATCH_ID_BYTES 16 /* as hex it is the trace id of all copies */

/* ---- the batch ------------------------------------------------------------------------------- */

static enum status make_id(const struct replay *replay, char id_out[REPLAY_BATCH_ID_MAX],
                           struct error *error)
{
    SCOPED(digest_free) struct digest *digest = digest_new();
    if (digest == NULL)
        return error_set(error, STATUS_FATAL, "replay: out of memory");
    digest_begin(digest);
    digest_add_text(digest, span_from(replay->choice.text));
    digest_add_number(digest, clock_now_us());
    digest_end_hex(digest, BATCH_ID_BYTES, id_out);
    return STATUS_OK;
}

static enum status make_batch(struct live_batch *batch, struct error *error)
{
    struct replay *replay = batch->replay;
    enum status status = make_id(replay, batch->id, error);
    if (status == STATUS_OK)
        status = store_batch_make(replay->live, span_from(batch->id),
                                  span_from(replay->choice.text), error);
    for (int32_t at = 0; at < replay->choice.partitions && status == STATUS_OK; at++) {
        const struct replay_part *part = &replay->choice.parts[at];
        if (part->until > part->from)
            status = store_batch_part(replay->live, span_from(batch->id),
                                      &(struct batch_part){.partition = part->partition,
                                                           .next_offset = part->from,
                                                           .until_offset = part->until},
                                      error);
    }
    return status;
}

static enum status find_or_make(struct live_batch *batch, struct error *error)
{
    struct replay *replay = batch->replay;
    bool found = false;
    enum status status = store_batch_find(replay->live, span_from(replay->choice.text),
                                          batch->id, &found, error);
    if (status == STATUS_OK && found && replay->flags->fresh) {
        status = store_batch_end(replay->live, span_from(batch->id), error);
        found = false;
    }
    if (status == STATUS_OK && !found)
        status = make_batch(batch, error);
    batch->goes_on = found;
    return status;
}

enum status live_batch_open(struct replay *replay, struct live_batch *batch,
                            struct error *error)
{
    char host[64] = "";
    struct error ignored = {0};
    struct span name = span_from("into live");
    *batch = (struct live_batch){.replay = replay};
    (void)gethostname(host, sizeof(host) - 1);
    (void)snprintf(batch->owner, sizeof(batch->owner), "%s/%ld", host, (long)getpid());
    enum status status = store_replay_lock(replay->live, name, error);
    if (status != STATUS_OK)
        return status;
    status = find_or_make(batch, error);
    (void)store_replay_unlock(replay->live, name, &ignored);
    batch->claim = (struct batch_claim){.id = span_from(batch->id),
                                        .owner = span_from(batch->owner),
                                        .lease_ms = LEASE_MS};
    return status;
}

/* ---- one part ---------------------------------------------------------------------------------- */

/* All that was offered is acknowledged; then it is noted. */
enum status live_note(struct live_batch *batch, struct replay_feed *feed, bool ends,
                      struct error *error)
{
    struct batch_claim claim = batch->claim;
    if (ends)
        claim.lease_ms = 0;
    enum status status = replay_feed_settle(feed, error);
    if (status == STATUS_OK)
        status = store_batch_reach(batch->replay->live, &claim, &batch->part,
                                   &feed->counts, error);
    if (status != STATUS_OK)
        return status;
    feed->counts = (struct batch_counts){0};
    batch->noted_us = clock_monotonic_us();
    batch->since_note = 0;
    if (batch->part.lost)
        return replay_refuse(error, EXIT_AGAIN,
                             "partition %d was taken over: this process was asleep for "
                             "longer than its lease; run it again",
                             (int)batch->part.partition);
    return STATUS_OK;
}

static enum status show(struct live_batch *batch, struct error *error)
{
    struct batch_sum sum = {0};
    enum status status =
        store_batch_sum(batch->replay->live, batch->claim.id, &sum, error);
    if (status == STATUS_OK)
        replay_progress_show(&batch->progress, sum.done, sum.left);
    return status;
}

enum status live_keep(struct live_batch *batch, struct replay_feed *feed,
                      struct error *error)
{
    bool is_due = batch->since_note >= NOTE_RECORDS ||
                  clock_monotonic_us() - batch->noted_us > NOTE_US;
    if (!is_due)
        return STATUS_OK;
    enum status status = live_note(batch, feed, false, error);
    return status == STATUS_OK ? show(batch, error) : status;
}

enum status live_reached(struct live_batch *batch, struct replay_feed *feed,
                         int64_t next_offset, struct error *error)
{
    batch->part.next_offset = next_offset;
    batch->since_note++;
    return live_keep(batch, feed, error);
}

/* Both of one part, for the reader. */
struct publishing {
    struct live_batch *batch;
    struct replay_feed *feed;
};

static enum status publish_record(void *self, const struct archived_record *record,
                                  struct error *error)
{
    const struct publishing *publishing = self;
    enum status status = replay_feed_offer(publishing->feed, record, error);
    return status == STATUS_OK ? live_reached(publishing->batch, publishing->feed,
                                              record->offset + 1, error)
                               : status;
}

static enum status keep_lease(void *self, struct error *error)
{
    const struct publishing *publishing = self;
    return live_keep(publishing->batch, publishing->feed, error);
}

/* What was published before it had to end is noted too. */
static enum status publish_part(struct live_batch *batch, struct replay_feed *feed,
                                struct error *error)
{
    struct publishing publishing = {batch, feed};
    struct error ignored = {0};
    const struct replay_reader reader = {
        .each = publish_record, .idle = keep_lease, .self = &publishing};
    const struct replay_stretch stretch = {.partition = batch->part.partition,
                                           .from = batch->part.next_offset,
                                           .until = batch->part.until_offset};
    enum status status = replay_read(batch->replay, &stretch, &reader, error);
    if (status == STATUS_OK)
        batch->part.next_offset = stretch.until; /* markers lie between */
    enum status noted =
        live_note(batch, feed, true, status == STATUS_OK ? error : &ignored);
    return status == STATUS_OK ? noted : status;
}

/* ---- all parts ----------------------------------------------------------------------------------- */

static enum status next_part(struct live_batch *batch, bool *any_out, struct error *error)
{
    struct batch_sum sum = {0};
    enum status status = STATUS_OK;
    *any_out = false;
    while (status == STATUS_OK && !life_ending()) {
        status = store_batch_claim(batch->replay->live, &batch->claim, &batch->part,
                                   any_out, error);
        if (status != STATUS_OK || *any_out)
            break;
        status = store_batch_sum(batch->replay->live, batch->claim.id, &sum, error);
        if (sum.left == 0)
            break;
        life_wait_ms(OTHERS_MS); /* others have what is left, until their leases end */
    }
    batch->noted_us = clock_monotonic_us();
    return status;
}

enum status live_publish(struct live_batch *batch, live_part_publisher *publish,
                         struct error *error)
{
    struct replay_feed feed;
    struct batch_sum sum = {0};
    bool any = true;
    enum status status =
        replay_feed_open(batch->replay, batch->claim.id, true, &feed, error);
    if (status == STATUS_OK)
        status = store_batch_sum(batch->replay->live, batch->claim.id, &sum, error);
    replay_progress_begin(&batch->progress, "replay", sum.done);
    while (status == STATUS_OK && any && !life_ending()) {
        status = next_part(batch, &any, error);
        if (status == STATUS_OK && any)
            status = publish(batch, &feed, error);
    }
    replay_progress_end(&batch->progress);
    replay_feed_close(&feed);
    if (status == STATUS_OK)
        status =
            store_batch_sum(batch->replay->live, batch->claim.id, &batch->sum, error);
    if (status == STATUS_OK && batch->sum.left == 0)
        status = store_batch_end(batch->replay->live, batch->claim.id, error);
    else if (status == STATUS_OK)
        status = replay_refuse(error, EXIT_AGAIN,
                               "asked to end with %" PRId64
                               " records left of batch %s; the same command goes on",
                               batch->sum.left, batch->id);
    return status;
}

enum status replay_run_live(struct replay *replay, struct live_batch *batch,
                            struct error *error)
{
    enum status status = replay_choose(replay, false, error);
    if (status == STATUS_OK)
        status = live_batch_open(replay, batch, error);
    return status == STATUS_OK ? live_publish(batch, publish_part, error) : status;
}
