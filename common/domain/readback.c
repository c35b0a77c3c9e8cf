#include "common/domain/readback.h"

#include "common/base/check.h"

static bool is_gone(const struct readback_look *look)
{
    return !look->is_there;
}

static bool is_refused(const struct readback_look *look)
{
    return look->fault.length > 0;
}

static bool is_without_level(const struct readback_look *look)
{
    return !look->has_desired;
}

static bool rests(const struct readback_look *look)
{
    return look->has_shown && look->is_seen_since && !look->is_dirty &&
           !look->is_in_flight;
}

/* A level that should be another one since is no failure, nor one that is decided anew. */
static bool is_off_after_reading(const struct readback_look *look)
{
    bool is_known = look->is_seen_since && look->has_shown && !look->is_in_flight;
    bool is_as_written = !look->is_undecided && look->desired == look->written;
    return look->is_reading && is_known && is_as_written &&
           look->shown != look->desired && !look->is_in_debt;
}

static bool rests_first(const struct readback_look *look)
{
    return rests(look) && !look->is_reading;
}

static bool rests_again(const struct readback_look *look)
{
    return rests(look) && look->is_reading;
}

static bool is_late(const struct readback_look *look)
{
    return look->age_ms >= look->patience_ms;
}

static bool always(const struct readback_look *look)
{
    (void)look;
    return true;
}

enum { GONE, REFUSED, NO_LEVEL, DIFFERS, WRITTEN, READ_BACK, LATE, WAITS, ROW_COUNT };

static const struct readback_rule RULES[ROW_COUNT] = {
    [GONE] = {"gone", READBACK_FAILED, is_gone, "the pair is not kept any more"},
    [REFUSED] = {"refused", READBACK_FAILED, is_refused, "push leaves the pair alone"},
    [NO_LEVEL] = {"no_level", READBACK_FAILED, is_without_level,
                  "nothing is known that could be shown"},
    [DIFFERS] = {"differs", READBACK_FAILED, is_off_after_reading,
                 "read back, the shop shows another level again"},
    [WRITTEN] = {"written", READBACK_READ, rests_first,
                 "push is at rest with it; the shop is read once more"},
    [READ_BACK] = {"read_back", READBACK_DONE, rests_again,
                   "read back, the shop shows what it should"},
    [LATE] = {"late", READBACK_FAILED, is_late, "push did not come to it in time"},
    [WAITS] = {"waits", READBACK_WAIT, always, "push is at it"},
};

const struct readback_rule *readback_judge(const struct readback_look *look)
{
    size_t at = 0;
    while (!RULES[at].fits(look))
        at++;
    ASSERT(at < ROW_COUNT);
    return &RULES[at];
}

const struct readback_rule *readback_late(void)
{
    return &RULES[LATE];
}
