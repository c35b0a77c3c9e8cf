/*
 * The files below a folder, by how their names end. Bounded in number and depth; links of
 * the file system are not followed, so that nobody leads us out of the folder.
 */
#ifndef PARSTOCK_IO_FILE_TREE_H
#define PARSTOCK_IO_FILE_TREE_H

#include "common/base/error.h"
#include "common/base/pool.h"

#define FILE_TREE_MAX 4096
#define FILE_TREE_DEPTH_MAX 8

struct file_tree {
    struct pool *pool; /* of the paths; set by the caller */
    size_t count;
    struct span paths[FILE_TREE_MAX]; /* from the root on, in order of bytes */
};

/* Adds the files of root/folder whose names end in `suffix`. No such folder: none.
 * STATUS_REJECT: too many, too deep, or the folder can not be read. */
enum status file_tree_add(struct file_tree *tree, const char *root, const char *folder,
                          const char *suffix, struct error *error);

/* A file or folder is there. */
bool file_tree_has(const char *root, struct span path);

#endif
