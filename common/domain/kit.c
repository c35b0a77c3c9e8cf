#include "common/domain/kit.h"

#include "common/base/check.h"

/* C divides towards zero. */
static int64_t floor_divide(int64_t number, int64_t divisor)
{
    ASSERT(divisor > 0);
    int64_t quotient = number / divisor;
    return number % divisor < 0 ? quotient - 1 : quotient;
}

struct kit_level kit_level(const struct kit *kit, const struct kit_stock *stock)
{
    struct kit_level level = {.exists = true};
    ASSERT(kit->part_count > 0);
    for (size_t at = 0; at < kit->part_count; at++) {
        if (!stock[at].exists)
            return (struct kit_level){.limiting = at};
        int64_t makes = floor_divide(stock[at].quantity, kit->parts[at].quantity);
        if (at > 0 && makes >= level.quantity)
            continue;
        level.quantity = makes;
        level.limiting = at;
    }
    return level;
}
