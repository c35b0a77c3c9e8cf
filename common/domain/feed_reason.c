#include "common/domain/feed_reason.h"

#include "common/base/check.h"

#define EXPONENT_DIGITS_MAX 3

struct row {
    const char *code;
    const char *remedy;
};

static const struct row ROWS[FEED_REASON_COUNT - FEED_REASON_FIRST] = {
#define ROW(name) [FEED_REASON_##name - FEED_REASON_FIRST]
    ROW(NOT_CSV) = {"not_csv",
                    "write CSV as in RFC 4180: quote fields that hold the "
                    "delimiter, a quote or a line end, and double their quotes"},
    ROW(COLUMN_COUNT) = {"column_count",
                         "give every row as many columns as the header has"},
    ROW(NO_HEADER) = {"no_header",
                      "name the columns in the first line, or give a mapping "
                      "with \"header\": false"},
    ROW(REPEATED_COLUMN) = {"repeated_column", "name each column once"},
    ROW(MISSING_COLUMN) = {"missing_column", "add the column that the mapping names"},
    ROW(UNKNOWN_VALUE) = {"unknown_value",
                          "add the value to the mapping's \"values\" of this field"},
    ROW(BAD_NUMBER) = {"bad_number", "write the number as the mapping's \"number\" says"},
    ROW(MANGLED_SKU) =
        {"mangled_sku",
         "export the SKUs as text: a spreadsheet has shortened this one and "
         "its last digits are lost"},
#undef ROW
};

const char *feed_reason_code(enum feed_reason reason)
{
    ASSERT((size_t)reason < FEED_REASON_COUNT);
    if (reason < FEED_REASON_FIRST)
        return reason_code((enum reason)reason);
    return ROWS[reason - FEED_REASON_FIRST].code;
}

const char *feed_reason_remedy(enum feed_reason reason)
{
    ASSERT((size_t)reason < FEED_REASON_COUNT);
    if (reason < FEED_REASON_FIRST)
        return reason_remedy((enum reason)reason);
    return ROWS[reason - FEED_REASON_FIRST].remedy;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static size_t skip_digits(struct span text, size_t at)
{
    while (at < text.length && is_digit(text.bytes[at]))
        at++;
    return at;
}

/* Past "1.23", the significant digits; 0 where there are none. */
static size_t skip_significant(struct span text)
{
    size_t at = text.length > 0 && text.bytes[0] == '-' ? 1 : 0;
    if (at == text.length || !is_digit(text.bytes[at]))
        return 0;
    at++;
    if (at == text.length || (text.bytes[at] != '.' && text.bytes[at] != ','))
        return at;
    size_t end = skip_digits(text, at + 1);
    return end > at + 1 ? end : 0;
}

bool feed_sku_is_mangled(struct span sku)
{
    size_t at = skip_significant(sku);
    if (at == 0 || sku.length - at < 3 || (sku.bytes[at] | 0x20) != 'e' ||
        sku.bytes[at + 1] != '+')
        return false;
    size_t digits = sku.length - (at + 2);
    return skip_digits(sku, at + 2) == sku.length && digits <= EXPONENT_DIGITS_MAX;
}
