#include "workers/import/import.h"

#include "common/base/scope.h"
#include "common/runtime/database.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"

#include <stdlib.h>

/* A dry run goes on without the database: what would change is then not said. */
static enum status without_database(struct import_run *run, enum status status,
                                    struct error *error)
{
    if (status == STATUS_OK || !run->flags->dry_run)
        return status;
    log_warn("what would change is not known", LOG_TEXT("error", error->text), LOG_END);
    run->stages = false;
    *error = (struct error){0};
    return STATUS_OK;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static enum status take_good(void *self, const struct feed_event *event, int64_t row,
                             struct error *error)
{
    struct import_run *run = self;
    enum status status = STATUS_OK;
    run->good++;
    if (run->judges)
        report_good(&run->report);
    if (run->stages)
        status =
            without_database(run, guard_add(&run->guard, &event->event, error), error);
    if (status == STATUS_OK && run->publishes)
        status = import_publish_row(run, event, row, error);
    return status;
}

/* The list in the report goes on where the file of rejects can not. */
static enum status take_bad(void *self, const struct import_fault *fault,
                            struct error *error)
{
    struct import_run *run = self;
    struct error broken = {0};
    (void)error;
    if (!run->judges)
        return STATUS_OK;
    report_bad(&run->report, fault);
    bool writes = !run->flags->dry_run || run->flags->rejects != NULL;
    if (writes && !run->rejects.broken && !rejects_add(&run->rejects, fault, &broken))
        log_warn("refused rows are not written", LOG_TEXT("error", broken.text), LOG_END);
    return STATUS_OK;
}

static enum status take_pause(void *self, int64_t bytes, struct error *error)
{
    struct import_run *run = self;
    progress_show(&run->progress, run->bytes_before + bytes, run->good);
    if (!life_ending())
        return run->publishes ? import_publish_pause(run, error) : STATUS_OK;
    run->is_stopped = true;
    (void)error_set(error, STATUS_RETRY, "stopped by a signal; run it again to go on");
    return error_exit(error, EXIT_AGAIN);
}

/* ---- passes --------------------------------------------------------------------------------- */

static int64_t size_of(const struct import_run *run)
{
    int64_t size = 0;
    for (size_t at = 0; at < run->file_count; at++)
        size += run->files[at].size;
    return size;
}

enum status import_pass(struct import_run *run, const char *doing, struct error *error)
{
    const struct import_visitor visitor = {.good = take_good,
                                           .bad = take_bad,
                                           .pause = take_pause,
                                           .self = run,
                                           .wants_values = run->publishes};
    enum status status = STATUS_OK;
    run->bytes_before = 0;
    run->good = 0;
    progress_begin(&run->progress, doing, size_of(run));
    run->at = 0;
    while (run->at < run->file_count && status == STATUS_OK) {
        const struct import_file *file = &run->files[run->at];
        if (run->publishes)
            import_publish_begin(run);
        status = import_read(&run->context, file, &visitor, error);
        if (status == STATUS_OK && run->publishes)
            status = import_publish_file(run, error);
        run->bytes_before += file->size;
        run->at += status == STATUS_OK;
    }
    progress_end(&run->progress);
    return status;
}

/* ---- the guard -------------------------------------------------------------------------------- */

static struct guard_feed feed_of(const struct import_run *run)
{
    return (struct guard_feed){
        .name = run->files[0].feed, .files = run->files, .file_count = run->file_count};
}

/* By the feed's name, or by the name of a shop, as other commands ask for it. */
static bool is_confirmed(const struct import_run *run)
{
    if (run->flags->confirm == NULL)
        return false;
    struct span given = span_from(run->flags->confirm);
    return span_equal(given, run->files[0].feed) ||
           contract_shop(run->context.contract, given) >= 0;
}

static enum status stop(struct import_run *run, struct error *error)
{
    const struct guard_feed feed = feed_of(run);
    const struct feed_effect *effect = &run->guard.effect;
    const struct feed_guard_row *row = feed_guard_row(run->guard.fired);
    enum status status = guard_raise(&run->guard, run->config, &feed, error);
    if (status != STATUS_OK)
        return status;
    (void)error_set(
        error, STATUS_REJECT,
        "stopped by the guard %s: %s. Of %lld levels named it would change "
        "%lld, %lld of them to zero or less. Nothing was published; look with "
        "--dry-run, and if it is meant: --confirm '%.*s'",
        row->id, row->why, (long long)effect->named, (long long)effect->changed,
        (long long)effect->zeroed, SPAN_ARGS(feed.name));
    return error_exit(error, EXIT_NOT_ALLOWED);
}

static enum status look(struct import_run *run, struct error *error)
{
    enum status status = guard_judge(&run->guard, error);
    if (status == STATUS_OK && run->flags->dry_run)
        status = guard_tell_changes(&run->guard, &run->report, error);
    if (status == STATUS_OK && run->flags->snapshot)
        status = guard_tell_missing(&run->guard, &run->report, error);
    return status;
}

/* ---- the run ---------------------------------------------------------------------------------- */

static bool has_faults(const struct import_run *run)
{
    return run->report.invalid > 0 || run->report.files_refused > 0;
}

/* Every file was begun before: the guard has let it pass then. */
static bool goes_on(const struct import_run *run)
{
    for (size_t at = 0; at < run->file_count; at++)
        if (!run->states[at].mark.is_running)
            return false;
    return true;
}

static enum status judge_first(struct import_run *run, bool stages, struct error *error)
{
    run->judges = true;
    run->stages = stages;
    enum status status = STATUS_OK;
    if (stages)
        status = without_database(run, guard_begin(&run->guard, error), error);
    if (status == STATUS_OK)
        status = import_pass(run, "judging", error);
    if (status == STATUS_OK && run->stages)
        status = without_database(run, look(run, error), error);
    run->judges = false;
    run->stages = false;
    return status;
}

/* A feed of this name was let through: what stopped an earlier one is over. */
static enum status end_incident(struct import_run *run, struct error *error)
{
    const struct guard_feed feed = feed_of(run);
    const char *reason = is_confirmed(run) ? "the feed was confirmed and published"
                                           : "a feed was published without being stopped";
    if (run->guard.postgres == NULL)
        return STATUS_OK;
    return guard_resolve(&run->guard, run->config, &feed, reason, error);
}

/* What has to be known before the first row is published. */
static enum status look_before(struct import_run *run, bool *judged_out,
                               struct error *error)
{
    const struct import_flags *flags = run->flags;
    bool stages = run->guard.postgres != NULL && (flags->dry_run || !goes_on(run));
    *judged_out = stages || flags->dry_run || flags->all_or_nothing;
    return *judged_out ? judge_first(run, stages, error) : STATUS_OK;
}

static enum status run_passes(struct import_run *run, struct error *error)
{
    const struct import_flags *flags = run->flags;
    bool judged = false;
    enum status status = look_before(run, &judged, error);
    if (status != STATUS_OK || flags->dry_run)
        return status;
    if (flags->all_or_nothing && has_faults(run))
        return STATUS_OK;
    if (run->guard.fired != FEED_GUARD_NONE && !is_confirmed(run))
        return stop(run, error);
    run->judges = !judged;
    status = import_publish(run, error);
    return status == STATUS_OK ? end_incident(run, error) : status;
}

static enum status find_states(struct import_run *run, struct error *error)
{
    enum status status = STATUS_OK;
    if (run->guard.postgres == NULL || run->flags->dry_run)
        return STATUS_OK;
    for (size_t at = 0; at < run->file_count && status == STATUS_OK; at++)
        status = resume_find(run->guard.postgres, &run->context, &run->files[at],
                             &run->states[at], error);
    return status;
}

static enum status open_database(struct import_run *run, struct error *error)
{
    const struct postgres_options options =
        database_options(run->config, "parstock import", 600 * 1000);
    if (options.dsn == NULL)
        return STATUS_OK;
    return without_database(run, postgres_open(&options, &run->guard.postgres, error),
                            error);
}

static void free_states(struct import_state **slot)
{
    free(*slot);
    *slot = NULL;
}

enum status import_run(struct import_run *run, struct error *error)
{
    struct error broken = {0};
    SCOPED(free_states)
    struct import_state *states = calloc(run->file_count, sizeof(*states));
    if (states == NULL)
        return error_set(error, STATUS_FATAL, "import: out of memory");
    run->states = states;
    run->guard.contract = run->context.contract;
    for (size_t at = 0; at < run->file_count && !run->flags->dry_run; at++)
        rejects_forget(&run->rejects, &run->files[at]);
    enum status status = open_database(run, error);
    if (status == STATUS_OK)
        status = find_states(run, error);
    if (status == STATUS_OK)
        status = run_passes(run, error);
    if (!rejects_close(&run->rejects, &broken))
        log_warn("refused rows are not written", LOG_TEXT("error", broken.text), LOG_END);
    guard_end(&run->guard);
    postgres_close(&run->guard.postgres);
    return status;
}

int import_exit_code(const struct import_run *run)
{
    return has_faults(run) ? EXIT_DATA : 0;
}
