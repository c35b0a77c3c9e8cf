/*
 * A folder that appears whole or not at all: its files are written into one beside it, synced,
 * and the folder is renamed when all is there. Every file's size and SHA-256 are known when it
 * is closed. Names are relative, of lower-case letters, digits, '.', '-' and at most one '/'.
 */
#ifndef PARSTOCK_IO_DIR_WRITE_H
#define PARSTOCK_IO_DIR_WRITE_H

#include "common/base/error.h"
#include "common/base/sink.h"

#define DIR_NAME_MAX 64
#define DIR_DIGEST_MAX 65
#define DIR_FILES_MAX 256

/* A file that is there. */
struct dir_entry {
    char name[DIR_NAME_MAX];
    int64_t bytes;
    char sha256[DIR_DIGEST_MAX];
};

struct dir_write;

/* Is it a name that a file of such a folder may have? */
bool dir_name_is_good(struct span name);

/* `path` is where the folder will be; its parent must be there. */
enum status dir_write_open(const char *path, struct dir_write **out, struct error *error);

/* Removes what was not committed. */
void dir_write_close(struct dir_write **slot);

/* Begins a file; several may be written at a time. Memory is the folder's: it is valid until
 * it is closed. NULL: what is in the way is told by the next call that returns a status. */
struct dir_file *dir_write_file(struct dir_write *dir, const char *name);
struct sink dir_file_sink(struct dir_file *file);
enum status dir_file_close(struct dir_write *dir, struct dir_file *file,
                           struct error *error);

/* The folder as it stands, for reading what was closed; -1 = not open. Stays the folder's. */
int dir_write_folder(const struct dir_write *dir);

/* What was closed so far, in that order. */
size_t dir_write_entries(const struct dir_write *dir, const struct dir_entry **out);

/* Puts the folder in its place. Without `replaces` nothing may be there; with it, a folder
 * that holds the file `mark` gives way, and nothing else does. STATUS_REJECT (exit code 77)
 * where what is there stays. */
enum status dir_write_commit(struct dir_write *dir, bool replaces, const char *mark,
                             struct error *error);

#endif
