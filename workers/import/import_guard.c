#include "workers/import/import_guard.h"

#include "common/codec/json_text.h"
#include "common/runtime/log.h"

#include <inttypes.h>

enum status guard_begin(struct import_guard *guard, struct error *error)
{
    return store_import_stage_begin(guard->postgres, &guard->stage, error);
}

enum status guard_add(struct import_guard *guard, const struct event *event,
                      struct error *error)
{
    return store_import_stage_add(guard->postgres, &guard->stage, event, error);
}

void guard_end(struct import_guard *guard)
{
    store_import_stage_free(&guard->stage);
}

enum status guard_judge(struct import_guard *guard, struct error *error)
{
    enum status status = store_import_stage_compare(
        guard->postgres, &guard->stage, guard->contract, &guard->effect, error);
    if (status == STATUS_OK)
        guard->fired = feed_guard_judge(&guard->contract->feed_limits, &guard->effect);
    return status;
}

/* ---- what would change ------------------------------------------------------------------------ */

struct teller {
    struct import_report *report;
    const char *what;
    int64_t told;
};

static void tell_json(struct buf *out, const struct teller *teller,
                      const struct import_change *change)
{
    buf_byte(out, '{');
    json_member_text(out, teller->what, change->sku);
    json_member_text(out, "location", change->location);
    json_member_number_or_null(out, "before", change->has_before, change->before);
    if (strcmp(teller->what, "missing") != 0)
        json_member_number(out, "after", change->after);
    buf_text(out, "}\n");
}

static void tell_line(struct buf *out, const struct teller *teller,
                      const struct import_change *change)
{
    buf_format(out, "%s %.*s at %.*s: ", teller->what, SPAN_ARGS(change->sku),
               SPAN_ARGS(change->location));
    if (change->has_before)
        buf_number(out, change->before);
    else
        buf_text(out, "none");
    if (strcmp(teller->what, "missing") != 0)
        buf_format(out, " -> %" PRId64, change->after);
    buf_byte(out, '\n');
}

static enum status tell_one(void *self, const struct import_change *change,
                            struct error *error)
{
    struct teller *teller = self;
    (void)error;
    teller->told++;
    if (teller->report->output == OUTPUT_TABLE)
        tell_line(&teller->report->notes, teller, change);
    else if (teller->report->output == OUTPUT_JSONL)
        tell_json(&teller->report->notes, teller, change);
    return STATUS_OK;
}

static struct import_changes changes_to(struct teller *teller)
{
    bool is_table = teller->report->output == OUTPUT_TABLE;
    return (struct import_changes){.each = tell_one,
                                   .self = teller,
                                   .limit =
                                       is_table ? GUARD_TABLE_MAX : GUARD_CHANGES_MAX};
}

enum status guard_tell_changes(struct import_guard *guard, struct import_report *report,
                               struct error *error)
{
    struct teller teller = {.report = report, .what = "changes"};
    const struct feed_effect *effect = &guard->effect;
    const struct import_changes changes = changes_to(&teller);
    enum status status = store_import_changed(guard->postgres, &changes, error);
    if (status != STATUS_OK || report->output != OUTPUT_TABLE)
        return status;
    int64_t left = effect->changed + effect->fresh - teller.told;
    if (left > 0)
        buf_format(&report->notes, "... and %" PRId64 " more (-o jsonl names %d)\n", left,
                   GUARD_CHANGES_MAX);
    buf_format(&report->notes,
               "of %" PRId64 " levels named, %" PRId64 " would change, %" PRId64
               " of them to zero or less; %" PRId64 " have no level yet\n",
               effect->named, effect->changed, effect->zeroed, effect->fresh);
    if (guard->fired != FEED_GUARD_NONE)
        buf_format(&report->notes, "guard %s would stop it: %s\n",
                   feed_guard_row(guard->fired)->id, feed_guard_row(guard->fired)->why);
    return STATUS_OK;
}

enum status guard_tell_missing(struct import_guard *guard, struct import_report *report,
                               struct error *error)
{
    struct teller teller = {.report = report, .what = "missing"};
    const struct import_changes changes = changes_to(&teller);
    int64_t count = 0;
    enum status status = store_import_missing(guard->postgres, &changes, &count, error);
    if (status != STATUS_OK)
        return status;
    if (count > 0)
        log_warn("levels that the snapshot does not name; they stay as they are",
                 LOG_INT("levels", count), LOG_END);
    if (report->output == OUTPUT_TABLE)
        buf_format(&report->notes,
                   "%" PRId64
                   " levels are missing from the snapshot and stay as they are\n",
                   count);
    return STATUS_OK;
}
