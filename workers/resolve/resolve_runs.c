/*
 * The guards' side of a batch: what the runs of its findings ask for in all, and whether that
 * is too much. A run whose findings stand in the tables is added up whole when its first one
 * comes, before anything of it is done; of any other the numbers grow as they come.
 */
#include "common/base/check.h"
#include "common/io/store_findings.h"
#include "workers/resolve/resolve.h"

static struct resolve_decision decide(const struct resolve *resolve,
                                      const struct finding *finding,
                                      const struct finding_beside *beside,
                                      const struct batch_run *run)
{
    const struct resolve_question question = {.contract = resolve->contract,
                                              .finding = finding,
                                              .beside = beside,
                                              .run = run->row.state,
                                              .shop_is_stopped =
                                                  run->row.shop_is_stopped};
    return resolve_decide(&question);
}

static void count(struct guard_run *numbers, const struct finding *finding,
                  const struct resolve_decision *decision)
{
    bool changes = decision->action == POLICY_RESYNC;
    numbers->findings++;
    numbers->changes += changes;
    numbers->zeroes += changes && finding_zeroes(finding);
}

/* ---- planning --------------------------------------------------------------------------- */

struct plan {
    const struct resolve *resolve;
    struct batch_run *run;
};

static enum status plan_one(void *self, const struct finding *finding,
                            const struct finding_beside *beside, struct error *error)
{
    struct plan *plan = self;
    (void)error;
    const struct resolve_decision decision =
        decide(plan->resolve, finding, beside, plan->run);
    count(&plan->run->row.numbers, finding, &decision);
    return STATUS_OK;
}

static enum status plan(struct resolve *resolve, struct batch_run *run,
                        struct error *error)
{
    struct plan plan = {.resolve = resolve, .run = run};
    const struct finding_visitor visitor = {.each = plan_one, .self = &plan};
    int64_t number = 0;
    enum status status = store_resolve_compared(resolve->postgres, run->run_id, run->shop,
                                                &run->row.numbers.compared, error);
    if (status == STATUS_OK && span_to_int64(run->run_id, &number))
        status = store_findings_of_run(resolve->postgres, number, &visitor, error);
    run->row.is_planned = run->row.numbers.findings > 0;
    return status;
}

/* ---- the runs of a batch ---------------------------------------------------------------- */

static size_t find_run(struct batch *batch, const struct finding *finding)
{
    size_t at = 0;
    while (at < batch->run_count && !span_equal(batch->runs[at].run_id, finding->run_id))
        at++;
    if (at == batch->run_count)
        batch->runs[batch->run_count++] =
            (struct batch_run){.run_id = finding->run_id, .shop = finding->shop};
    return at;
}

static enum status judge(struct resolve *resolve, struct batch *batch, size_t at,
                         struct error *error)
{
    struct batch_run *run = &batch->runs[at];
    bool was_there = run->row.is_there;
    for (size_t each = 0; !run->row.is_planned && each < batch->count; each++) {
        if (batch->items[each].run != at || batch->beside.is_done[each])
            continue;
        const struct resolve_decision decision =
            decide(resolve, &batch->findings[each], &batch->beside.beside[each], run);
        count(&run->row.numbers, &batch->findings[each], &decision);
    }
    run->fires = run->row.state == RESOLVE_RUN_PASSES &&
                 guard_of_run(&resolve->contract->guards, &run->row.numbers, &run->guard);
    if (run->fires)
        run->row.state = RESOLVE_RUN_STOPPED;
    if (was_there && run->row.is_planned && !run->fires)
        return STATUS_OK;
    const struct resolve_run_write write = {
        .run_id = run->run_id,
        .shop = run->shop,
        .row = run->row,
        .guard = run->fires ? guard_kind(run->guard)->id : NULL};
    return store_resolve_run_write(resolve->postgres, &write, error);
}

static enum status open_run(struct resolve *resolve, struct batch_run *run,
                            struct error *error)
{
    enum status status =
        store_resolve_run(resolve->postgres, run->run_id, run->shop, &run->row, error);
    if (status == STATUS_OK && !run->row.is_there)
        status = plan(resolve, run, error);
    return status;
}

static bool any_is_new(const struct batch *batch)
{
    for (size_t at = 0; at < batch->count; at++)
        if (!batch->beside.is_done[at])
            return true;
    return false;
}

enum status resolve_decide_all(struct resolve *resolve, struct batch *batch,
                               struct error *error)
{
    enum status status = STATUS_OK;
    if (!any_is_new(batch))
        return STATUS_OK;
    for (size_t at = 0; at < batch->count; at++)
        batch->items[at].run = find_run(batch, &batch->findings[at]);
    for (size_t at = 0; at < batch->run_count && status == STATUS_OK; at++) {
        status = open_run(resolve, &batch->runs[at], error);
        if (status == STATUS_OK)
            status = judge(resolve, batch, at, error);
    }
    for (size_t at = 0; at < batch->count && status == STATUS_OK; at++)
        batch->items[at].decision =
            decide(resolve, &batch->findings[at], &batch->beside.beside[at],
                   &batch->runs[batch->items[at].run]);
    return status;
}
