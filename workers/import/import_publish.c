/*
 * Publishing: rows to the topic, and how far it is to Postgres. A file is ended only when the
 * broker has acknowledged all of it, and only then the next one is begun.
 */
#include "workers/import/import.h"

#include "common/codec/event_write.h"
#include "common/codec/headers.h"
#include "common/runtime/life.h"

#define TOPIC "stock-changes"
#define FINISH_WAIT_MS                                                                   \
    65000 /* past message.timeout.ms: every record has its answer then */
#define STOP_WAIT_MS 5000
#define MARK_ROWS 5000
#define REMEMBER_US 500000
#define HEADERS_BYTES_MAX ((size_t)1024)

static struct import_state *state_of(struct import_run *run)
{
    return &run->states[run->at];
}

static void mark(struct import_run *run)
{
    if (run->row == run->marked)
        return;
    feed_publisher_mark(run->publisher, run->mark_base + run->row);
    run->marked = run->row;
}

/* The row that is reached for certain; what an earlier run reached stays reached. */
static int64_t reached(struct import_run *run)
{
    int64_t now = feed_publisher_reached(run->publisher) - run->mark_base;
    int64_t before = state_of(run)->mark.reached;
    return now > before ? now : before;
}

static enum status remember(struct import_run *run, bool is_whole, struct error *error)
{
    int64_t row = is_whole && run->row > 0 ? run->row : reached(run);
    run->next_us = clock_monotonic_us() + REMEMBER_US;
    if (run->guard.postgres == NULL || (!is_whole && row == state_of(run)->mark.reached))
        return STATUS_OK;
    return resume_reach(run->guard.postgres, state_of(run), row, is_whole, error);
}

enum status import_publish_row(struct import_run *run, const struct feed_event *event,
                               int64_t row, struct error *error)
{
    if (row <= state_of(run)->mark.reached) {
        run->skipped++;
        return STATUS_OK;
    }
    const struct feed_record record = {.key = event->event.sku,
                                       .value = event->value,
                                       .headers = buf_view(&run->headers)};
    enum status status = feed_publisher_send(run->publisher, &record, error);
    if (status != STATUS_OK)
        return status;
    run->row = row;
    if (row - run->marked >= MARK_ROWS)
        mark(run);
    return STATUS_OK;
}

enum status import_publish_pause(struct import_run *run, struct error *error)
{
    if (clock_monotonic_us() < run->next_us)
        return STATUS_OK;
    mark(run);
    return remember(run, false, error);
}

/* Every record of a file carries the file's own trace: by it the ledger knows them again,
 * and `undo` finds them. Without a database nobody could ask for it. */
void import_publish_begin(struct import_run *run)
{
    char traceparent[BATCH_TRACEPARENT_MAX];
    buf_clear(&run->headers);
    if (run->at >= run->file_count || state_of(run)->id[0] == '\0')
        return;
    batch_traceparent(state_of(run)->id, traceparent);
    headers_add_text(&run->headers, "traceparent", traceparent);
}

/* The next file's marks are above all of this one's. */
static void begin_next(struct import_run *run)
{
    run->mark_base += run->row;
    run->row = 0;
    run->marked = 0;
}

enum status import_publish_file(struct import_run *run, struct error *error)
{
    mark(run);
    enum status status = feed_publisher_finish(run->publisher, FINISH_WAIT_MS, error);
    if (status == STATUS_OK)
        status = remember(run, true, error);
    if (status == STATUS_OK)
        begin_next(run);
    return status;
}

/* A run that ends early remembers what the broker took in the end. */
static void end_early(struct import_run *run)
{
    struct error aside = {0};
    if (run->at >= run->file_count)
        return;
    mark(run);
    (void)feed_publisher_finish(run->publisher, STOP_WAIT_MS, &aside);
    (void)remember(run, false, &aside);
}

static enum status begin_files(struct import_run *run, struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t at = 0;
         run->guard.postgres != NULL && at < run->file_count && status == STATUS_OK; at++)
        status =
            resume_begin(run->guard.postgres, &run->files[at], &run->states[at], error);
    return status;
}

enum status import_publish(struct import_run *run, struct error *error)
{
    buf_init(&run->headers, HEADERS_BYTES_MAX);
    enum status status = feed_publisher_open(run->config, TOPIC, &run->publisher, error);
    if (status == STATUS_OK)
        status = begin_files(run, error);
    if (status == STATUS_OK) {
        run->publishes = true;
        status = import_pass(run, "publishing", error);
        run->publishes = false;
        if (status != STATUS_OK)
            end_early(run);
    }
    if (run->publisher != NULL)
        run->report.published = run->skipped + feed_publisher_acked(run->publisher);
    feed_publisher_close(&run->publisher);
    buf_free(&run->headers);
    return status;
}
