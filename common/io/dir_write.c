#include "common/io/dir_write.h"

#include "common/base/check.h"
#include "common/base/error.h"
#include "common/codec/digest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_MAX_FILES 4
#define PIECE 16384
#define FOLDER_MODE 0755
#define FILE_MODE 0644

struct dir_file {
    struct dir_write *dir;
    struct digest *digest;
    struct dir_entry entry;
    int descriptor; /* -1 = free */
    size_t held;
    char piece[PIECE];
};

struct dir_write {
    char path[PATH_MAX];
    char beside[PATH_MAX];
    int folder;
    bool is_done;
    int code; /* errno of the first write that failed */
    char at[DIR_NAME_MAX];
    struct dir_file files[OPEN_MAX_FILES];
    size_t count;
    struct dir_entry entries[DIR_FILES_MAX];
};

/* ---- names ------------------------------------------------------------------------------- */

static bool is_name_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
           byte == '.';
}

bool dir_name_is_good(struct span name)
{
    size_t slashes = 0;
    char before = '/';
    if (name.length == 0 || name.length >= DIR_NAME_MAX)
        return false;
    for (size_t at = 0; at < name.length; at++) {
        char byte = name.bytes[at];
        slashes += byte == '/';
        if (byte != '/' && !is_name_byte(byte))
            return false;
        if (before == '/' && (byte == '/' || byte == '.'))
            return false;
        before = byte;
    }
    return slashes <= 1 && before != '/';
}

/* ---- opening ------------------------------------------------------------------------------ */

static enum status failed(const struct dir_write *dir, const char *what, int code,
                          struct error *error)
{
    (void)error_set(error, STATUS_FATAL, "%s: %s: %s", dir->path, what, strerror(code));
    return error_exit(error, code == EACCES || code == EPERM || code == EROFS
                                 ? EXIT_NOT_ALLOWED
                                 : EXIT_UNAVAILABLE);
}

static bool take_paths(struct dir_write *dir, const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    int kept = snprintf(dir->path, sizeof dir->path, "%.*s", (int)length, path);
    int beside =
        snprintf(dir->beside, sizeof dir->beside, "%.*s.new-XXXXXX", (int)length, path);
    return length > 0 && kept > 0 && beside > 0 && (size_t)beside < sizeof dir->beside;
}

static enum status make_folder(struct dir_write *dir, struct error *error)
{
    if (mkdtemp(dir->beside) == NULL) {
        int code = errno;
        dir->beside[0] = '\0';
        return failed(dir, "no folder can be made beside it", code, error);
    }
    dir->folder = open(dir->beside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir->folder < 0 || fchmod(dir->folder, FOLDER_MODE) != 0)
        return failed(dir, "the folder made beside it", errno, error);
    return STATUS_OK;
}

enum status dir_write_open(const char *path, struct dir_write **out, struct error *error)
{
    struct dir_write *dir = calloc(1, sizeof(*dir));
    if (dir == NULL)
        return error_set(error, STATUS_FATAL, "out of memory");
    dir->folder = -1;
    for (size_t at = 0; at < OPEN_MAX_FILES; at++)
        dir->files[at].descriptor = -1;
    *out = dir;
    if (take_paths(dir, path))
        return make_folder(dir, error);
    dir->beside[0] = '\0';
    (void)error_set(error, STATUS_REJECT, "%.100s: is no path for a folder", path);
    return error_exit(error, EXIT_USAGE);
}

/* ---- removing: our own files only, two folders deep ------------------------------------------ */

static void remove_files(int folder, bool is_deep)
{
    int copy = dup(folder);
    DIR *stream = copy >= 0 ? fdopendir(copy) : NULL;
    if (stream == NULL) {
        if (copy >= 0)
            (void)close(copy);
        return;
    }
    rewinddir(stream);
    for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        if (unlinkat(folder, name, 0) == 0 || is_deep)
            continue;
        int inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (inner < 0)
            continue;
        remove_files(inner, true);
        (void)close(inner);
        (void)unlinkat(folder, name, AT_REMOVEDIR);
    }
    (void)closedir(stream);
}

static void remove_folder(const char *path)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0) {
        (void)unlink(path); /* a link to a folder: what it leads to is not ours */
        return;
    }
    remove_files(folder, false);
    (void)close(folder);
    (void)rmdir(path);
}

static void release_file(struct dir_file *file)
{
    if (file->descriptor >= 0)
        (void)close(file->descriptor);
    file->descriptor = -1;
    digest_free(&file->digest);
}

void dir_write_close(struct dir_write **slot)
{
    struct dir_write *dir = *slot;
    if (dir == NULL)
        return;
    for (size_t at = 0; at < OPEN_MAX_FILES; at++)
        release_file(&dir->files[at]);
    if (dir->folder >= 0)
        (void)close(dir->folder);
    if (!dir->is_done && dir->beside[0] != '\0')
        remove_folder(dir->beside);
    free(dir);
    *slot = NULL;
}

/* ---- files --------------------------------------------------------------------------------- */

static void note_failure(struct dir_write *dir, const char *name, int code)
{
    if (dir->code != 0)
        return;
    dir->code = code;
    (void)snprintf(dir->at, sizeof dir->at, "%s", name);
}

static int make_file(struct dir_write *dir, const char *name)
{
    char folder[DIR_NAME_MAX];
    const char *slash = strchr(name, '/');
    if (slash != NULL) {
        (void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - name), name);
        if (mkdirat(dir->folder, folder, FOLDER_MODE) != 0 && errno != EEXIST)
            return -1;
    }
    return openat(dir->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                  FILE_MODE);
}

static struct dir_file *free_file(struct dir_write *dir)
{
    for (size_t at = 0; at < OPEN_MAX_FILES; at++)
        if (dir->files[at].descriptor < 0)
            return &dir->files[at];
    UNREACHABLE("no more than OPEN_MAX_FILES are written at a time");
}

struct dir_file *dir_write_file(struct dir_write *dir, const char *name)
{
    ASSERT(dir_name_is_good(span_from(name)) && dir->count < DIR_FILES_MAX);
    struct dir_file *file = free_file(dir);
    *file = (struct dir_file){.dir = dir, .descriptor = -1, .digest = digest_new()};
    (void)snprintf(file->entry.name, sizeof file->entry.name, "%s", name);
    file->descriptor = file->digest != NULL ? make_file(dir, name) : -1;
    if (file->descriptor >= 0) {
        digest_begin(file->digest);
        return file;
    }
    note_failure(dir, name, file->digest != NULL ? errno : ENOMEM);
    release_file(file);
    return NULL;
}

static void write_piece(struct dir_file *file)
{
    size_t done = 0;
    while (done < file->held && file->dir->code == 0) {
        ssize_t wrote = write(file->descriptor, file->piece + done, file->held - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            note_failure(file->dir, file->entry.name, errno);
        else
            done += (size_t)wrote;
    }
    digest_add(file->digest, (struct span){file->piece, file->held});
    file->held = 0;
}

static void take(void *self, struct span bytes)
{
    struct dir_file *file = self;
    file->entry.bytes += (int64_t)bytes.length;
    while (bytes.length > 0) {
        size_t room = PIECE - file->held;
        size_t part = bytes.length < room ? bytes.length : room;
        memcpy(file->piece + file->held, bytes.bytes, part);
        file->held += part;
        bytes = (struct span){bytes.bytes + part, bytes.length - part};
        if (file->held == PIECE)
            write_piece(file);
    }
}

struct sink dir_file_sink(struct dir_file *file)
{
    return (struct sink){.take = take, .self = file};
}

static enum status told(const struct dir_write *dir, struct error *error)
{
    return dir->code == 0 ? STATUS_OK : failed(dir, dir->at, dir->code, error);
}

enum status dir_file_close(struct dir_write *dir, struct dir_file *file,
                           struct error *error)
{
    if (file == NULL)
        return told(dir, error);
    write_piece(file);
    if (fsync(file->descriptor) != 0)
        note_failure(dir, file->entry.name, errno);
    digest_end_hex(file->digest, DIGEST_BYTES, file->entry.sha256);
    dir->entries[dir->count++] = file->entry;
    release_file(file);
    return told(dir, error);
}

int dir_write_folder(const struct dir_write *dir)
{
    return dir->folder;
}

size_t dir_write_entries(const struct dir_write *dir, const struct dir_entry **out)
{
    *out = dir->entries;
    return dir->count;
}

/* ---- into its place ------------------------------------------------------------------------- */

static enum status stays(const struct dir_write *dir, const char *why,
                         struct error *error)
{
    (void)error_set(error, STATUS_REJECT, "%s: %s", dir->path, why);
    return error_exit(error, EXIT_NOT_ALLOWED);
}

static bool has_mark(const struct dir_write *dir, const char *mark)
{
    char path[PATH_MAX + DIR_NAME_MAX];
    struct stat found;
    (void)snprintf(path, sizeof path, "%s/%s", dir->path, mark);
    return lstat(path, &found) == 0 && S_ISREG(found.st_mode);
}

/* The parent too, or a power cut may forget the name. */
static void sync_parent(const struct dir_write *dir)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s", dir->path);
    char *slash = strrchr(path, '/');
    if (slash != NULL)
        slash[slash == path ? 1 : 0] = '\0';
    int parent = open(slash != NULL ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0)
        return;
    (void)fsync(parent);
    (void)close(parent);
}

static enum status swap(struct dir_write *dir, const char *mark, struct error *error)
{
    if (!has_mark(dir, mark))
        return stays(dir, "is there and is none of ours; choose another --out", error);
    if (renameat2(AT_FDCWD, dir->beside, AT_FDCWD, dir->path, RENAME_EXCHANGE) != 0)
        return failed(dir, "can not be replaced", errno, error);
    dir->is_done = true;
    remove_folder(dir->beside); /* what was there before */
    return STATUS_OK;
}

enum status dir_write_commit(struct dir_write *dir, bool replaces, const char *mark,
                             struct error *error)
{
    enum status status = told(dir, error);
    if (status != STATUS_OK)
        return status;
    (void)fsync(dir->folder);
    if (renameat2(AT_FDCWD, dir->beside, AT_FDCWD, dir->path, RENAME_NOREPLACE) == 0)
        dir->is_done = true;
    else if (errno != EEXIST)
        return failed(dir, "the folder can not be put there", errno, error);
    else if (!replaces)
        return stays(dir, "is there already; --force replaces a packet", error);
    else
        status = swap(dir, mark, error);
    if (status == STATUS_OK)
        sync_parent(dir);
    return status;
}
