/*
 * Is a dead letter sent again? The first row that fits. Its id stands in what the command
 * prints.
 */
#ifndef PARSTOCK_DOMAIN_LETTER_RULES_H
#define PARSTOCK_DOMAIN_LETTER_RULES_H

#include <stdbool.h>
#include <stddef.h>

struct letter_case {
    bool is_of_events;     /* it was refused on the topic of stock changes */
    bool was_sent;         /* it was sent again before */
    bool would_be_refused; /* as things stand now, by what apply would find */
    bool is_forced;        /* a person insists */
};

struct letter_rule {
    const char *id;
    bool is_sent;
    const char *why;
};

const struct letter_rule *letter_rule(const struct letter_case *letter);

/* Row by position; NULL past the end. */
const struct letter_rule *letter_rule_at(size_t at);

#endif
