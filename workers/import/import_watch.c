/*
 * import --watch: files that are dropped into a directory, each taken once it is whole. A
 * file under way lies in DIR/working, where a watcher that starts anew finds it first.
 */
#include "workers/import/import.h"

#include "common/base/check.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_EVERY_MS 1000
#define SEEN_MAX 1024
#define NAME_MAX_BYTES 255
#define PATH_BYTES_MAX 4096
#define US_PER_SECOND 1000000LL

enum place { PLACE_WORKING, PLACE_DONE, PLACE_FAILED, PLACE_COUNT };
static const char *const PLACES[PLACE_COUNT] = {"working", "done", "failed"};

/* A file as it was when it was looked at. */
struct sight {
    char name[NAME_MAX_BYTES + 1];
    int64_t size;
    int64_t written_us;
    int64_t since_us; /* it has looked like this */
    bool is_there;
};

struct watch {
    const struct import_run *pattern;
    const char *directory;
    int lock; /* of the directory: one watcher each */
    int tries;
    struct sight seen[SEEN_MAX];
    size_t count;
};

/* ---- which files ---------------------------------------------------------------------------- */

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name);
    size_t wanted = strlen(end);
    return length > wanted && strcasecmp(name + length - wanted, end) == 0;
}

/* Names that programs give to what they are still writing, and our own. */
static bool is_on_its_way(const char *name)
{
    static const char *const ENDS[] = {".tmp",        ".temp",     ".part", ".partial",
                                       ".crdownload", ".filepart", ".swp",  ".download",
                                       ".rejects",    "~"};
    if (name[0] == '.' || name[0] == '~' || strlen(name) > NAME_MAX_BYTES - 32)
        return true;
    for (size_t at = 0; at < COUNT_OF(ENDS); at++)
        if (ends_with(name, ENDS[at]))
            return true;
    return false;
}

static struct sight *sight_of(struct watch *watch, const char *name)
{
    for (size_t at = 0; at < watch->count; at++)
        if (strcmp(watch->seen[at].name, name) == 0)
            return &watch->seen[at];
    if (watch->count == SEEN_MAX)
        return NULL; /* its turn comes when others are done */
    struct sight *sight = &watch->seen[watch->count++];
    *sight = (struct sight){.size = -1};
    (void)snprintf(sight->name, sizeof(sight->name), "%s", name);
    return sight;
}

static void look_at(struct watch *watch, int directory, const char *name)
{
    struct stat about;
    if (is_on_its_way(name) ||
        fstatat(directory, name, &about, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(about.st_mode))
        return;
    struct sight *sight = sight_of(watch, name);
    if (sight == NULL)
        return;
    int64_t written_us =
        about.st_mtim.tv_sec * US_PER_SECOND + about.st_mtim.tv_nsec / 1000;
    if (sight->size != about.st_size || sight->written_us != written_us)
        sight->since_us = clock_monotonic_us();
    sight->size = about.st_size;
    sight->written_us = written_us;
    sight->is_there = true;
}

static void forget_gone(struct watch *watch)
{
    size_t kept = 0;
    for (size_t at = 0; at < watch->count; at++)
        if (watch->seen[at].is_there)
            watch->seen[kept++] = watch->seen[at];
    watch->count = kept;
}

static enum status cannot(const char *doing, const char *what, struct error *error)
{
    (void)error_set(error, STATUS_FATAL, "cannot %s %.300s: %s", doing, what,
                    strerror(errno));
    return error_exit(error, EXIT_CONFIG);
}

static enum status look(struct watch *watch, const char *path, struct error *error)
{
    DIR *directory = opendir(path);
    if (directory == NULL)
        return cannot("read", path, error);
    for (size_t at = 0; at < watch->count; at++)
        watch->seen[at].is_there = false;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        look_at(watch, dirfd(directory), entry->d_name);
    (void)closedir(directory);
    forget_gone(watch);
    return STATUS_OK;
}

static int compare_names(const void *left, const void *right)
{
    const struct sight *a = left;
    const struct sight *b = right;
    return strcmp(a->name, b->name);
}

/* ---- one file -------------------------------------------------------------------------------- */

static void path_of(const struct watch *watch, enum place place, const char *name,
                    char path_out[PATH_BYTES_MAX])
{
    (void)snprintf(path_out, PATH_BYTES_MAX, "%s/%s/%s", watch->directory, PLACES[place],
                   name);
}

/* To the place, under another name where that one is taken. */
static void move(const struct watch *watch, const char *name, enum place place)
{
    char from[PATH_BYTES_MAX];
    char to[PATH_BYTES_MAX];
    char other[NAME_MAX_BYTES + 32];
    path_of(watch, PLACE_WORKING, name, from);
    path_of(watch, place, name, to);
    if (access(to, F_OK) == 0) {
        (void)snprintf(other, sizeof(other), "%s.%lld", name,
                       (long long)(clock_now_us() / 1000));
        path_of(watch, place, other, to);
    }
    if (rename(from, to) != 0 && errno != ENOENT)
        log_error("a file could not be moved", LOG_TEXT("from", from), LOG_TEXT("to", to),
                  LOG_TEXT("error", strerror(errno)), LOG_END);
}

static void tell(const char *name, const struct import_report *report, int code,
                 const struct error *error)
{
    log_write(code == 0 ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "feed",
              LOG_FIELDS(LOG_TEXT("file", name), LOG_INT("rows", report->rows),
                         LOG_INT("invalid", report->invalid),
                         LOG_INT("published", report->published), LOG_INT("code", code),
                         LOG_TEXT("error", error->text), LOG_END));
}

/* STATUS_RETRY: it has to be tried again. STATUS_FATAL: no file will do better. */
static enum status take(struct watch *watch, const char *name, struct error *error)
{
    static struct import_run run; /* large, and one at a time */
    char path[PATH_BYTES_MAX];
    char rejects[NAME_MAX_BYTES + 32];
    path_of(watch, PLACE_WORKING, name, path);
    run = *watch->pattern;
    report_init(&run.report, OUTPUT_JSON);
    rejects_init(&run.rejects, run.flags->rejects);
    const char *const paths[] = {path};
    *error = (struct error){0};
    enum status status = import_files(&run, paths, 1, error);
    int code = status == STATUS_OK ? import_exit_code(&run) : error_exit_code(error);
    if (!run.is_stopped)
        tell(name, &run.report, code, error);
    if (status == STATUS_OK || status == STATUS_REJECT) {
        (void)snprintf(rejects, sizeof(rejects), "%s.rejects", name);
        move(watch, name, code == 0 ? PLACE_DONE : PLACE_FAILED);
        move(watch, rejects, PLACE_FAILED);
    }
    rejects_free(&run.rejects);
    report_free(&run.report);
    return status;
}

/* Tried until it is over, or the process is to end. */
static enum status take_whole(struct watch *watch, const char *name, struct error *error)
{
    enum status status = STATUS_RETRY;
    while (!life_ending() && status == STATUS_RETRY) {
        status = take(watch, name, error);
        if (status == STATUS_RETRY)
            life_back_off(&watch->tries);
    }
    watch->tries = 0;
    return status == STATUS_FATAL ? status : STATUS_OK;
}

static enum status take_ripe(struct watch *watch, struct error *error)
{
    enum status status = STATUS_OK;
    int64_t settle_us = watch->pattern->flags->settle_seconds * US_PER_SECOND;
    qsort(watch->seen, watch->count, sizeof(*watch->seen), compare_names);
    for (size_t at = 0; at < watch->count && status == STATUS_OK && !life_ending();
         at++) {
        const struct sight *sight = &watch->seen[at];
        char from[PATH_BYTES_MAX];
        char to[PATH_BYTES_MAX];
        if (clock_monotonic_us() - sight->since_us < settle_us)
            continue;
        (void)snprintf(from, sizeof(from), "%s/%s", watch->directory, sight->name);
        path_of(watch, PLACE_WORKING, sight->name, to);
        if (rename(from, to) == 0)
            status = take_whole(watch, sight->name, error);
    }
    return status;
}

/* What an earlier watcher left under way; it was whole when it was taken. */
static enum status take_left(struct watch *watch, struct error *error)
{
    char path[PATH_BYTES_MAX];
    path_of(watch, PLACE_WORKING, ".", path);
    enum status status = look(watch, path, error);
    for (size_t at = 0; at < watch->count && status == STATUS_OK && !life_ending(); at++)
        status = take_whole(watch, watch->seen[at].name, error);
    watch->count = 0;
    return status;
}

/* ---- the watcher ----------------------------------------------------------------------------- */

static enum status prepare(struct watch *watch, struct error *error)
{
    watch->lock = open(watch->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (watch->lock < 0)
        return cannot("open", watch->directory, error);
    if (flock(watch->lock, LOCK_EX | LOCK_NB) != 0) {
        (void)error_set(error, STATUS_RETRY, "another process watches %.300s",
                        watch->directory);
        return error_exit(error, EXIT_AGAIN);
    }
    for (int place = 0; place < PLACE_COUNT; place++)
        if (mkdirat(watch->lock, PLACES[place], 0750) != 0 && errno != EEXIST)
            return cannot("make the folders of", watch->directory, error);
    return STATUS_OK;
}

enum status import_watch(const struct import_run *run, struct error *error)
{
    static struct watch watch; /* large, and there is one */
    watch = (struct watch){.pattern = run, .directory = run->flags->watch, .lock = -1};
    enum status status = prepare(&watch, error);
    if (status == STATUS_OK) {
        log_info("watching", LOG_TEXT("directory", watch.directory), LOG_END);
        status = take_left(&watch, error);
    }
    while (status == STATUS_OK && !life_ending()) {
        status = look(&watch, watch.directory, error);
        if (status == STATUS_OK)
            status = take_ripe(&watch, error);
        life_wait_ms(LOOK_EVERY_MS);
    }
    if (watch.lock >= 0)
        (void)close(watch.lock);
    return status;
}
