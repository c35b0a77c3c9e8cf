#include "common/codec/contract_kpi.h"

#include "common/base/check.h"

#include <math.h>

/* What one in the file is in struct kpi_limits. */
static const int64_t FACTORS[] = {
    [KPI_LIMIT_SHARE] = KPI_WHOLE / 100, /* percent */
    [KPI_LIMIT_COUNT] = 1,
    [KPI_LIMIT_TIME] = 1000, /* seconds */
};

struct kpi_limits contract_build_kpi(json_t *kpi)
{
    struct kpi_limits limits = KPI_DEFAULTS;
    size_t count;
    const struct kpi_limit *rows = kpi_limits_table(&count);
    for (size_t at = 0; at < count; at++) {
        json_t *number = json_object_get(kpi, rows[at].key);
        ASSERT((size_t)rows[at].kind < COUNT_OF(FACTORS));
        if (number != NULL)
            kpi_limit_set(
                &limits, &rows[at],
                llround(json_number_value(number) * (double)FACTORS[rows[at].kind]));
    }
    return limits;
}
