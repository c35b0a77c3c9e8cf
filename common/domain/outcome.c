#include "common/domain/outcome.h"

#include "common/base/check.h"

#include <stddef.h>

static const char *const NAMES[OUTCOME_COUNT] = {
#define X(name, number, text) [number] = text,
    OUTCOMES(X)
#undef X
};

const char *outcome_name(enum outcome outcome)
{
    ASSERT((size_t)outcome < OUTCOME_COUNT);
    return NAMES[outcome];
}

bool outcome_leaves_ledger_row(enum outcome outcome)
{
    return outcome == OUTCOME_APPLIED || outcome == OUTCOME_UNCHANGED ||
           outcome == OUTCOME_STALE || outcome == OUTCOME_SHADOWED;
}
