#include "workers/import/import_progress.h"

#include "common/runtime/life.h"
#include "common/runtime/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define US_PER_SECOND 1000000LL
#define REDRAW_US 200000LL
#define LINE_EVERY_US (10 * US_PER_SECOND)
#define BAR_CELLS 24
#define SECONDS_SHOWN_MAX 359999 /* 99:59:59 */

void progress_begin(struct import_progress *progress, const char *doing,
                    int64_t bytes_total)
{
    bool is_terminal = isatty(STDERR_FILENO) == 1;
    int64_t now_us = clock_monotonic_us();
    *progress = (struct import_progress){
        .is_terminal = is_terminal,
        .doing = doing,
        .bytes_total = bytes_total,
        .started_us = now_us,
        .next_us = now_us + (is_terminal ? REDRAW_US : LINE_EVERY_US),
    };
}

static int64_t per_second(int64_t count, int64_t elapsed_us)
{
    return elapsed_us > 0 ? count * US_PER_SECOND / elapsed_us : 0;
}

/* By the bytes, since nobody knows how many rows there are; -1 = nothing to go by yet. */
static int64_t seconds_left(const struct progress_facts *facts)
{
    int64_t rate = per_second(facts->bytes, facts->elapsed_us);
    if (rate <= 0 || facts->bytes > facts->bytes_total)
        return -1;
    int64_t left = (facts->bytes_total - facts->bytes) / rate;
    return left < SECONDS_SHOWN_MAX ? left : SECONDS_SHOWN_MAX;
}

static int64_t percent_of(const struct progress_facts *facts)
{
    if (facts->bytes_total <= 0 || facts->bytes >= facts->bytes_total)
        return 100;
    return facts->bytes * 100 / facts->bytes_total;
}

void progress_line(const struct progress_facts *facts, char line_out[PROGRESS_LINE_MAX])
{
    char bar[BAR_CELLS + 1];
    char left[32] = "";
    int64_t percent = percent_of(facts);
    int64_t seconds = seconds_left(facts);
    size_t full = (size_t)(percent * BAR_CELLS / 100);
    memset(bar, '.', BAR_CELLS);
    memset(bar, '#', full);
    bar[BAR_CELLS] = '\0';
    if (seconds >= 0)
        (void)snprintf(left, sizeof(left),
                       ", %" PRId64 ":%02" PRId64 ":%02" PRId64 " left", seconds / 3600,
                       seconds / 60 % 60, seconds % 60);
    (void)snprintf(line_out, PROGRESS_LINE_MAX,
                   "%s [%s] %" PRId64 "%% %" PRId64 " rows, %" PRId64 "/s%s",
                   facts->doing, bar, percent, facts->rows,
                   per_second(facts->rows, facts->elapsed_us), left);
}

void progress_show(struct import_progress *progress, int64_t bytes, int64_t rows)
{
    int64_t now_us = clock_monotonic_us();
    if (now_us < progress->next_us)
        return;
    const struct progress_facts facts = {.doing = progress->doing,
                                         .bytes = bytes,
                                         .bytes_total = progress->bytes_total,
                                         .rows = rows,
                                         .elapsed_us = now_us - progress->started_us};
    progress->next_us = now_us + (progress->is_terminal ? REDRAW_US : LINE_EVERY_US);
    if (!progress->is_terminal) {
        log_info("import progress", LOG_TEXT("doing", facts.doing),
                 LOG_INT("percent", percent_of(&facts)), LOG_INT("rows", rows),
                 LOG_INT("rows_per_second", per_second(rows, facts.elapsed_us)),
                 LOG_INT("seconds_left", seconds_left(&facts)), LOG_END);
        return;
    }
    char line[PROGRESS_LINE_MAX];
    progress_line(&facts, line);
    (void)fprintf(stderr, "\r\033[K%s", line);
    progress->is_drawn = true;
}

void progress_end(struct import_progress *progress)
{
    if (progress->is_drawn)
        (void)fputs("\r\033[K", stderr);
    progress->is_drawn = false;
}
