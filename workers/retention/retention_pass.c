#include "workers/retention/retention.h"

#include "common/base/check.h"
#include "common/io/store_imports.h"
#include "common/runtime/seal_job.h"

const char *step_state_name(enum step_state state)
{
    static const char *const NAMES[] = {[STEP_PLANNED] = "planned",
                                        [STEP_DONE] = "done",
                                        [STEP_DEFERRED] = "deferred",
                                        [STEP_BUSY] = "busy"};
    ASSERT((size_t)state < COUNT_OF(NAMES));
    return NAMES[state];
}

static bool is_busy(const struct postgres *postgres, const struct error *error)
{
    return postgres_alive(postgres) &&
           (strcmp(error->code, "55P03") == 0 || strcmp(error->code, "40P01") == 0);
}

static enum status do_step(struct postgres *postgres, struct pass *pass, size_t at,
                           struct error *error)
{
    const struct retention_step *step = &pass->plan.steps[at];
    if (step->act == RETENTION_DEFER) {
        pass->states[at] = STEP_DEFERRED;
        return STATUS_OK;
    }
    enum status status = store_retention_do(postgres, step, error);
    if (status == STATUS_OK) {
        pass->states[at] = STEP_DONE;
    } else if (is_busy(postgres, error)) {
        pass->states[at] = STEP_BUSY;
        pass->busy++;
        status = STATUS_OK;
    }
    return status;
}

/*
 * Keys go after the rows that they stand for: a key without row makes a repeat a repeat
 * for longer, a row without key would let it be judged again.
 */
static int32_t first_day_left(const struct pass *pass)
{
    int32_t first = pass->plan.first_day;
    for (size_t at = 0; at < pass->plan.count; at++) {
        const struct retention_step *step = &pass->plan.steps[at];
        bool goes = step->act == RETENTION_DROP || step->act == RETENTION_PURGE;
        if (goes && pass->states[at] != STEP_DONE && step->day < first)
            first = step->day;
    }
    return first;
}

/* What goes is sealed first: the newest day of it. */
static struct seal_leaving leaving_of(const struct pass *pass)
{
    struct seal_leaving leaving = {0};
    for (size_t at = 0; at < pass->plan.count; at++) {
        const struct retention_step *step = &pass->plan.steps[at];
        if (step->act != RETENTION_DROP && step->act != RETENTION_PURGE)
            continue;
        if (!leaving.has_day || step->day > leaving.day)
            leaving = (struct seal_leaving){.has_day = true, .day = step->day};
    }
    return leaving;
}

static bool has_emptied(const struct pass *pass)
{
    for (size_t at = 0; at < pass->plan.count; at++)
        if (pass->states[at] == STEP_DONE && pass->plan.steps[at].rows > 0)
            return true;
    return false;
}

static enum status do_all(struct postgres *postgres, struct pass *pass,
                          struct error *error)
{
    const struct seal_leaving leaving = leaving_of(pass);
    enum status status = seal_due(postgres, &leaving, &pass->seals_made, error);
    for (size_t at = 0; at < pass->plan.count && status == STATUS_OK; at++)
        status = do_step(postgres, pass, at, error);
    if (status == STATUS_OK)
        status = store_retention_runs(postgres, first_day_left(pass), &pass->runs_removed,
                                      error);
    if (status == STATUS_OK)
        status = store_retention_units(postgres, pass->found.keep_days,
                                       &pass->units_removed, error);
    if (status == STATUS_OK)
        status = store_import_retire(postgres, pass->found.keep_days,
                                     &pass->imports_removed, error);
    if (status == STATUS_OK)
        status =
            store_retention_history(postgres, &pass->ages, pass->history_removed, error);
    if (status == STATUS_OK && has_emptied(pass))
        status = store_retention_end(postgres, error);
    return status;
}

static enum status look_and_do(struct postgres *postgres, struct pass *pass,
                               struct error *error)
{
    enum status status = store_retention_find(postgres, &pass->found, error);
    if (status != STATUS_OK || pass->is_elsewhere)
        return status;
    retention_plan(&pass->found, &pass->plan);
    for (size_t at = 0; at < pass->plan.count; at++)
        pass->states[at] = STEP_PLANNED;
    return pass->dry_run ? STATUS_OK : do_all(postgres, pass, error);
}

enum status pass_run(struct postgres *postgres, struct pass *pass, struct error *error)
{
    bool mine = true;
    pass->busy = 0;
    pass->runs_removed = 0;
    pass->units_removed = 0;
    pass->imports_removed = 0;
    memset(pass->history_removed, 0, sizeof(pass->history_removed));
    pass->seals_made = 0;
    pass->plan.count = 0;
    pass->plan.is_held_back = false;
    pass->is_elsewhere = false;
    enum status status = STATUS_OK;
    if (!pass->dry_run)
        status = store_retention_begin(postgres, &mine, error);
    if (status != STATUS_OK)
        return status;
    pass->is_elsewhere = !mine;
    status = look_and_do(postgres, pass, error);
    if (!pass->dry_run && mine && status == STATUS_OK)
        status = store_retention_let_go(postgres, error);
    return status;
}
