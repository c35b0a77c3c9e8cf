/*
 * "Did you mean": the nearest of some names to what was typed, for error texts.
 */
#ifndef PARSTOCK_RUNTIME_SUGGEST_H
#define PARSTOCK_RUNTIME_SUGGEST_H

#include <stddef.h>

struct suggestion {
    const char *typed;
    const char *best; /* NULL: nothing is near enough */
    size_t distance;
};

void suggest_begin(struct suggestion *suggestion, const char *typed);
void suggest_offer(struct suggestion *suggestion, const char *name);

#endif
