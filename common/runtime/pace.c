#include "common/runtime/pace.h"

#include "common/runtime/life.h"

#define US_PER_SECOND 1000000
#define SHARES_A_SECOND 10
#define WAIT_MS_MAX 1000

void pace_begin(struct pace *pace, int64_t per_second)
{
    *pace = (struct pace){.per_second = per_second, .began_us = clock_monotonic_us()};
}

void pace_wait(struct pace *pace, size_t count)
{
    if (pace->per_second == 0)
        return;
    int64_t now_us = clock_monotonic_us();
    int64_t due_us = pace->began_us + pace->done * US_PER_SECOND / pace->per_second;
    if (now_us - due_us > US_PER_SECOND)
        pace_begin(pace, pace->per_second);
    pace->done += (int64_t)count;
    due_us = pace->began_us + pace->done * US_PER_SECOND / pace->per_second;
    while (due_us - (now_us = clock_monotonic_us()) > 1000 && !life_ending()) {
        int64_t wait_ms = (due_us - now_us) / 1000;
        life_wait_ms(wait_ms < WAIT_MS_MAX ? wait_ms : WAIT_MS_MAX);
    }
}

size_t pace_share(const struct pace *pace, size_t most)
{
    if (pace->per_second == 0)
        return most;
    size_t share = (size_t)(pace->per_second / SHARES_A_SECOND) + 1;
    return share < most ? share : most;
}
