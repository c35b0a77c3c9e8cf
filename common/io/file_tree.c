#include "common/io/file_tree.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct walk {
    struct file_tree *tree;
    const char *root;
    const char *suffix;
};

static bool ends(const char *name, const char *suffix)
{
    size_t length = strlen(name);
    size_t wanted = strlen(suffix);
    return length >= wanted && strcmp(name + length - wanted, suffix) == 0;
}

static enum status add(struct file_tree *tree, const char *path, struct error *error)
{
    if (tree->count == FILE_TREE_MAX)
        return error_set(error, STATUS_REJECT, "more than %d files", FILE_TREE_MAX);
    struct span kept = pool_span(tree->pool, span_from(path));
    if (kept.bytes == NULL)
        return error_set(error, STATUS_FATAL, "out of memory");
    tree->paths[tree->count++] = kept;
    return STATUS_OK;
}

static enum status add_folder(const struct walk *walk, const char *folder, int depth,
                              struct error *error);

static enum status add_entry(const struct walk *walk, const char *path, int depth,
                             struct error *error)
{
    char whole[PATH_MAX];
    struct stat about;
    int length = snprintf(whole, sizeof whole, "%s/%s", walk->root, path);
    if (length < 0 || (size_t)length >= sizeof whole || lstat(whole, &about) != 0)
        return STATUS_OK; /* gone meanwhile */
    if (S_ISDIR(about.st_mode))
        return add_folder(walk, path, depth + 1, error);
    return S_ISREG(about.st_mode) && ends(path, walk->suffix)
               ? add(walk->tree, path, error)
               : STATUS_OK;
}

struct listing {
    const char *folder;
    struct dirent **entries;
    int count;
};

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static enum status add_entries(const struct walk *walk, const struct listing *listing,
                               int depth, struct error *error)
{
    char path[PATH_MAX];
    enum status status = STATUS_OK;
    for (int at = 0; at < listing->count && status == STATUS_OK; at++) {
        int length = snprintf(path, sizeof path, "%s/%s", listing->folder,
                              listing->entries[at]->d_name);
        if (length < 0 || (size_t)length >= sizeof path)
            return error_set(error, STATUS_REJECT, "%.200s: the path is too long",
                             listing->folder);
        status = add_entry(walk, path, depth, error);
    }
    return status;
}

/* Recursion is over depth, which is bounded. */
static enum status add_folder(const struct walk *walk, const char *folder, int depth,
                              struct error *error)
{
    char whole[PATH_MAX];
    if (depth > FILE_TREE_DEPTH_MAX)
        return error_set(error, STATUS_REJECT, "%.200s: folders lie deeper than %d",
                         folder, FILE_TREE_DEPTH_MAX);
    (void)snprintf(whole, sizeof whole, "%s/%s", walk->root, folder);
    struct dirent **entries = NULL;
    int count = scandir(whole, &entries, is_shown, NULL);
    if (count < 0 && errno == ENOENT && depth == 0)
        return STATUS_OK;
    if (count < 0)
        return error_set(error, STATUS_REJECT, "%.200s: %s", whole, strerror(errno));
    enum status status =
        add_entries(walk, &(const struct listing){folder, entries, count}, depth, error);
    for (int at = 0; at < count; at++)
        free(entries[at]);
    free(entries);
    return status;
}

static int by_bytes(const void *left, const void *right)
{
    return span_compare(*(const struct span *)left, *(const struct span *)right);
}

enum status file_tree_add(struct file_tree *tree, const char *root, const char *folder,
                          const char *suffix, struct error *error)
{
    const struct walk walk = {tree, root, suffix};
    size_t before = tree->count;
    enum status status = add_folder(&walk, folder, 0, error);
    qsort(tree->paths + before, tree->count - before, sizeof tree->paths[0], by_bytes);
    return status;
}

bool file_tree_has(const char *root, struct span path)
{
    char whole[PATH_MAX];
    struct stat about;
    int length = snprintf(whole, sizeof whole, "%s/%.*s", root, SPAN_ARGS(path));
    return length > 0 && (size_t)length < sizeof whole && stat(whole, &about) == 0;
}
