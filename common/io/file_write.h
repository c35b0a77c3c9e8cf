/*
 * Files that a command makes for a person: new ones only, for their owner's eyes.
 */
#ifndef PARSTOCK_IO_FILE_WRITE_H
#define PARSTOCK_IO_FILE_WRITE_H

#include "common/base/span.h"

/* Makes the folder (0700) where it is missing; its parent must be there. 0 or errno. */
int file_folder(const char *path);

/* A new file (0600) of a folder; EEXIST where there is one. 0 or errno; what was begun and
 * could not be ended is taken away again. */
int file_write_new(const char *folder, const char *name, struct span bytes);

#endif
