#include "common/runtime/moment.h"

#include "common/base/check.h"
#include "common/codec/rfc3339.h"
#include "common/runtime/life.h"

#define AGO_MAX 1000000

struct unit {
    char letter;
    int64_t seconds;
};

static const struct unit UNITS[] = {
    {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};

static bool parse_ago(struct span text, int64_t *us_out)
{
    int64_t number = 0;
    if (text.length < 2)
        return false;
    const struct span digits = {text.bytes, text.length - 1};
    for (size_t at = 0; at < COUNT_OF(UNITS); at++) {
        if (text.bytes[text.length - 1] != UNITS[at].letter)
            continue;
        if (!span_to_int64(digits, &number) || number < 0 || number > AGO_MAX)
            return false;
        *us_out = clock_now_us() - number * UNITS[at].seconds * 1000000;
        return true;
    }
    return false;
}

bool moment_parse(const char *text, int64_t *us_out)
{
    struct span span = span_from(text);
    return rfc3339_parse(span, us_out) || parse_ago(span, us_out);
}
