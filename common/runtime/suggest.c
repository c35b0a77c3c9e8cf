#include "common/runtime/suggest.h"

#include <string.h>

#define SUGGEST_LENGTH_MAX 63

/* A third of the word, at least two slips: farther names would only confuse. */
static size_t suggest_limit(size_t length)
{
    return length / 3 > 2 ? length / 3 : 2;
}

void suggest_begin(struct suggestion *suggestion, const char *typed)
{
    *suggestion = (struct suggestion){.typed = typed};
    suggestion->distance = suggest_limit(strlen(typed)) + 1;
}

static size_t least(size_t left, size_t right)
{
    return left < right ? left : right;
}

/* Levenshtein's distance, one row at a time. */
static size_t suggest_distance(const char *left, const char *right, size_t right_length)
{
    size_t row[SUGGEST_LENGTH_MAX + 1];
    for (size_t j = 0; j <= right_length; j++)
        row[j] = j;
    for (size_t i = 0; left[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < right_length; j++) {
            size_t above = row[j + 1];
            size_t replaced = diagonal + (left[i] != right[j] ? 1 : 0);
            row[j + 1] = least(replaced, least(above, row[j]) + 1);
            diagonal = above;
        }
    }
    return row[right_length];
}

void suggest_offer(struct suggestion *suggestion, const char *name)
{
    size_t length = strlen(name);
    if (length > SUGGEST_LENGTH_MAX || strlen(suggestion->typed) > SUGGEST_LENGTH_MAX)
        return;
    size_t distance = suggest_distance(suggestion->typed, name, length);
    if (distance < suggestion->distance) {
        suggestion->best = name;
        suggestion->distance = distance;
    }
}
