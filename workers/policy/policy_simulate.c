/*
 * The command: which span, which files, and the connection that both are read by.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/codec/rfc3339.h"
#include "common/io/store_clock.h"
#include "common/runtime/database.h"
#include "workers/policy/policy.h"
#include "workers/policy/simulate.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXT_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define DAYS_DEFAULT 7
#define DAY_US INT64_C(86400000000)

/* ---- the span ----------------------------------------------------------------------------- */

static enum status parse_time(const char *text, const char *flag, int64_t *us_out,
                              struct error *error)
{
    if (rfc3339_parse(span_from(text), us_out))
        return STATUS_OK;
    (void)error_set(error, STATUS_REJECT,
                    "--%s %.60s: not a time as RFC 3339 has it; e.g. "
                    "2026-11-25T12:00:00Z",
                    flag, text);
    return error_exit(error, EXIT_USAGE);
}

static enum status read_span(const struct policy_flags *flags,
                             struct history_span *span_out, struct error *error)
{
    enum status status = STATUS_OK;
    *span_out =
        (struct history_span){.has_until = flags->until != NULL, .since_us = INT64_MIN};
    if (flags->until != NULL)
        status = parse_time(flags->until, "until", &span_out->until_us, error);
    if (status == STATUS_OK && flags->since != NULL)
        status = parse_time(flags->since, "since", &span_out->since_us, error);
    if (status != STATUS_OK || !span_out->has_until ||
        span_out->since_us <= span_out->until_us)
        return status;
    (void)error_set(error, STATUS_REJECT, "--since is after --until");
    return error_exit(error, EXIT_USAGE);
}

static enum status default_since(struct simulate *simulate, struct postgres *postgres,
                                 struct error *error)
{
    int64_t end_us = simulate->span.until_us;
    enum status status = STATUS_OK;
    if (simulate->span.since_us != INT64_MIN)
        return STATUS_OK;
    if (!simulate->span.has_until)
        status = store_clock_us(postgres, &end_us, error);
    simulate->span.since_us = end_us - DAYS_DEFAULT * DAY_US;
    return status;
}

/* ---- what is read first --------------------------------------------------------------------- */

/* The file under which the newest row was judged; none: an empty ledger, and the tried file
 * stands in for it. */
static enum status load_now(struct simulate *simulate, struct postgres *postgres,
                            struct buf *text, struct contract **contract_out,
                            struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    simulate->contracts[SIMULATE_NOW] = simulate->contracts[SIMULATE_THEN];
    enum status status = store_history_contract(postgres, &simulate->span, &rows, error);
    if (status != STATUS_OK || rows.count == 0)
        return status;
    buf_span(text, rows_span(&rows, 0, 1));
    if (text->failed)
        return error_set(error, STATUS_FATAL, "out of memory");
    status = contract_decode(buf_view(text), contract_out, error);
    simulate->contracts[SIMULATE_NOW] = *contract_out;
    return status;
}

static enum status load_runs(struct simulate *simulate, struct postgres *postgres,
                             struct rows *rows, struct error *error)
{
    enum status status = store_history_runs(postgres, &simulate->span, rows, error);
    if (status != STATUS_OK || rows->count == 0)
        return status;
    if (rows->count > SIMULATE_RUNS_MAX) {
        (void)error_set(
            error, STATUS_REJECT,
            "more than %d comparisons of drift in the span: ask for a shorter "
            "one",
            SIMULATE_RUNS_MAX);
        return error_exit(error, EXIT_USAGE);
    }
    simulate->runs = calloc((size_t)rows->count, sizeof(*simulate->runs));
    if (simulate->runs == NULL)
        return error_set(error, STATUS_FATAL, "out of memory");
    for (int row = 0; row < rows->count; row++)
        simulate->runs[simulate->run_count++] =
            (struct simulate_run){.id = rows_int(rows, row, 0),
                                  .shop = rows_span(rows, row, 1),
                                  .run = {.compared = rows_int(rows, row, 2)}};
    return STATUS_OK;
}

/* What the ledger can't tell of. */
static void warn(const struct simulate *simulate)
{
    const struct contract *now = simulate->contracts[SIMULATE_NOW];
    const struct contract *then = simulate->contracts[SIMULATE_THEN];
    if (now->sku_steps != then->sku_steps)
        fputs("parstock policy simulate: the files normalise SKUs differently, and the "
              "ledger has them normalised: use 'parstock replay' for that\n",
              stderr);
    if (simulate->has_dropped)
        fputs("parstock policy simulate: retention has dropped the beginning of the "
              "ledger: readings whose count is gone begin as they are now\n",
              stderr);
}

/* ---- running ------------------------------------------------------------------------------- */

static enum status walk(struct simulate *simulate, struct postgres *postgres,
                        struct error *error)
{
    struct simulate_view *views = calloc(SIMULATE_SIDES, sizeof(*views));
    if (views == NULL)
        return error_set(error, STATUS_FATAL, "out of memory");
    simulate->views = views;
    for (int side = 0; side < SIMULATE_SIDES; side++)
        fold_open(&views[side].fold, simulate->contracts[side]);
    enum status status = simulate_walk(simulate, postgres, error);
    for (int side = 0; side < SIMULATE_SIDES; side++)
        fold_close(&views[side].fold);
    free(views);
    return status;
}

static enum status read_first(struct simulate *simulate, struct postgres *postgres,
                              struct error *error)
{
    enum status status = store_history_begin(postgres, error);
    if (status == STATUS_OK)
        status = store_history_whole(postgres, &simulate->has_dropped,
                                     &simulate->whole_since_us, error);
    simulate->span.is_cut = simulate->has_dropped;
    return status == STATUS_OK ? default_since(simulate, postgres, error) : status;
}

static enum status simulate_run(struct simulate *simulate, struct postgres *postgres,
                                struct error *error)
{
    SCOPED(rows_release) struct rows runs = {0};
    SCOPED(buf_free) struct buf text = {0};
    SCOPED(contract_free) struct contract *now = NULL;
    buf_init(&text, TEXT_BYTES_MAX);
    enum status status = read_first(simulate, postgres, error);
    if (status == STATUS_OK)
        status = load_now(simulate, postgres, &text, &now, error);
    if (status == STATUS_OK)
        status = load_runs(simulate, postgres, &runs, error);
    if (status == STATUS_OK) {
        warn(simulate);
        status = walk(simulate, postgres, error);
    }
    free(simulate->runs);
    return status;
}

enum status policy_simulate(const struct policy_asked *asked, enum output output,
                            struct error *error)
{
    SCOPED(postgres_close) struct postgres *postgres = NULL;
    const struct postgres_options options =
        database_options(asked->config, "parstock policy", 3600 * 1000);
    struct simulate simulate = {.output = output, .all = asked->flags->all};
    if (asked->config->postgres == NULL) {
        (void)error_set(error, STATUS_FATAL,
                        "simulate needs the database; set PARSTOCK_POSTGRES");
        return error_exit(error, EXIT_CONFIG);
    }
    simulate.contracts[SIMULATE_THEN] = asked->contract;
    enum status status = read_span(asked->flags, &simulate.span, error);
    buf_init(&simulate.line, TEXT_BYTES_MAX);
    buf_init(&simulate.sku, TEXT_BYTES_MAX);
    buf_init(&simulate.location, TEXT_BYTES_MAX);
    if (status == STATUS_OK)
        status = postgres_open(&options, &postgres, error);
    if (status == STATUS_OK)
        status = simulate_run(&simulate, postgres, error);
    buf_free(&simulate.location);
    buf_free(&simulate.sku);
    buf_free(&simulate.line);
    return status;
}
