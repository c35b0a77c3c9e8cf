/* One line that is drawn over on a terminal, log lines now and then elsewhere. */
#include "workers/replay/replay.h"

#include "common/runtime/life.h"
#include "common/runtime/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define US_PER_SECOND 1000000LL
#define REDRAW_US 250000LL
#define LINE_EVERY_US (10 * US_PER_SECOND)
#define BAR_CELLS 24
#define SECONDS_SHOWN_MAX 359999 /* 99:59:59 */

void replay_progress_begin(struct replay_progress *progress, const char *doing,
                           int64_t done_before)
{
    bool is_terminal = isatty(STDERR_FILENO) == 1;
    int64_t now_us = clock_monotonic_us();
    *progress = (struct replay_progress){
        .doing = doing,
        .is_terminal = is_terminal,
        .started_us = now_us,
        .next_us = now_us + (is_terminal ? REDRAW_US : LINE_EVERY_US),
        .done_before = done_before};
}

static void draw(struct replay_progress *progress, int64_t done, int64_t left,
                 int64_t rate)
{
    char bar[BAR_CELLS + 1];
    char time[32] = "";
    int64_t all = done + left;
    int64_t percent = all > 0 ? done * 100 / all : 100;
    int64_t seconds = rate > 0 ? left / rate : -1;
    memset(bar, '.', BAR_CELLS);
    memset(bar, '#', (size_t)(percent * BAR_CELLS / 100));
    bar[BAR_CELLS] = '\0';
    if (seconds >= 0 && seconds <= SECONDS_SHOWN_MAX)
        (void)snprintf(time, sizeof(time),
                       ", %" PRId64 ":%02" PRId64 ":%02" PRId64 " left", seconds / 3600,
                       seconds / 60 % 60, seconds % 60);
    (void)fprintf(stderr,
                  "\r\033[K%s [%s] %" PRId64 "%% %" PRId64 " records, %" PRId64 "/s%s",
                  progress->doing, bar, percent, done, rate, time);
    progress->is_drawn = true;
}

void replay_progress_show(struct replay_progress *progress, int64_t done, int64_t left)
{
    int64_t now_us = clock_monotonic_us();
    if (now_us < progress->next_us)
        return;
    progress->next_us = now_us + (progress->is_terminal ? REDRAW_US : LINE_EVERY_US);
    int64_t elapsed_us = now_us - progress->started_us;
    int64_t rate =
        elapsed_us > 0 ? (done - progress->done_before) * US_PER_SECOND / elapsed_us : 0;
    if (progress->is_terminal)
        draw(progress, done, left, rate);
    else
        log_info("replay progress", LOG_TEXT("doing", progress->doing),
                 LOG_INT("records", done), LOG_INT("records_left", left),
                 LOG_INT("records_per_second", rate),
                 LOG_INT("seconds_left", rate > 0 ? left / rate : -1), LOG_END);
}

void replay_progress_end(struct replay_progress *progress)
{
    if (progress->is_drawn)
        (void)fputs("\r\033[K", stderr);
    progress->is_drawn = false;
}
