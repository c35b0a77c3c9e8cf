/*
 * The word that says what a command is to do, as in `parstock week show`: rows of a table of
 * the command's own, each of which begins with the word and how many may follow it.
 */
#ifndef PARSTOCK_RUNTIME_VERB_H
#define PARSTOCK_RUNTIME_VERB_H

#include "common/base/check.h"
#include "common/runtime/config.h"

struct verb_words {
    const char *word;
    int least; /* words after it */
    int most;
};

/* The row of `count`, each of `size` bytes, that the first word names and whose number of
 * words fits; NULL: none. */
const void *verb_find(const void *rows, size_t count, size_t size,
                      const struct parsed *parsed);
#define VERB_FIND(rows, parsed)                                                          \
    verb_find((rows), COUNT_OF(rows), sizeof((rows)[0]), (parsed))

#endif
