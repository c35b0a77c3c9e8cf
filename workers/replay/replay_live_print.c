/* What a batch came to, and what it would come to. */
#include "workers/replay/replay_live.h"

#include "common/base/check.h"
#include "common/codec/json_text.h"
#include "workers/replay/replay_read.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_BYTES_MAX ((size_t)16 * 1024)

static void json_counts(struct buf *line, const struct batch_counts *counts)
{
    json_member_number(line, "published", counts->published);
    json_member_number(line, "not_chosen", counts->passed_over);
    json_member_number(line, "refused", counts->refused);
    json_member_number(line, "too_old", counts->too_old);
}

static void print_counts(const struct batch_counts *counts, const char *tense)
{
    printf("  %10" PRId64 " %s, to be judged by apply\n"
           "  %10" PRId64 " of another SKU or source\n"
           "  %10" PRId64 " no event by this contract file\n"
           "  %10" PRId64 " changes older than the ledger remembers: left out\n",
           counts->published, tense, counts->passed_over, counts->refused,
           counts->too_old);
}

void replay_print_live(const struct live_batch *batch)
{
    if (batch->replay->output == OUTPUT_TABLE) {
        printf("batch %s%s: %" PRId64 " records\n", batch->id,
               batch->goes_on ? " (begun before)" : "", batch->sum.done);
        print_counts(&batch->sum.counts, "published");
        return;
    }
    struct buf line;
    buf_init(&line, LINE_BYTES_MAX);
    buf_byte(&line, '{');
    json_member_text(&line, "batch", span_from(batch->id));
    json_member_number(&line, "records", batch->sum.done);
    json_counts(&line, &batch->sum.counts);
    buf_byte(&line, '}');
    printf("%s\n", line.failed ? "{}" : line.bytes);
    buf_free(&line);
}

/* ---- plan ---------------------------------------------------------------------------------- */

struct look {
    struct replay *replay;
    struct replay_feed feed;
    int64_t looked;
    int64_t known; /* whose rows stand in the ledger */
};

static enum status look_at(void *self, const struct archived_record *record,
                           struct error *error)
{
    struct look *look = self;
    look->looked++;
    return replay_feed_offer(&look->feed, record, error);
}

static enum status look_at_part(struct look *look, const struct replay_part *part,
                                int64_t most, struct error *error)
{
    const struct replay_reader reader = {.each = look_at, .self = look};
    bool is_cut = part->until - part->from > most;
    const struct replay_stretch stretch = {.partition = part->partition,
                                           .from = part->from,
                                           .until =
                                               is_cut ? part->from + most : part->until};
    return replay_read(look->replay, &stretch, &reader, error);
}

static enum status look_at_all(struct look *look, struct error *error)
{
    struct replay *replay = look->replay;
    int64_t share = replay->flags->sample / (replay->choice.partitions + 1) + 1;
    enum status status = STATUS_OK;
    for (int32_t at = 0; at < replay->choice.partitions && status == STATUS_OK; at++) {
        const struct replay_part *part = &replay->choice.parts[at];
        int64_t known = 0;
        const struct known_stretch stretch = {.topic = span_from(replay->topic),
                                              .partition = part->partition,
                                              .from = part->from,
                                              .until = part->until};
        if (part->until == part->from)
            continue;
        status = store_replay_known(replay->live, &stretch, &known, error);
        look->known += known;
        if (status == STATUS_OK && replay->flags->sample > 0)
            status = look_at_part(look, part, share, error);
    }
    return status;
}

static void print_look(const struct look *look)
{
    const struct replay *replay = look->replay;
    int64_t records = replay->choice.records;
    int64_t rate = replay->flags->rate;
    if (replay->output == OUTPUT_TABLE) {
        printf("%s: %" PRId64 " records; of %" PRId64
               " the row stands in the ledger: they would be duplicates\n"
               "looked at %s: %" PRId64 " records\n",
               replay->choice.text[0] != '\0' ? replay->choice.text : "everything",
               records, look->known,
               look->looked == records ? "all of it"
                                       : "a sample from the beginning of each partition",
               look->looked);
        print_counts(&look->feed.counts, "would be published");
        if (rate > 0)
            printf("%" PRId64 " seconds at %" PRId64 " records/s (--rate)\n",
                   records / rate + 1, rate);
        return;
    }
    struct buf line;
    buf_init(&line, LINE_BYTES_MAX);
    buf_byte(&line, '{');
    json_member_text(&line, "choice", span_from(replay->choice.text));
    json_member_number(&line, "records", records);
    json_member_number(&line, "known", look->known);
    json_member_number(&line, "looked_at", look->looked);
    json_counts(&line, &look->feed.counts);
    json_member_number_or_null(&line, "seconds", rate > 0,
                               rate > 0 ? records / rate + 1 : 0);
    buf_byte(&line, '}');
    printf("%s\n", line.failed ? "{}" : line.bytes);
    buf_free(&line);
}

enum status replay_plan_live(struct replay *replay, struct error *error)
{
    static struct look look; /* large, and there is one */
    look.replay = replay;
    enum status status = replay_choose(replay, false, error);
    if (status != STATUS_OK)
        return status;
    status = replay_feed_open(replay, SPAN_OF(""), false, &look.feed, error);
    if (status == STATUS_OK)
        status = look_at_all(&look, error);
    if (status == STATUS_OK)
        print_look(&look);
    replay_feed_close(&look.feed);
    return status;
}
