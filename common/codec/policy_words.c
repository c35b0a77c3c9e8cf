#include "common/codec/policy_words.h"

#define NAMES_SHOWN 8 /* of a long list */

static void and_then(struct buf *out)
{
    if (out->length > 0)
        buf_text(out, "; ");
}

static void say_causes(uint32_t causes, struct buf *out)
{
    const char *before = "cause ";
    if (causes == 0)
        return;
    and_then(out);
    for (unsigned cause = 0; cause < CAUSE_COUNT; cause++) {
        if ((causes & (UINT32_C(1) << cause)) == 0)
            continue;
        buf_format(out, "%s%s", before, cause_kind((enum finding_cause)cause)->name);
        before = ", ";
    }
}

static void say_list(const char *name, struct policy_list list, struct buf *out)
{
    if (list.count == 0)
        return;
    and_then(out);
    buf_text(out, name);
    for (size_t at = 0; at < list.count && at < NAMES_SHOWN; at++)
        buf_format(out, "%s%.*s", at == 0 ? " " : ", ", SPAN_ARGS(list.items[at]));
    if (list.count > NAMES_SHOWN)
        buf_format(out, " and %zu more", list.count - NAMES_SHOWN);
}

/* `unit`: how many of the range's numbers one for people is. */
static void say_end(const char *word, bool given, int64_t number, int64_t unit,
                    struct buf *out)
{
    if (!given)
        return;
    buf_format(out, " %s ", word);
    if (number % unit == 0)
        buf_number(out, number / unit);
    else
        buf_format(out, "%g", (double)number / (double)unit);
}

struct range_words {
    const char *name;
    int64_t unit;
    const char *behind;
};

static void say_range(const struct range_words *words, const struct policy_range *range,
                      struct buf *out)
{
    if (!range->has_least && !range->has_most)
        return;
    and_then(out);
    buf_text(out, words->name);
    say_end("from", range->has_least, range->least, words->unit, out);
    say_end("to", range->has_most, range->most, words->unit, out);
    buf_text(out, words->behind);
}

void policy_when_say(const struct policy_when *when, struct buf *out)
{
    static const char *const DIRECTIONS[] = {"", "the shop shows more than it should",
                                             "the shop shows less than it should"};
    say_causes(when->causes, out);
    if (when->risks == POLICY_RISK_LOW || when->risks == POLICY_RISK_HIGH) {
        and_then(out);
        buf_text(out, when->risks == POLICY_RISK_HIGH ? "high risk" : "low risk");
    }
    say_list("shop", when->shops, out);
    say_list("location", when->locations, out);
    say_list("SKU", when->skus, out);
    say_list("tag", when->tags, out);
    if (when->direction != POLICY_EITHER) {
        and_then(out);
        buf_text(out, DIRECTIONS[when->direction]);
    }
    say_range(&(struct range_words){"units", 1, ""}, &when->units, out);
    say_range(&(struct range_words){"percent", POLICY_WHOLE / 100, ""}, &when->percent,
              out);
    say_range(&(struct range_words){"value", 1000000, ""}, &when->value, out);
    say_range(&(struct range_words){"found", 1, " times in the day before"},
              &when->drifted, out);
    if (out->length == 0)
        buf_text(out, "always");
}
