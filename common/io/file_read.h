/*
 * A whole file that a person names: the contract file, a mapping.
 */
#ifndef PARSTOCK_IO_FILE_READ_H
#define PARSTOCK_IO_FILE_READ_H

#include "common/base/buf.h"

/* Adds the file's bytes to `out`, whose maximum bounds it. Returns 0, or the errno that says
 * what was in the way: EFBIG where it does not fit. */
int file_read(const char *path, struct buf *out);

#endif
