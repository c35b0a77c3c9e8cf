#include "common/runtime/verb.h"

const void *verb_find(const void *rows, size_t count, size_t size,
                      const struct parsed *parsed)
{
    int words = parsed->argc - parsed->first - 1;
    for (size_t at = 0; words >= 0 && at < count; at++) {
        const void *row = (const char *)rows + at * size;
        const struct verb_words *verb = row;
        if (strcmp(verb->word, parsed->argv[parsed->first]) == 0 &&
            words >= verb->least && words <= verb->most)
            return row;
    }
    return NULL;
}
