/* A choice of the topic as a file: one JSON line a record, in order of partition and offset. */
#include "workers/replay/replay_live.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "workers/replay/replay_read.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LINE_BYTES_MAX ((size_t)32 * 1024 * 1024)
#define PATH_BYTES_MAX 4096

struct export
{
    struct replay *replay;
    FILE *out;
    struct buf line;
    struct replay_feed feed; /* chooses; publishes nothing */
    struct replay_progress progress;
    int64_t done;
    int64_t written;
};

static enum status cannot_write(const struct export *export, struct error *error)
{
    return replay_refuse(error, EXIT_UNAVAILABLE, "cannot write %.300s: %s",
                         export->replay->flags->out, strerror(errno));
}

/* By SKU or source only events are chosen; without either, every record there is. */
static enum status is_wanted(struct export *export, const struct archived_record *record,
                             bool *wanted_out, struct error *error)
{
    const struct replay_choice *choice = &export->replay->choice;
    *wanted_out = true;
    if (choice->sku.bytes == NULL && choice->source.bytes == NULL)
        return STATUS_OK;
    export->feed.counts = (struct batch_counts){0};
    enum status status = replay_feed_offer(&export->feed, record, error);
    *wanted_out = export->feed.counts.published + export->feed.counts.too_old > 0;
    return status;
}

static enum status write_record(void *self, const struct archived_record *record,
                                struct error *error)
{
    struct export *export = self;
    bool wanted = false;
    export->done++;
    replay_progress_show(&export->progress, export->done,
                         export->replay->choice.records - export->done);
    enum status status = is_wanted(export, record, &wanted, error);
    if (status != STATUS_OK || !wanted)
        return status;
    buf_clear(&export->line);
    record_json_write(record, &export->line);
    buf_byte(&export->line, '\n');
    if (export->line.failed)
        return error_set(error, STATUS_FATAL, "replay: a record is too large to export");
    size_t length = export->line.length;
    if (fwrite(export->line.bytes, 1, length, export->out) != length)
        return cannot_write(export, error);
    export->written++;
    return STATUS_OK;
}

static enum status export_parts(struct export *export, struct error *error)
{
    struct replay *replay = export->replay;
    enum status status =
        replay_feed_open(replay, SPAN_OF(""), false, &export->feed, error);
    replay_progress_begin(&export->progress, "export", 0);
    const struct replay_reader reader = {.each = write_record, .self = export};
    for (int32_t at = 0; at < replay->choice.partitions && status == STATUS_OK; at++) {
        const struct replay_part *part = &replay->choice.parts[at];
        const struct replay_stretch stretch = {at, part->from, part->until};
        status = replay_read(replay, &stretch, &reader, error);
    }
    replay_progress_end(&export->progress);
    replay_feed_close(&export->feed);
    return status;
}

/* The file appears under its name once it is whole. */
static enum status export_to(struct export *export, const char *path, struct error *error)
{
    export->out = fopen(path, "wxe");
    if (export->out == NULL)
        return cannot_write(export, error);
    enum status status = export_parts(export, error);
    bool is_flushed = fflush(export->out) == 0 && fsync(fileno(export->out)) == 0;
    bool is_closed = fclose(export->out) == 0;
    if (status == STATUS_OK && (!is_flushed || !is_closed))
        status = cannot_write(export, error);
    if (status == STATUS_OK && link(path, export->replay->flags->out) != 0)
        status = cannot_write(export, error); /* it exists: nothing is overwritten */
    (void)unlink(path);
    return status;
}

enum status replay_export_verb(struct replay *replay, struct error *error)
{
    static struct export export; /* large, and there is one */
    char path[PATH_BYTES_MAX];
    if (replay->flags->out == NULL)
        return replay_refuse(error, EXIT_USAGE, "--out FILE says where to");
    int length =
        snprintf(path, sizeof(path), "%s.%ld.part", replay->flags->out, (long)getpid());
    if (length < 0 || (size_t)length >= sizeof(path))
        return replay_refuse(error, EXIT_USAGE, "the file's name is too long");
    export.replay = replay;
    buf_init(&export.line, LINE_BYTES_MAX);
    enum status status = replay_choose(replay, false, error);
    if (status == STATUS_OK)
        status = export_to(&export, path, error);
    buf_free(&export.line);
    if (status == STATUS_OK && replay->output == OUTPUT_TABLE)
        printf("%" PRId64 " records in %s\n", export.written, replay->flags->out);
    else if (status == STATUS_OK)
        printf("{\"records\":%" PRId64 "}\n", export.written);
    return status;
}
