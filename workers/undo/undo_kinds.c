/*
 * Batches of events: an import, and records that `replay run --into live` published once
 * more. Both are found in the ledger by their trace, and both must stand still meanwhile.
 */
#include "common/io/store_imports.h"
#include "common/io/store_replay.h"
#include "common/io/store_replay_batch.h"
#include "workers/undo/undo.h"

/* Nobody goes on with the file meanwhile: the lock ends with the connection. */
static enum status hold_import(struct undo *self, struct error *error)
{
    bool is_held = false;
    enum status status = store_import_hold(self->postgres, self->id, &is_held, error);
    if (status != STATUS_OK || is_held)
        return status;
    (void)error_set(error, STATUS_RETRY,
                    "the feed is being imported, or taken back, by another process");
    return error_exit(error, EXIT_AGAIN);
}

/* What was not published yet never will be: under the lock nobody opens the batch again, and
 * whoever slept has lost his part. */
static enum status hold_replay(struct undo *self, struct error *error)
{
    struct span name = span_from("into live");
    struct error ignored = {0};
    bool is_quiet = false;
    enum status status = store_replay_lock(self->postgres, name, error);
    if (status != STATUS_OK)
        return status;
    status = store_batch_stop(self->postgres, self->id, !self->flags->dry_run, &is_quiet,
                              error);
    (void)store_replay_unlock(self->postgres, name, &ignored);
    if (status != STATUS_OK || is_quiet)
        return status;
    (void)error_set(error, STATUS_RETRY,
                    "the records are being published by another process: let 'parstock "
                    "replay run' end, or end it");
    return error_exit(error, EXIT_AGAIN);
}

static enum status no_events(const struct undo *self, struct error *error)
{
    (void)error_set(
        error, STATUS_REJECT,
        "the ledger has no event of %.*s %.16s: all of it was known before, or "
        "its records had no trace yet, or the ledger of those days is gone",
        SPAN_ARGS(self->kind), self->id.bytes);
    return error_exit(error, EXIT_FOUND);
}

enum status undo_plan_import(struct undo *self, struct undo_plan *plan,
                             struct error *error)
{
    enum status status = hold_import(self, error);
    if (status == STATUS_OK)
        status = undo_plan_stock(self, plan, error);
    return status == STATUS_OK && plan->pairs == 0 ? no_events(self, error) : status;
}

enum status undo_plan_replay(struct undo *self, struct undo_plan *plan,
                             struct error *error)
{
    enum status status = hold_replay(self, error);
    if (status == STATUS_OK)
        status = undo_plan_stock(self, plan, error);
    if (status == STATUS_OK)
        status = undo_plan_orders(self, plan, error);
    return status == STATUS_OK && plan->pairs == 0 ? no_events(self, error) : status;
}
