#include "common/domain/reason.h"

#include "common/base/check.h"

#include <stddef.h>

static const char *const CODES[REASON_COUNT] = {
#define X(name, text) text,
    REASONS(X)
#undef X
};

static const char *const REMEDIES[REASON_COUNT] = {
    [REASON_NONE] = "nothing to do",
    [REASON_EMPTY_VALUE] = "send an object; a tombstone means nothing on this topic",
    [REASON_TOO_LARGE] = "keep the value within 64 KiB",
    [REASON_NOT_UTF8] = "encode the value as UTF-8",
    [REASON_NOT_JSON] = "send one JSON object, without byte order mark or trailing text",
    [REASON_NOT_AN_OBJECT] = "send one JSON object a record",
    [REASON_REPEATED_KEY] = "name each key once an object",
    [REASON_TOO_DEEP] = "nest at most 16 levels",
    [REASON_MISSING_FIELD] = "add the missing required field",
    [REASON_WRONG_TYPE] =
        "use the documented JSON type; integers without fraction or quotes",
    [REASON_OUT_OF_RANGE] = "keep the number within its documented range",
    [REASON_BAD_TEXT] = "keep texts within their length and free of control characters",
    [REASON_UNKNOWN_TYPE] = "use one of the documented event types",
    [REASON_UNKNOWN_SOURCE] = "name a source (or shop) of the contract file",
    [REASON_UNKNOWN_LOCATION] =
        "name a location that the contract file gives this source",
    [REASON_BAD_TIMESTAMP] = "write RFC 3339 with an offset, years 2000 to 9999",
    [REASON_FUTURE_TIMESTAMP] = "set the producer's clock; more than 5 minutes ahead",
    [REASON_BAD_SKU] = "the SKU is empty or too long once normalised",
    [REASON_ID_REUSED] = "give every event of a source its own id",
    [REASON_LEVEL_OUT_OF_RANGE] = "check the quantities: the level would leave +-10^9",
    [REASON_TOO_OLD] = "send a count: the adjustment is older than the ledger can prove",
};

const char *reason_code(enum reason reason)
{
    ASSERT((size_t)reason < REASON_COUNT);
    return CODES[reason];
}

const char *reason_remedy(enum reason reason)
{
    ASSERT((size_t)reason < REASON_COUNT && REMEDIES[reason] != NULL);
    return REMEDIES[reason];
}
