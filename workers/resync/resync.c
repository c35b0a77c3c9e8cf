/*
 * parstock resync: read the shop again, and write what it should show.
 */
#include "workers/resync/resync.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/codec/sku_unicode.h"
#include "common/runtime/contract_file.h"
#include "common/runtime/database.h"
#include "common/runtime/login.h"
#include "workers/commands.h"

#include <stddef.h>
#include <stdio.h>
#include <sys/random.h>

#define SKUS_MAX 1000
#define SKU_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define WAIT_MAX_S 86400

static const struct flag FLAGS[] = {
    {"all", FLAG_SWITCH, offsetof(struct resync_flags, all), NULL,
     "every pair of the shops"},
    {"location", FLAG_TEXT, offsetof(struct resync_flags, location), "L",
     "only pairs at this location, by code or alias"},
    {"shop", FLAG_TEXT, offsetof(struct resync_flags, shop), "NAME",
     "only this shop of the contract; default: all of them"},
    {"dry-run", FLAG_SWITCH, offsetof(struct resync_flags, dry_run), NULL,
     "show the plan and do nothing"},
    {"confirm", FLAG_TEXT, offsetof(struct resync_flags, confirm), "SHOP",
     "the shop's name, where more than 25 pairs are meant"},
    {"actor", FLAG_TEXT, offsetof(struct resync_flags, actor), "NAME",
     "who asks for it; default: the login name"},
    {"wait", FLAG_INTEGER, offsetof(struct resync_flags, wait), "SECONDS",
     "until all is read back, up to so long; exit code 1 where anything failed"},
};

static const struct command_spec SPEC = {
    .name = "resync",
    .summary = "have pairs read in the shop and written where they differ",
    .usage = "SKU... | --location L | --all [--shop NAME] [--dry-run] [--confirm SHOP]",
    .detail =
        "Marks the pairs, so that push reads each in the shop, decides its level anew and "
        "writes it by compare-and-set where it differs: no unit that is sold is sold again. "
        "resolve reads back what came of it. Pairs that push leaves alone, or that nothing "
        "is desired of, are passed over and said to be.\n\n"
        "More than 25 pairs of a shop need --confirm and its name; --dry-run shows them. "
        "What was asked for stands in drift_actions under one batch, with who asked. Exit "
        "code 1 where no pair fits, 77 where --confirm is missing.",
    .operands = SKUS_MAX,
    .uses = CONFIG_CONTRACT | CONFIG_POSTGRES | CONFIG_OUTPUT,
    .needs = CONFIG_CONTRACT | CONFIG_POSTGRES,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

struct resync_names {
    const struct contract *contract;
    struct pool pool;
    struct span skus[SKUS_MAX];
    struct span shops[RESYNC_SHOPS_MAX];
};

/* ---- what is meant ---------------------------------------------------------------------- */

static enum status take_skus(const struct parsed *parsed, struct resync_names *names,
                             struct resync_filter *filter, struct error *error)
{
    for (int at = parsed->first; at < parsed->argc; at++) {
        struct span raw = span_from(parsed->argv[at]);
        if (sku_normalise_kept(raw, names->contract->sku_steps, &names->pool,
                               &names->skus[filter->sku_count]) != REASON_NONE)
            return error_usage(error, "a SKU of the command line is none");
        filter->sku_count++;
    }
    filter->skus = names->skus;
    return STATUS_OK;
}

static enum status take_shops(const struct resync_flags *flags,
                              struct resync_names *names, struct resync_filter *filter,
                              struct error *error)
{
    const struct contract *contract = names->contract;
    int only = flags->shop != NULL ? contract_shop(contract, span_from(flags->shop)) : -1;
    if (flags->shop != NULL && only < 0)
        return error_usage(error, "--shop is none of the contract's");
    for (size_t at = 0; at < contract->shop_count; at++)
        if (only < 0 || (size_t)only == at)
            names->shops[filter->shop_count++] = contract->shops[at].name;
    filter->shops = names->shops;
    return STATUS_OK;
}

static enum status take_filter(const struct parsed *parsed,
                               const struct resync_flags *flags,
                               struct resync_names *names, struct resync_filter *filter,
                               struct error *error)
{
    enum status status = take_skus(parsed, names, filter, error);
    if (status == STATUS_OK)
        status = take_shops(flags, names, filter, error);
    if (status != STATUS_OK)
        return status;
    if (filter->sku_count == 0 && flags->location == NULL && !flags->all)
        return error_usage(error, "say which: SKUs, --location L, or --all");
    if (flags->all && (filter->sku_count > 0 || flags->location != NULL))
        return error_usage(error, "--all goes without SKUs and --location");
    if (flags->location == NULL)
        return STATUS_OK;
    int location = contract_location(names->contract, span_from(flags->location));
    if (location < 0)
        return error_usage(error, "--location is none of the contract's");
    filter->location = names->contract->locations[location].code;
    return STATUS_OK;
}

/* ---- may it? ---------------------------------------------------------------------------- */

static enum status count_pairs(struct resync_job *job, struct error *error)
{
    enum status status =
        store_resync_count(job->postgres, &job->filter, &job->shop_rows, error);
    for (int row = 0; status == STATUS_OK && row < job->shop_rows.count; row++) {
        struct resync_shop *shop = &job->shops[job->shop_count++];
        shop->shop = rows_span(&job->shop_rows, row, 0);
        shop->pairs = rows_int(&job->shop_rows, row, 1);
        job->pairs += shop->pairs;
    }
    return status;
}

static enum status check_confirm(const struct resync_job *job,
                                 const struct resync_flags *flags, struct error *error)
{
    for (size_t at = 0; at < job->shop_count; at++) {
        const struct resync_shop *shop = &job->shops[at];
        if (shop->pairs <= RESYNC_FEW ||
            (flags->confirm != NULL && span_is(shop->shop, flags->confirm)))
            continue;
        (void)error_set(error, STATUS_REJECT,
                        "%lld pairs of %.*s would be read and written where they differ; "
                        "--dry-run shows them; if it is meant: --shop '%.*s' --confirm "
                        "'%.*s'",
                        (long long)shop->pairs, SPAN_ARGS(shop->shop),
                        SPAN_ARGS(shop->shop), SPAN_ARGS(shop->shop));
        return error_exit(error, EXIT_NOT_ALLOWED);
    }
    return STATUS_OK;
}

static void name_batch(char room[RESYNC_BATCH_MAX])
{
    uint64_t dice = 0;
    ASSERT(getrandom(&dice, sizeof dice, 0) == (ssize_t)sizeof dice);
    (void)snprintf(room, RESYNC_BATCH_MAX, "resync-%016llx", (unsigned long long)dice);
}

static enum status run_job(struct resync_job *job, const struct resync_flags *flags,
                           struct error *error)
{
    struct resync_standing standing = {0};
    enum status status = count_pairs(job, error);
    if (status == STATUS_OK && job->pairs == 0 && !flags->dry_run) {
        (void)error_set(error, STATUS_REJECT,
                        "no pair fits that can be written; 'parstock levels' shows them");
        return error_exit(error, EXIT_FOUND);
    }
    if (status != STATUS_OK)
        return status;
    if (flags->dry_run)
        return resync_print_plan(job, error);
    status = check_confirm(job, flags, error);
    if (status == STATUS_OK)
        status = resync_do(job, error);
    if (status == STATUS_OK && flags->wait > 0)
        return resync_wait(job, flags->wait, error);
    if (status == STATUS_OK) {
        standing.waiting = job->pairs;
        resync_print_result(job, &standing);
    }
    return status;
}

/* ---- the command ------------------------------------------------------------------------ */

static enum status work(const struct config *config, const struct resync_flags *flags,
                        const struct resync_filter *filter, struct error *error)
{
    SCOPED(postgres_close) struct postgres *postgres = NULL;
    char login[LOGIN_NAME_MAX_BYTES];
    const struct postgres_options options =
        database_options(config, "parstock resync", 0);
    struct resync_job job = {.filter = *filter};
    login_name(login);
    name_batch(job.batch);
    job.actor = span_from(flags->actor != NULL ? flags->actor : login);
    enum status status = output_parse(config, &job.output, error);
    if (status == STATUS_OK)
        status = postgres_open(&options, &postgres, error);
    job.postgres = postgres;
    if (status == STATUS_OK)
        status = run_job(&job, flags, error);
    rows_release(&job.shop_rows);
    return status;
}

static enum status resync_run(const struct config *config, const struct parsed *parsed,
                              const struct resync_flags *flags, struct error *error)
{
    SCOPED(buf_free) struct buf text = {0};
    SCOPED(contract_free) struct contract *contract = NULL;
    static struct resync_names names; /* too large for a stack */
    struct resync_filter filter = {0};
    if (flags->wait < 0 || flags->wait > WAIT_MAX_S)
        return error_usage(error, "--wait is up to 86400 seconds");
    enum status status =
        contract_file_load(config->contract_path, &text, &contract, error);
    if (status != STATUS_OK)
        return status;
    names.contract = contract;
    pool_init(&names.pool, SKU_BYTES_MAX);
    status = take_filter(parsed, flags, &names, &filter, error);
    if (status == STATUS_OK)
        status = work(config, flags, &filter, error);
    pool_free(&names.pool);
    return status;
}

int resync_main(int argc, char **argv)
{
    struct error error = {0};
    struct config config = {0};
    struct resync_flags flags = {0};
    struct parsed parsed = {.argc = argc, .argv = argv};
    if (config_parse(&SPEC, &parsed, &config, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    if (resync_run(&config, &parsed, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    return 0;
}
