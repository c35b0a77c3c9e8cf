#include "common/domain/risk.h"

#include "common/base/check.h"

struct reason_text {
    const char *id;
    const char *why;
};

static const struct reason_text REASONS[RISK_REASON_COUNT] = {
    [RISK_NONE] = {"low", "nothing in the contract makes it high-risk"},
    [RISK_LISTED] = {"listed", "the contract lists the SKU"},
    [RISK_TAGGED] = {"tagged", "its product bears a tag that the contract names"},
    [RISK_VALUED] = {"valued", "the value at risk reaches the contract's threshold"},
};

const char *risk_reason_id(enum risk_reason reason)
{
    ASSERT((unsigned)reason < RISK_REASON_COUNT);
    return REASONS[reason].id;
}

const char *risk_reason_why(enum risk_reason reason)
{
    ASSERT((unsigned)reason < RISK_REASON_COUNT);
    return REASONS[reason].why;
}

static int folded(char byte)
{
    int value = (unsigned char)byte;
    return value >= 'A' && value <= 'Z' ? value - 'A' + 'a' : value;
}

int risk_tag_compare(struct span left, struct span right)
{
    size_t both = left.length < right.length ? left.length : right.length;
    for (size_t at = 0; at < both; at++) {
        int order = folded(left.bytes[at]) - folded(right.bytes[at]);
        if (order != 0)
            return order;
    }
    return (left.length > right.length) - (left.length < right.length);
}

typedef int compare_fn(struct span left, struct span right);

static bool is_among(const struct span *sorted, size_t count, struct span wanted,
                     compare_fn *compare)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(sorted[middle], wanted);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static bool bears_tag(const struct risk_rules *rules, struct span tags)
{
    while (rules->tag_count > 0 && tags.length > 0) {
        const char *stop = memchr(tags.bytes, '\n', tags.length);
        size_t length = stop != NULL ? (size_t)(stop - tags.bytes) : tags.length;
        struct span tag = {.bytes = tags.bytes, .length = length};
        if (is_among(rules->tags, rules->tag_count, tag, risk_tag_compare))
            return true;
        size_t taken = stop != NULL ? length + 1 : length;
        tags.bytes += taken;
        tags.length -= taken;
    }
    return false;
}

int64_t risk_value(const struct risk_input *input)
{
    ASSERT(!input->has_price || input->price_micros >= 0);
    if (!input->has_price || input->units == 0)
        return 0;
    uint64_t units =
        input->units < 0 ? 0 - (uint64_t)input->units : (uint64_t)input->units;
    uint64_t price = (uint64_t)input->price_micros;
    if (price > (uint64_t)INT64_MAX / units)
        return INT64_MAX;
    return (int64_t)(price * units);
}

struct risk risk_of(const struct risk_rules *rules, const struct risk_input *input)
{
    struct risk risk = {
        .listed = input->sku.length > 0 &&
                  is_among(rules->skus, rules->sku_count, input->sku, span_compare),
        .tagged = bears_tag(rules, input->tags),
        .valued = rules->has_threshold && input->has_price &&
                  risk_value(input) >= rules->threshold_micros,
    };
    if (risk.listed)
        risk.reason = RISK_LISTED;
    else if (risk.tagged)
        risk.reason = RISK_TAGGED;
    else if (risk.valued)
        risk.reason = RISK_VALUED;
    risk.high = risk.reason != RISK_NONE;
    return risk;
}
