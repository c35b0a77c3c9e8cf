/* Times: what is accepted comes back the same after it was written; any number of
 * microseconds within the calendar can be written and read. */
#include "common/base/check.h"
#include "common/codec/rfc3339.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define YEAR_2000_US 946684800000000LL
#define YEAR_10000_US 253402300800000000LL
#define DAY_US 86400000000LL

static void check_round_trip(int64_t us)
{
    char text[RFC3339_TEXT_MAX];
    int64_t back;
    if (us < YEAR_2000_US || us >= YEAR_10000_US)
        return;
    rfc3339_format(us, text);
    ASSERT(rfc3339_parse(span_from(text), &back));
    ASSERT(back == us);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t us;
    if (rfc3339_parse((struct span){(const char *)data, size}, &us)) {
        /* an offset moves the years 2000 and 9999 by less than a day */
        ASSERT(us > YEAR_2000_US - DAY_US && us < YEAR_10000_US + DAY_US);
        ASSERT(size >= 20);
        check_round_trip(us);
    }
    if (size >= sizeof(us)) {
        memcpy(&us, data, sizeof(us));
        check_round_trip(YEAR_2000_US +
                         (int64_t)((uint64_t)us % (YEAR_10000_US - YEAR_2000_US)));
    }
    return 0;
}
