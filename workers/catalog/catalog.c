/*
 * parstock catalog sync|check: SKU to shop item mapping, and the readiness checklist.
 */
#include "workers/catalog/catalog.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/codec/json_text.h"
#include "common/runtime/contract_file.h"
#include "common/runtime/database.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "workers/commands.h"

#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#define TEXT_MAX ((size_t)64 << 20)
#define LIMIT_DEFAULT 10
#define LIMIT_MAX 10000

struct catalog_flags {
    const char *shop;
    int64_t limit;
};

static const struct flag FLAGS[] = {
    {"shop", FLAG_TEXT, offsetof(struct catalog_flags, shop), "NAME",
     "only this shop of the contract; default: all of them"},
    {"limit", FLAG_INTEGER, offsetof(struct catalog_flags, limit), "N",
     "check: names of at most N offenders a line (default 10, 0 for none)"},
};

static const struct command_spec SPEC = {
    .name = "catalog",
    .summary = "map SKUs to the items of the shops",
    .usage = "sync|check [--shop NAME] [--limit N] [-o table|json|jsonl]",
    .detail =
        "sync checks the contract's locations against the shop, exports the shop's items "
        "and levels in bulk and stores which SKU is which item, what each location shows, "
        "and why a pair can't be written: the SKU is unmapped, several items share it, the "
        "item is a bundle parent or untracked, or not stocked there. A SKU that moved to "
        "another item is followed: its pairs get the source's level there, pairs that lost "
        "their item are left alone. Pairs that the shop refused before are given another "
        "chance. It changes nothing in the shop and may run at any time.\n\n"
        "check counts and names what is ready and what is in the way; it asks the database "
        "only. Exit 1 if the shop is not ready: it was never synced, or a source has "
        "spoken of a pair that is unmapped, of a duplicate SKU, of a bundle parent, "
        "untracked, not stocked or refused. All other lines are for information: items "
        "that no source has spoken of, those sold on below zero, those that the contract's "
        "`risk` makes high-risk.",
    .operands = 1,
    .uses = CONFIG_CONTRACT | CONFIG_POSTGRES | CONFIG_OUTPUT,
    .needs = CONFIG_CONTRACT | CONFIG_POSTGRES,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

struct result {
    struct buf text;
    size_t shops; /* written so far */
    bool ready;
};

static void write_json_counts(struct buf *out, struct span shop,
                              const struct catalog_counts *counts)
{
    buf_byte(out, '{');
    json_member_text(out, "shop", shop);
    json_member_number(out, "items", counts->items);
    json_member_number(out, "levels", counts->levels);
    buf_byte(out, '}');
}

static void write_counts(struct result *result, const struct catalog *catalog,
                         struct span shop, const struct catalog_counts *counts)
{
    if (catalog->output == OUTPUT_TABLE)
        buf_format(&result->text, "shop %.*s: %lld items, %lld levels\n", SPAN_ARGS(shop),
                   (long long)counts->items, (long long)counts->levels);
    else
        write_json_counts(&result->text, shop, counts);
}

static void separate(struct result *result, enum output output)
{
    if (output == OUTPUT_JSON && result->shops > 0)
        buf_byte(&result->text, ',');
    if (output == OUTPUT_JSONL && result->shops > 0)
        buf_byte(&result->text, '\n');
    result->shops++;
}

static enum status work_on(struct catalog *catalog, const struct shop *shop, bool sync,
                           struct result *result, struct error *error)
{
    separate(result, catalog->output);
    if (sync) {
        struct catalog_counts counts = {0};
        enum status status = catalog_sync(catalog, shop, &counts, error);
        if (status == STATUS_OK)
            write_counts(result, catalog, shop->name, &counts);
        return status;
    }
    bool ready = false;
    enum status status = catalog_check(catalog, shop, &result->text, &ready, error);
    result->ready = result->ready && ready;
    return status;
}

static enum status work(struct catalog *catalog, const char *only, bool sync,
                        struct result *result, struct error *error)
{
    const struct contract *contract = catalog->contract;
    int wanted = only != NULL ? contract_shop(contract, span_from(only)) : -1;
    if (only != NULL && wanted < 0) {
        error_set(error, STATUS_REJECT, "no shop '%s' in the contract", only);
        return error_exit(error, EXIT_USAGE);
    }
    enum status status = STATUS_OK;
    for (size_t at = 0; at < contract->shop_count && status == STATUS_OK; at++)
        if (wanted < 0 || (size_t)wanted == at)
            status = work_on(catalog, &contract->shops[at], sync, result, error);
    return status;
}

static void print(const struct result *result, enum output output)
{
    if (output == OUTPUT_JSON)
        printf("{\"shops\":[%s]}\n", result->text.length > 0 ? result->text.bytes : "");
    else if (result->text.length > 0)
        printf("%s%s", result->text.bytes, output == OUTPUT_JSONL ? "\n" : "");
}

static enum status run(const struct config *config, const struct catalog_flags *flags,
                       bool sync, struct result *result, struct error *error)
{
    SCOPED(buf_free) struct buf text = {0};
    SCOPED(contract_free) struct contract *contract = NULL;
    SCOPED(postgres_close) struct postgres *postgres = NULL;
    struct catalog catalog = {
        .config = config, .limit = flags->limit, .terminal = isatty(STDERR_FILENO) == 1};
    const struct postgres_options options =
        database_options(config, "parstock catalog", 600 * 1000);
    enum status status = output_parse(config, &catalog.output, error);
    if (status == STATUS_OK)
        status = log_open("catalog", config->log_level, error);
    if (status == STATUS_OK)
        status = life_begin(error);
    if (status == STATUS_OK)
        status = contract_file_load(config->contract_path, &text, &contract, error);
    if (status == STATUS_OK)
        status = postgres_open(&options, &postgres, error);
    catalog.contract = contract;
    catalog.postgres = postgres;
    if (status == STATUS_OK)
        status = work(&catalog, flags->shop, sync, result, error);
    if (status == STATUS_OK)
        print(result, catalog.output);
    return status;
}

static enum status verb(int argc, char **argv, const struct catalog_flags *flags,
                        bool *sync_out, struct error *error)
{
    bool one = argc == 1;
    *sync_out = one && strcmp(argv[0], "sync") == 0;
    if (flags->limit < 0 || flags->limit > LIMIT_MAX) {
        error_set(error, STATUS_REJECT, "--limit is 0 to %d", LIMIT_MAX);
        return error_exit(error, EXIT_USAGE);
    }
    if (*sync_out || (one && strcmp(argv[0], "check") == 0))
        return STATUS_OK;
    error_set(error, STATUS_REJECT, "say 'catalog sync' or 'catalog check'");
    return error_exit(error, EXIT_USAGE);
}

int catalog_main(int argc, char **argv)
{
    struct error error = {0};
    struct config config = {0};
    struct catalog_flags flags = {.limit = LIMIT_DEFAULT};
    struct parsed parsed = {.argc = argc, .argv = argv};
    struct result result = {.ready = true};
    bool sync = false;
    enum status status = config_parse(&SPEC, &parsed, &config, &flags, &error);
    if (parsed.done)
        return 0;
    if (status == STATUS_OK)
        status = verb(argc - parsed.first, argv + parsed.first, &flags, &sync, &error);
    buf_init(&result.text, TEXT_MAX);
    if (status == STATUS_OK)
        status = run(&config, &flags, sync, &result, &error);
    buf_free(&result.text);
    if (status != STATUS_OK)
        return config_fail(&SPEC, &error);
    return result.ready ? 0 : EXIT_FOUND;
}
