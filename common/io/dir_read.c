#include "common/io/dir_read.h"

#include "common/base/scope.h"
#include "common/codec/digest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 16384

enum status dir_read_open(const char *path, struct dir_read *dir, struct error *error)
{
    dir->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir->folder >= 0)
        return STATUS_OK;
    (void)error_set(error, STATUS_REJECT, "%s: %s", path, strerror(errno));
    return error_exit(error, EXIT_DATA);
}

void dir_read_close(struct dir_read *dir)
{
    if (dir->folder >= 0)
        (void)close(dir->folder);
    dir->folder = -1;
}

/* ---- one file ------------------------------------------------------------------------------ */

static int open_in(int folder, const char *name, int flags)
{
    return openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags);
}

/* The folder of the name and the file in it, neither of them by a link. */
static int open_name(const struct dir_read *dir, const char *name)
{
    char folder[DIR_NAME_MAX];
    const char *slash = strchr(name, '/');
    if (slash == NULL)
        return open_in(dir->folder, name, 0);
    (void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - name), name);
    int inner = open_in(dir->folder, folder, O_DIRECTORY);
    if (inner < 0)
        return -1;
    int file = open_in(inner, slash + 1, 0);
    int code = errno;
    (void)close(inner);
    errno = code;
    return file;
}

int dir_read_file(const struct dir_read *dir, const char *name, int64_t *bytes_out)
{
    struct stat found;
    if (!dir_name_is_good(span_from(name))) {
        errno = EINVAL;
        return -1;
    }
    int file = open_name(dir, name);
    if (file < 0)
        return -1;
    if (fstat(file, &found) != 0 || !S_ISREG(found.st_mode)) {
        (void)close(file);
        errno = EINVAL;
        return -1;
    }
    if (bytes_out != NULL)
        *bytes_out = found.st_size;
    return file;
}

static void close_file(const int *file)
{
    if (*file >= 0)
        (void)close(*file);
}

static ssize_t read_piece(int file, char *room, size_t size)
{
    ssize_t got;
    do {
        got = read(file, room, size);
    } while (got < 0 && errno == EINTR);
    return got;
}

int dir_read_whole(const struct dir_read *dir, const char *name, struct buf *out)
{
    char piece[PIECE];
    SCOPED(close_file) const int file = dir_read_file(dir, name, NULL);
    if (file < 0)
        return errno;
    for (;;) {
        ssize_t got = read_piece(file, piece, sizeof piece);
        if (got < 0)
            return errno;
        if (got == 0)
            return out->failed ? EFBIG : 0;
        buf_add(out, piece, (size_t)got);
    }
}

int dir_read_entry(const struct dir_read *dir, const char *name,
                   struct dir_entry *entry_out)
{
    char piece[PIECE];
    SCOPED(digest_free) struct digest *digest = digest_new();
    SCOPED(close_file) const int file = dir_read_file(dir, name, NULL);
    if (file < 0)
        return errno;
    if (digest == NULL)
        return ENOMEM;
    *entry_out = (struct dir_entry){0};
    (void)snprintf(entry_out->name, sizeof entry_out->name, "%s", name);
    digest_begin(digest);
    for (;;) {
        ssize_t got = read_piece(file, piece, sizeof piece);
        if (got < 0)
            return errno;
        if (got == 0)
            break;
        entry_out->bytes += got;
        digest_add(digest, (struct span){piece, (size_t)got});
    }
    digest_end_hex(digest, DIGEST_BYTES, entry_out->sha256);
    return 0;
}

/* ---- lines --------------------------------------------------------------------------------- */

/* Hands on the lines that end in the piece; what is left waits in `held`. */
static enum status split(struct buf *held, struct span piece,
                         const struct dir_line_visitor *visitor, struct error *error)
{
    enum status status = STATUS_OK;
    while (piece.length > 0 && status == STATUS_OK) {
        const char *end = memchr(piece.bytes, '\n', piece.length);
        size_t length = end != NULL ? (size_t)(end - piece.bytes) : piece.length;
        buf_add(held, piece.bytes, length);
        if (held->failed)
            return error_set(error, STATUS_REJECT, "a line is too long");
        if (end == NULL)
            break;
        status = visitor->each(visitor->self,
                               held->length > 0 ? buf_view(held) : SPAN_OF(""), error);
        buf_clear(held);
        piece = (struct span){end + 1, piece.length - length - 1};
    }
    return status;
}

enum status dir_read_lines(const struct dir_read *dir, const char *name, size_t line_max,
                           const struct dir_line_visitor *visitor, struct error *error)
{
    char piece[PIECE];
    SCOPED(buf_free) struct buf held;
    SCOPED(close_file) const int file = dir_read_file(dir, name, NULL);
    buf_init(&held, line_max);
    if (file < 0)
        return error_set(error, STATUS_REJECT, "%s: %s", name, strerror(errno));
    for (;;) {
        ssize_t got = read_piece(file, piece, sizeof piece);
        if (got < 0)
            return error_set(error, STATUS_REJECT, "%s: %s", name, strerror(errno));
        if (got == 0)
            break;
        enum status status =
            split(&held, (struct span){piece, (size_t)got}, visitor, error);
        if (status != STATUS_OK)
            return status;
    }
    return held.length > 0 ? visitor->each(visitor->self, buf_view(&held), error)
                           : STATUS_OK;
}

/* ---- names --------------------------------------------------------------------------------- */

static enum status too_many(struct error *error)
{
    (void)error_set(error, STATUS_REJECT,
                    "more than %d files in it, or folders in "
                    "folders",
                    DIR_FILES_MAX);
    return error_exit(error, EXIT_DATA);
}

static DIR *stream_of(int folder)
{
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = copy >= 0 ? fdopendir(copy) : NULL;
    if (stream == NULL && copy >= 0)
        (void)close(copy);
    return stream;
}

static enum status list(int folder, const char *prefix, struct dir_names *names,
                        struct error *error);

static enum status list_inner(int folder, const char *name, struct dir_names *names,
                              struct error *error)
{
    char prefix[DIR_NAME_MAX + 2];
    SCOPED(close_file)
    const int inner = open_in(folder, name, O_DIRECTORY);
    if (inner < 0)
        return STATUS_OK; /* it is no folder */
    if ((size_t)snprintf(prefix, sizeof prefix, "%s/", name) >= sizeof prefix)
        return too_many(error);
    return list(inner, prefix, names, error);
}

static enum status list_stream(DIR *stream, const char *prefix, struct dir_names *names,
                               struct error *error)
{
    enum status status = STATUS_OK;
    int folder = dirfd(stream);
    for (struct dirent *entry = readdir(stream); entry != NULL && status == STATUS_OK;
         entry = readdir(stream)) {
        const char *name = entry->d_name;
        struct stat found;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        bool is_folder = fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
                         S_ISDIR(found.st_mode);
        if (is_folder && prefix[0] == '\0') {
            status = list_inner(folder, name, names, error);
            continue;
        }
        if (is_folder || names->count == DIR_FILES_MAX)
            return too_many(error);
        (void)snprintf(names->names[names->count++], sizeof names->names[0], "%s%s",
                       prefix, name);
    }
    return status;
}

static enum status list(int folder, const char *prefix, struct dir_names *names,
                        struct error *error)
{
    DIR *stream = stream_of(folder);
    if (stream == NULL)
        return error_set(error, STATUS_REJECT, "%s", strerror(errno));
    enum status status = list_stream(stream, prefix, names, error);
    (void)closedir(stream);
    return status;
}

enum status dir_read_names(const struct dir_read *dir, struct dir_names *names_out,
                           struct error *error)
{
    names_out->count = 0;
    return list(dir->folder, "", names_out, error);
}
