/*
 * The level that a shop should show for one SKU at one location, from the ruling level.
 *
 * The order of operations is fixed and each one is a rule with an id and a why:
 *
 *     level               the ruling level; excluded or absent: nothing is known
 *     - unseen units      that left the shops and the source cannot know of: unseen.h
 *     - buffer            fixed + percent of what is left, rounded up, within min and max
 *     floor at 0          the shop refuses a negative on_hand; a negative available is a
 * debt cap at 10^9         the shop's own limit
 *
 * Pure. Source: design rule 6; Shopify's limits of inventorySetQuantities.
 */
#ifndef PARSTOCK_DOMAIN_DESIRED_H
#define PARSTOCK_DOMAIN_DESIRED_H

#include "common/domain/contract.h"

#define DESIRED_MAX 1000000000

/* The last rule that decided the number. Numbers may be stored: only add. */
enum desired_rule {
    DESIRED_NO_LEVEL = 0,
    DESIRED_EXCLUDED = 1,
    DESIRED_LEVEL = 2,
    DESIRED_LEVEL_BELOW = 3, /* an available count written as on_hand */
    DESIRED_ORDERS = 4,
    DESIRED_BUFFER = 5,
    DESIRED_FLOOR = 6,
    DESIRED_CAP = 7,
};

#define DESIRED_RULE_COUNT 8

struct desired_input {
    bool has_level;
    int64_t level;
    enum level_state source_state; /* what the ruling source's quantities mean */
    enum level_state shop_mode;    /* which quantity of the shop is written */
    struct buffer_rule buffer;
    bool excluded;
    int64_t unseen_units; /* by unseen.h; >= 0 */
};

/* Every step's share, so that explain can print how the number came about. */
struct desired {
    bool known; /* false: the shop's level is left alone */
    int64_t quantity;
    int64_t orders;      /* units taken off as unseen */
    int64_t buffer;      /* units held back */
    int64_t short_units; /* sold beyond what there is */
    enum desired_rule rule;
};

struct desired desired_level(const struct desired_input *input);

/* One operation of the order above: its share, and what it leaves. */
struct desired_step {
    enum desired_rule rule;
    int64_t change; /* of the first step: the level itself */
    int64_t result; /* the changes up to here, summed */
};

#define DESIRED_STEPS_MAX 4

/*
 * The operations by which desired_level comes to its number: level, unseen units and buffer,
 * also where they take off nothing, then floor or cap where one had to act. Where the level
 * is not known there are none. Returns how many; the last one's result is the quantity.
 */
size_t desired_steps(const struct desired_input *input,
                     struct desired_step steps[DESIRED_STEPS_MAX]);

const char *desired_rule_id(enum desired_rule rule);
const char *desired_rule_why(enum desired_rule rule);

/* Units that the rule holds back from `level`. */
int64_t desired_buffer(const struct buffer_rule *rule, int64_t level);

#endif
