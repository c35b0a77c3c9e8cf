/* A whole file in memory, for the small judges here. */
#ifndef PARSTOCK_TESTS_TOOLS_READ_FILE_H
#define PARSTOCK_TESTS_TOOLS_READ_FILE_H

#include "common/base/span.h"

#include <stdio.h>
#include <stdlib.h>

/* At most `max` bytes, freed by the caller; bytes == NULL where it can not be read. */
static inline struct span read_file(const char *path, size_t max)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return (struct span){0};
    char *bytes = malloc(max);
    size_t length = bytes != NULL ? fread(bytes, 1, max, file) : 0;
    if (ferror(file) != 0) {
        free(bytes);
        bytes = NULL;
    }
    (void)fclose(file);
    return (struct span){bytes, bytes != NULL ? length : 0};
}

static inline void free_file(struct span *file)
{
    free((void *)(uintptr_t)file->bytes);
    *file = (struct span){0};
}

#endif
