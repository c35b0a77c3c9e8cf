#include "common/domain/run_plan.h"

#define FAN 4
#define SMALLEST ((size_t)4 * 1024)
#define LARGEST_SIZE 4 /* runs of this size are not merged any more */

bool run_plan_seal(size_t keys, size_t pages)
{
    return keys >= RUN_FRESH_MAX || (keys > 0 && pages >= RUN_PAGES_MAX);
}

/* 0: below 4k keys, 1: below 16k, 2: below 64k, 3: below 256k, 4: the rest. */
static int size_of(size_t entries)
{
    int size = 0;
    for (size_t limit = SMALLEST; size < LARGEST_SIZE && entries >= limit; limit *= FAN)
        size++;
    return size;
}

size_t run_plan_merge(const size_t *entries, size_t count)
{
    if (count == 0)
        return 0;
    int size = size_of(entries[count - 1]);
    size_t alike = 0;
    size_t keys = 0;
    while (alike < count && alike < RUN_MERGE_MAX &&
           size_of(entries[count - 1 - alike]) <= size) {
        keys += entries[count - 1 - alike];
        if (keys > RUN_KEYS_MAX)
            break;
        alike++;
    }
    return size < LARGEST_SIZE && alike >= FAN ? alike : 0;
}
