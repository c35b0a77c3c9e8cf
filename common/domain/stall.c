#include "common/domain/stall.h"

void stall_begin(struct stall *stall, int64_t reached, int64_t now_ms)
{
    stall->reached = reached;
    stall->moved_ms = now_ms;
    if (stall->wait_ms == 0)
        stall->wait_ms = STALL_WAIT_FIRST_MS;
}

void stall_see(struct stall *stall, int64_t reached, int64_t now_ms)
{
    if (reached == stall->reached)
        return;
    stall->reached = reached;
    stall->moved_ms = now_ms;
    stall->wait_ms = STALL_WAIT_FIRST_MS;
}

bool stall_is_due(const struct stall *stall, const struct stall_reader *reader,
                  int64_t now_ms)
{
    int64_t since_ms =
        stall->moved_ms > reader->since_ms ? stall->moved_ms : reader->since_ms;
    int64_t wait_ms = stall->wait_ms * (reader->is_empty ? 1 : STALL_BUSY_FACTOR);
    return now_ms - since_ms >= wait_ms;
}

bool stall_judge(struct stall *stall, const struct stall_topic *topic, int64_t now_ms)
{
    int64_t reached = stall->reached < 0 ? topic->first : stall->reached;
    stall->moved_ms = now_ms; /* asked: not again at once */
    if (reached == topic->end)
        return false;
    if (stall->wait_ms < STALL_WAIT_MAX_MS)
        stall->wait_ms *= 2;
    return true;
}
