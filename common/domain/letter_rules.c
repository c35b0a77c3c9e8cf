#include "common/domain/letter_rules.h"

#include "common/base/check.h"

typedef bool fits(const struct letter_case *letter);

static bool is_foreign(const struct letter_case *letter)
{
    return !letter->is_of_events;
}

static bool is_insisted(const struct letter_case *letter)
{
    return letter->is_forced && (letter->was_sent || letter->would_be_refused);
}

static bool was_sent(const struct letter_case *letter)
{
    return letter->was_sent;
}

static bool would_be_refused(const struct letter_case *letter)
{
    return letter->would_be_refused;
}

static bool is_any(const struct letter_case *letter)
{
    (void)letter;
    return true;
}

struct row {
    struct letter_rule rule;
    fits *fits;
};

static const struct row RULES[] = {
    {{"other_topic", false,
      "it was refused on another topic than that of stock changes, so nothing here can "
      "judge it"},
     is_foreign},
    {{"forced", true, "a person insists: it is sent, and judged once more"}, is_insisted},
    {{"sent_before", false,
      "it was sent again before: what became of that is seen by 'dead-letters show'; "
      "--force sends it once more"},
     was_sent},
    {{"refused_again", false,
      "it would be refused again: mend the cause or edit it (--set, --value-file, --edit); "
      "--force sends it as it is"},
     would_be_refused},
    {{"fit", true, "nothing stands against it"}, is_any},
};

const struct letter_rule *letter_rule_at(size_t at)
{
    return at < COUNT_OF(RULES) ? &RULES[at].rule : NULL;
}

const struct letter_rule *letter_rule(const struct letter_case *letter)
{
    for (size_t at = 0; at < COUNT_OF(RULES); at++)
        if (RULES[at].fits(letter))
            return &RULES[at].rule;
    UNREACHABLE("the last row fits always");
}
