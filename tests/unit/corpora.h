/* Public test data beside the project; absent on a machine that was not given it. */
#ifndef PARSTOCK_TESTS_UNIT_CORPORA_H
#define PARSTOCK_TESTS_UNIT_CORPORA_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* False, and a line that says so, where `name` is absent. PARSTOCK_CORPORA names another
 * directory than ../shared/corpora. */
static inline _Bool corpus_find(const char *name, char *path, size_t size)
{
    const char *root = getenv("PARSTOCK_CORPORA");
    (void)snprintf(path, size, "%s/%s", root != NULL ? root : "../shared/corpora", name);
    if (access(path, R_OK) == 0)
        return 1;
    printf("skipped: %s is absent\n", path);
    return 0;
}

#endif
