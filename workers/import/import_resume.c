#include "workers/import/import_resume.h"

#include "common/base/scope.h"
#include "common/codec/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PIECE_BYTES ((size_t)64 * 1024)
#define NAME_BYTES_MAX 1000

static enum status digest_file(struct digest *digest, const char *path,
                               struct error *error)
{
    char piece[PIECE_BYTES];
    int handle = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = -1;
    while (handle >= 0 && (got = read(handle, piece, sizeof(piece))) != 0) {
        if (got > 0)
            digest_add(digest, (struct span){piece, (size_t)got});
        else if (errno != EINTR)
            break;
    }
    int code = errno;
    if (handle >= 0)
        (void)close(handle);
    if (got == 0)
        return STATUS_OK;
    (void)error_set(error, STATUS_REJECT, "cannot read %.300s: %s", path, strerror(code));
    return error_exit(error, EXIT_DATA);
}

static enum status name_file(const struct import_context *context,
                             const struct import_file *file, struct import_state *state,
                             struct error *error)
{
    SCOPED(digest_free) struct digest *digest = digest_new();
    if (digest == NULL)
        return error_set(error, STATUS_FATAL, "import: out of memory");
    digest_begin(digest);
    digest_add_text(digest, file->feed);
    digest_add_text(digest, span_from(context->mapping->digest));
    enum status status = digest_file(digest, file->path, error);
    if (status == STATUS_OK)
        digest_end_hex(digest, DIGEST_BYTES, state->id);
    return status;
}

enum status resume_find(struct postgres *postgres, const struct import_context *context,
                        const struct import_file *file, struct import_state *state,
                        struct error *error)
{
    bool held = false;
    enum status status = name_file(context, file, state, error);
    if (status == STATUS_OK)
        status = store_import_hold(postgres, span_from(state->id), &held, error);
    if (status != STATUS_OK)
        return status;
    if (!held) {
        (void)error_set(error, STATUS_RETRY, "another process is importing %.300s",
                        file->path);
        return error_exit(error, EXIT_AGAIN);
    }
    return store_import_find(postgres, span_from(state->id), &state->mark, error);
}

/* For people: cut off, and without what the database does not hold as text. */
static struct span shown_name(const char *path, char room[NAME_BYTES_MAX + 1])
{
    size_t length = 0;
    for (const char *at = path; *at != '\0' && length < NAME_BYTES_MAX; at++)
        room[length++] =
            (unsigned char)*at >= ' ' && (unsigned char)*at < 0x7f ? *at : '?';
    room[length] = '\0';
    return (struct span){room, length};
}

enum status resume_begin(struct postgres *postgres, const struct import_file *file,
                         struct import_state *state, struct error *error)
{
    char room[NAME_BYTES_MAX + 1];
    const struct import_name name = {.id = span_from(state->id),
                                     .feed = file->feed,
                                     .file = shown_name(file->path, room)};
    if (state->mark.is_running)
        return STATUS_OK;
    enum status status = store_import_begin(postgres, &name, error);
    if (status == STATUS_OK)
        state->mark = (struct import_mark){.is_running = true};
    return status;
}

enum status resume_reach(struct postgres *postgres, struct import_state *state,
                         int64_t reached, bool is_whole, struct error *error)
{
    state->mark.reached = reached;
    state->mark.is_running = !is_whole;
    return store_import_reach(postgres, span_from(state->id), &state->mark, error);
}
