/*
 * A folder that somebody hands over, read with care: names that lead out of it, links and
 * anything that is no plain file are refused, and every read has a maximum.
 */
#ifndef PARSTOCK_IO_DIR_READ_H
#define PARSTOCK_IO_DIR_READ_H

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/io/dir_write.h"

struct dir_read {
    int folder; /* -1 = not open */
};

/* STATUS_REJECT (exit code 65): it is no folder, or can not be read. */
enum status dir_read_open(const char *path, struct dir_read *dir, struct error *error);
void dir_read_close(struct dir_read *dir);

/* A descriptor at the file's start, its size if asked; -1 and an errno that says why not
 * (ELOOP, EINVAL: it is no plain file). */
int dir_read_file(const struct dir_read *dir, const char *name, int64_t *bytes_out);

/* Adds the file to `out`, whose maximum bounds it. 0 or an errno: EFBIG where it does not
 * fit. */
int dir_read_whole(const struct dir_read *dir, const char *name, struct buf *out);

/* Size and digest; 0 or an errno. */
int dir_read_entry(const struct dir_read *dir, const char *name,
                   struct dir_entry *entry_out);

/* Calls `each` with every line, without its end, the longest of `line_max` bytes. What is
 * behind the last end of line is a line too. STATUS_REJECT where the file can not be read or
 * a line is longer; what `each` returns stops it. */
struct dir_line_visitor {
    enum status (*each)(void *self, struct span line, struct error *error);
    void *self;
};
enum status dir_read_lines(const struct dir_read *dir, const char *name, size_t line_max,
                           const struct dir_line_visitor *visitor, struct error *error);

/* Every file of the folder and of the folders in it, links and others too, as "a" or "b/c";
 * at most DIR_FILES_MAX. STATUS_REJECT where there are more or it is deeper. */
struct dir_names {
    size_t count;
    char names[DIR_FILES_MAX][DIR_NAME_MAX + 260];
};
enum status dir_read_names(const struct dir_read *dir, struct dir_names *names_out,
                           struct error *error);

#endif
