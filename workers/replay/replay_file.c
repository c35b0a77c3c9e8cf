#include "workers/replay/replay_file.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/json_lines.h"
#include "common/runtime/life.h"
#include "workers/replay/replay_live.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RECORD_POOL_MAX ((size_t)8 * 1024 * 1024)

/* Large, so never on a stack. */
struct archive {
    const char *path;
    const struct archive_visitor *visitor;
    int handle;
    bool is_last;
    int64_t number;
    struct span piece; /* of the file, not yet in the window */
    struct digest *digest;
    struct pool pool; /* of one record */
    struct text_window window;
    struct json_lines lines;
    char room[TEXT_PIECE_MAX];
};

static void archive_free(struct archive **slot)
{
    struct archive *archive = *slot;
    *slot = NULL;
    if (archive == NULL)
        return;
    if (archive->handle >= 0)
        (void)close(archive->handle);
    digest_free(&archive->digest);
    pool_free(&archive->pool);
    free(archive);
}

static enum status cannot_read(const char *path, int code, struct error *error)
{
    return replay_refuse(error, EXIT_DATA, "cannot read %.300s: %s", path,
                         strerror(code));
}

static enum status archive_open(const char *path, struct archive **out,
                                struct error *error)
{
    SCOPED(archive_free) struct archive *archive = calloc(1, sizeof(*archive));
    if (archive == NULL)
        return error_set(error, STATUS_FATAL, "replay: out of memory");
    archive->path = path;
    pool_init(&archive->pool, RECORD_POOL_MAX);
    archive->digest = digest_new();
    archive->handle = open(path, O_RDONLY | O_CLOEXEC);
    if (archive->handle < 0)
        return cannot_read(path, errno, error);
    if (archive->digest == NULL)
        return error_set(error, STATUS_FATAL, "replay: out of memory");
    digest_begin(archive->digest);
    text_window_init(&archive->window, TEXT_UTF_8);
    *out = TAKE(archive);
    return STATUS_OK;
}

static enum status read_piece(struct archive *archive, struct error *error)
{
    if (archive->piece.length == 0 && !archive->is_last) {
        ssize_t got;
        do
            got = read(archive->handle, archive->room, sizeof(archive->room));
        while (got < 0 && errno == EINTR);
        if (got < 0)
            return cannot_read(archive->path, errno, error);
        archive->is_last = got == 0;
        archive->piece = (struct span){archive->room, (size_t)got};
        digest_add(archive->digest, archive->piece);
    }
    text_window_add(&archive->window, &archive->piece, archive->is_last);
    return STATUS_OK;
}

static enum status read_line(struct archive *archive, const struct json_line *line,
                             struct error *error)
{
    struct archived_record record;
    struct error why = {0};
    pool_reset(&archive->pool);
    enum status status =
        line->too_long ? error_set(&why, STATUS_REJECT, "the line is too long")
                       : record_json_read(line->text, &archive->pool, &record, &why);
    if (status != STATUS_OK)
        return replay_refuse(error, EXIT_DATA, "%.200s, line %" PRId64 ": %.200s",
                             archive->path, line->line, why.text);
    return archive->visitor->each(archive->visitor->self, &record, archive->number++,
                                  error);
}

static enum status read_all(struct archive *archive, struct error *error)
{
    struct json_line line;
    enum status status = STATUS_OK;
    enum text_step step = TEXT_STEP_MORE;
    while (status == STATUS_OK && step != TEXT_STEP_END) {
        step = json_lines_next(&archive->lines, &archive->window, &line);
        if (step == TEXT_STEP_RECORD)
            status = read_line(archive, &line, error);
        else if (step == TEXT_STEP_MORE)
            status = read_piece(archive, error);
    }
    return status;
}

enum status archive_read(const char *path, const struct archive_visitor *visitor,
                         struct archive_file *file_out, struct error *error)
{
    SCOPED(archive_free) struct archive *archive = NULL;
    enum status status = archive_open(path, &archive, error);
    if (status != STATUS_OK)
        return status;
    ASSERT(archive != NULL);
    archive->visitor = visitor;
    status = read_all(archive, error);
    if (status == STATUS_OK && file_out != NULL) {
        file_out->records = archive->number;
        digest_end_hex(archive->digest, DIGEST_BYTES, file_out->digest);
    }
    return status;
}

/* ---- published ------------------------------------------------------------------------------- */

static enum status look_at(void *self, const struct archived_record *record,
                           int64_t number, struct error *error)
{
    (void)self;
    (void)record;
    (void)number;
    (void)error;
    return STATUS_OK;
}

struct publishing {
    struct live_batch *batch;
    struct replay_feed *feed;
};

static enum status publish_one(void *self, const struct archived_record *record,
                               int64_t number, struct error *error)
{
    const struct publishing *publishing = self;
    struct live_batch *batch = publishing->batch;
    if (number >= batch->part.until_offset)
        return STATUS_OK;
    if (number < batch->part.next_offset)
        return live_keep(batch, publishing->feed, error);
    if (life_ending())
        return replay_refuse(error, EXIT_AGAIN, "asked to end");
    enum status status = replay_feed_offer(publishing->feed, record, error);
    return status == STATUS_OK ? live_reached(batch, publishing->feed, number + 1, error)
                               : status;
}

static enum status publish_file(struct live_batch *batch, struct replay_feed *feed,
                                struct error *error)
{
    struct publishing publishing = {batch, feed};
    const struct archive_visitor visitor = {.each = publish_one, .self = &publishing};
    enum status status = archive_read(batch->replay->flags->file, &visitor, NULL, error);
    struct error ignored = {0};
    enum status noted =
        live_note(batch, feed, true, status == STATUS_OK ? error : &ignored);
    return status == STATUS_OK ? noted : status;
}

/* Every line is looked at before the first one is published. */
enum status replay_run_file(struct replay *replay, struct live_batch *batch,
                            struct error *error)
{
    struct archive_file file = {0};
    const struct archive_visitor visitor = {.each = look_at};
    enum status status = archive_read(replay->flags->file, &visitor, &file, error);
    if (status == STATUS_OK)
        status = replay_choose_file(replay, file.digest, file.records, error);
    if (status == STATUS_OK)
        status = live_batch_open(replay, batch, error);
    return status == STATUS_OK ? live_publish(batch, publish_file, error) : status;
}
