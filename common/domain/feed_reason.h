/*
 * Why a row of a feed is refused: the codes of an event (reason.h), and those of what a row
 * is before it is an event.
 */
#ifndef PARSTOCK_DOMAIN_FEED_REASON_H
#define PARSTOCK_DOMAIN_FEED_REASON_H

#include "common/base/span.h"
#include "common/domain/reason.h"

enum feed_reason {
    FEED_REASON_NONE = REASON_NONE, /* from here on the numbers of enum reason */
    FEED_REASON_FIRST = REASON_COUNT,
    FEED_REASON_NOT_CSV = FEED_REASON_FIRST,
    FEED_REASON_COLUMN_COUNT,
    FEED_REASON_NO_HEADER,
    FEED_REASON_REPEATED_COLUMN,
    FEED_REASON_MISSING_COLUMN,
    FEED_REASON_UNKNOWN_VALUE,
    FEED_REASON_BAD_NUMBER,
    FEED_REASON_MANGLED_SKU,
    FEED_REASON_COUNT
};

const char *feed_reason_code(enum feed_reason reason);
const char *feed_reason_remedy(enum feed_reason reason);

/*
 * Is this SKU (normalised) what a spreadsheet makes of a long number, as 1.23E+12? Digits
 * are lost for good then, and what is left is the same for many SKUs. Only with the '+' and
 * at most one digit before the point, as spreadsheets write it: 1E-5 and 12E5 may be SKUs.
 */
bool feed_sku_is_mangled(struct span sku);

#endif
