#include "common/io/store_clock.h"

#include "common/base/scope.h"

static const struct statement NOW = {"clock_now", "SELECT clock_timestamp()"};

enum status store_clock_us(struct postgres *postgres, int64_t *now_us_out,
                           struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = postgres_query(postgres, &NOW, NULL, &rows, error);
    if (status != STATUS_OK)
        return status;
    *now_us_out = rows_time(&rows, 0, 0);
    return STATUS_OK;
}
