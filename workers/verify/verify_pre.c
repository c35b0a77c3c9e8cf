#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/domain/sample.h"
#include "common/runtime/life.h"
#include "workers/verify/verify.h"

#include <stdio.h>
#include <stdlib.h>

/* The pairs from `from` on: looked at and noted. */
static enum status note_page(struct verify_shop *shop, size_t from, size_t count,
                             struct verify_looked *looked, struct error *error)
{
    size_t places[DRIFT_BATCH_MAX];
    struct span contracts[DRIFT_BATCH_MAX];
    for (size_t at = 0; at < count; at++)
        places[at] = from + at;
    enum status status = verify_look(shop, places, count, looked, error);
    for (size_t at = 0; at < count; at++)
        contracts[at] = shop->looker.looked.contexts[at].contract;
    const struct verify_notes notes = {.run_id = shop->job->run.id,
                                       .shop = shop->shop->name,
                                       .pairs = &shop->pairs[from],
                                       .states = looked->states,
                                       .contracts = contracts,
                                       .count = count};
    return status == STATUS_OK ? store_verify_note(shop->job->postgres, &notes, error)
                               : status;
}

static enum status interrupted(struct error *error)
{
    (void)error_set(error, STATUS_RETRY, "asked to end before all pairs were read");
    return error_exit(error, EXIT_AGAIN);
}

static enum status note_shop(struct verify_shop *shop, struct error *error)
{
    struct verify_looked *looked = calloc(1, sizeof *looked);
    if (looked == NULL)
        return error_set(error, STATUS_FATAL, "verify: out of memory");
    enum status status = STATUS_OK;
    for (size_t at = 0; at < shop->count && status == STATUS_OK; at += DRIFT_BATCH_MAX) {
        size_t left = shop->count - at;
        status =
            life_ending()
                ? interrupted(error)
                : note_page(shop, at, left < DRIFT_BATCH_MAX ? left : DRIFT_BATCH_MAX,
                            looked, error);
    }
    free(looked);
    return status;
}

static enum status too_many(struct error *error)
{
    (void)error_set(error, STATUS_REJECT,
                    "more than %lld pairs of the shop are high-risk: name fewer in the "
                    "contract file's risk, or take one --shop at a time",
                    (long long)SAMPLE_MAX);
    return error_exit(error, EXIT_DATA);
}

static enum status take_shop(struct verify_job *job, const struct shop *shop,
                             struct error *error)
{
    SCOPED(verify_shop_close) struct verify_shop *self = NULL;
    int64_t risky = job->run.high_risk;
    enum status status = verify_shop_open(job, shop, &self, error);
    if (status == STATUS_OK)
        status = verify_shop_greet(self, error);
    if (status != STATUS_OK)
        return status;
    const struct verify_draw draw = {.shop = shop->name,
                                     .places = &self->places,
                                     .risk = &job->contract->risk,
                                     .limit = SAMPLE_MAX};
    status = store_verify_draw(job->postgres, &job->run, &draw, error);
    if (status == STATUS_OK && job->run.high_risk - risky > SAMPLE_MAX)
        return too_many(error);
    if (status == STATUS_OK)
        status = verify_shop_load(self, error);
    return status == STATUS_OK ? note_shop(self, error) : status;
}

static enum status nothing_drawn(struct error *error)
{
    (void)error_set(error, STATUS_REJECT,
                    "no pair should show anything yet, so that there is nothing to hold "
                    "against later: 'parstock levels' lists what is known");
    return error_exit(error, EXIT_DATA);
}

static enum status take_all(struct verify_job *job, struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t at = 0; at < job->contract->shop_count && status == STATUS_OK; at++)
        if (verify_takes_shop(job, at))
            status = take_shop(job, &job->contract->shops[at], error);
    if (status == STATUS_OK && job->run.pairs == 0)
        status = nothing_drawn(error);
    return status;
}

enum status verify_pre(struct verify_job *job, struct error *error)
{
    struct error own = {0};
    char name[64];
    int64_t now_us = clock_now_us();
    enum status status = verify_wish(job, error);
    if (status != STATUS_OK)
        return status;
    (void)snprintf(name, sizeof name, "verify-%lld", (long long)(now_us / 1000000));
    job->run.name = span_from(job->flags->name != NULL ? job->flags->name : name);
    job->run.seed = job->flags->seed >= 0 ? job->flags->seed : now_us % 1000000007;
    job->run.actor = job->actor;
    job->run.build = SPAN_OF(PARSTOCK_VERSION);
    job->run.schema_version = job->schema_version;
    job->run.contract = span_from(job->contract->digest);
    status = store_verify_begin(job->postgres, &job->run, error);
    if (status != STATUS_OK)
        return status;
    status = take_all(job, error);
    if (status != STATUS_OK) {
        if (postgres_alive(job->postgres))
            (void)store_verify_end(job->postgres, &job->run, "failed", error->text, &own);
        return status;
    }
    status = store_verify_end(job->postgres, &job->run, "taken", "", error);
    return status == STATUS_OK ? verify_print_run(job, error) : status;
}
