#include "common/base/span.h"

int span_compare(struct span left, struct span right)
{
    size_t common = left.length < right.length ? left.length : right.length;
    int order = common > 0 ? memcmp(left.bytes, right.bytes, common) : 0;
    if (order != 0)
        return order;
    return (left.length > right.length) - (left.length < right.length);
}

bool span_to_int64(struct span span, int64_t *value_out)
{
    size_t at = 0;
    bool negative = span.length > 0 && span.bytes[0] == '-';
    if (negative)
        at = 1;
    if (at == span.length)
        return false;
    int64_t value = 0;
    for (; at < span.length; at++) {
        if (span.bytes[at] < '0' || span.bytes[at] > '9')
            return false;
        int digit = span.bytes[at] - '0';
        /* counted downwards, since INT64_MIN has no positive twin */
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value))
            return false;
    }
    if (!negative && value == INT64_MIN)
        return false;
    *value_out = negative ? value : -value;
    return true;
}
