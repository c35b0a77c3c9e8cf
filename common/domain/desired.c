#include "common/domain/desired.h"

#include "common/base/check.h"

struct rule_text {
    const char *id;
    const char *why;
};

static const struct rule_text RULES[DESIRED_RULE_COUNT] = {
    [DESIRED_NO_LEVEL] = {"no_level",
                          "no source has spoken: there is nothing to be at par with"},
    [DESIRED_EXCLUDED] = {"excluded", "the contract excludes this SKU from this shop"},
    [DESIRED_LEVEL] = {"level", "the shop shows the ruling level"},
    [DESIRED_LEVEL_BELOW] =
        {"level_below",
         "the source counts what is available, the shop takes on_hand: "
         "committed units are subtracted twice, which sells less, not more"},
    [DESIRED_ORDERS] =
        {"unseen_orders",
         "units that left the shops unseen by the source are taken off, or "
         "they would be sold again"},
    [DESIRED_BUFFER] = {"buffer", "the shop's buffer is held back"},
    [DESIRED_FLOOR] = {"floor", "the shop never shows less than 0"},
    [DESIRED_CAP] = {"cap", "the shop takes at most 1,000,000,000"},
};

static int64_t share_of(int64_t level, int64_t percent)
{
    if (level <= 0 || percent <= 0)
        return 0;
    return (level / 100) * percent + ((level % 100) * percent + 99) / 100;
}

int64_t desired_buffer(const struct buffer_rule *rule, int64_t level)
{
    ASSERT(rule->percent >= 0 && rule->percent <= 100 && rule->fixed >= 0);
    int64_t units = rule->fixed + share_of(level, rule->percent);
    if (units < rule->min)
        units = rule->min;
    if (rule->max >= 0 && units > rule->max)
        units = rule->max;
    return units;
}

static void take_orders(const struct desired_input *input, struct desired *desired)
{
    ASSERT(input->unseen_units >= 0);
    if (input->unseen_units == 0)
        return;
    desired->orders = input->unseen_units;
    desired->quantity -= input->unseen_units;
    if (desired->quantity < 0)
        desired->short_units = -desired->quantity < input->unseen_units
                                   ? -desired->quantity
                                   : input->unseen_units;
    desired->rule = DESIRED_ORDERS;
}

static void hold_back(const struct buffer_rule *rule, struct desired *desired)
{
    desired->buffer = desired_buffer(rule, desired->quantity);
    if (desired->buffer == 0)
        return;
    desired->quantity -= desired->buffer;
    desired->rule = DESIRED_BUFFER;
}

static void keep_in_range(struct desired *desired)
{
    if (desired->quantity < 0) {
        desired->quantity = 0;
        desired->rule = DESIRED_FLOOR;
    } else if (desired->quantity > DESIRED_MAX) {
        desired->quantity = DESIRED_MAX;
        desired->rule = DESIRED_CAP;
    }
}

static enum desired_rule level_rule(const struct desired_input *input)
{
    bool below =
        input->source_state == LEVEL_AVAILABLE && input->shop_mode == LEVEL_ON_HAND;
    return below ? DESIRED_LEVEL_BELOW : DESIRED_LEVEL;
}

struct desired desired_level(const struct desired_input *input)
{
    if (input->excluded)
        return (struct desired){.rule = DESIRED_EXCLUDED};
    if (!input->has_level)
        return (struct desired){.rule = DESIRED_NO_LEVEL};
    struct desired desired = {
        .known = true, .quantity = input->level, .rule = level_rule(input)};
    take_orders(input, &desired);
    hold_back(&input->buffer, &desired);
    keep_in_range(&desired);
    return desired;
}

static void add_step(struct desired_step *steps, size_t *count, enum desired_rule rule,
                     int64_t change)
{
    ASSERT(*count < DESIRED_STEPS_MAX);
    int64_t before = *count > 0 ? steps[*count - 1].result : 0;
    steps[(*count)++] =
        (struct desired_step){.rule = rule, .change = change, .result = before + change};
}

size_t desired_steps(const struct desired_input *input,
                     struct desired_step steps[DESIRED_STEPS_MAX])
{
    const struct desired desired = desired_level(input);
    size_t count = 0;
    if (!desired.known)
        return 0;
    add_step(steps, &count, level_rule(input), input->level);
    add_step(steps, &count, DESIRED_ORDERS, -desired.orders);
    add_step(steps, &count, DESIRED_BUFFER, -desired.buffer);
    int64_t left = desired.quantity - steps[count - 1].result;
    if (left != 0)
        add_step(steps, &count, desired.rule, left);
    return count;
}

const char *desired_rule_id(enum desired_rule rule)
{
    ASSERT((size_t)rule < DESIRED_RULE_COUNT && RULES[rule].id != NULL);
    return RULES[rule].id;
}

const char *desired_rule_why(enum desired_rule rule)
{
    ASSERT((size_t)rule < DESIRED_RULE_COUNT && RULES[rule].why != NULL);
    return RULES[rule].why;
}
