/*
 * parstock webhooks ensure|check: what the shops send us, as parstock needs it.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/runtime/contract_file.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "workers/commands.h"
#include "workers/webhooks/webhooks_report.h"

#include <stdio.h>
#include <stdlib.h>

#define CALL_TIMEOUT_MS 30000
#define POOL_MAX ((size_t)16 << 20)
#define OUTPUT_MAX ((size_t)4 << 20)

struct webhooks_flags {
    const char *shop;
    bool dry_run;
};

static const struct flag FLAGS[] = {
    {"shop", FLAG_TEXT, offsetof(struct webhooks_flags, shop), "NAME",
     "only this shop of the contract file"},
    {"dry-run", FLAG_SWITCH, offsetof(struct webhooks_flags, dry_run), NULL,
     "ensure: show what would be asked for"},
};

static const struct command_spec SPEC = {
    .name = "webhooks",
    .summary = "ask the shops for the webhooks that are needed",
    .usage = "ensure [--dry-run]|check [--shop NAME] [-o table|json|jsonl]",
    .detail =
        "ensure asks each shop for the webhooks that are missing, and for the fields that "
        "a subscription leaves out; it may be run any number of times, and takes nothing "
        "away. It needs the address under which the shops reach the gateway.\n"
        "\n"
        "check changes nothing and ends with 1 where something is missing: a shop removes a "
        "subscription by itself once eight deliveries in a row have failed. Without an "
        "address every one whose path is /shopify/webhooks/NAME counts.",
    .operands = 1,
    .uses = CONFIG_CONTRACT | CONFIG_WEBHOOKS | CONFIG_OUTPUT,
    .needs = CONFIG_CONTRACT,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

struct webhooks {
    const struct config *config;
    const struct webhooks_flags *flags;
    bool ensures;
    struct contract *contract;
    struct pool pool;
    struct webhook_page *pages;
    size_t count;
};

/* ---- asking ------------------------------------------------------------------------- */

static enum status subscribe(const struct webhooks *webhooks, struct shopify *shopify,
                             struct webhook_page *page, enum webhook_topic topic,
                             struct error *error)
{
    const struct shop_webhook *found = &page->webhooks.topics[topic];
    struct webhook_row *row = &page->rows[topic];
    if (found->state == WEBHOOK_STATE_GOOD || !webhooks->ensures)
        return STATUS_OK;
    row->deed = DEED_PLANNED;
    if (webhooks->flags->dry_run)
        return STATUS_OK;
    const struct subscribe_call call = {
        .id = found->id, .topic = topic, .uri = found->uri};
    struct subscribed done = {0};
    enum status status = STATUS_OK;
    int tries = 0;
    do {
        status = shopify_subscribe(shopify, &call, &done, error);
    } while (shop_access_again(shopify, status, error, &tries));
    if (status != STATUS_OK)
        return status;
    memcpy(row->refusal, done.refusal, sizeof row->refusal);
    row->deed = found->id.bytes == NULL ? DEED_CREATED : DEED_CHANGED;
    if (done.refusal[0] != '\0')
        row->deed = DEED_REFUSED;
    return STATUS_OK;
}

static enum status work_shop(struct webhooks *webhooks, const struct shop *shop,
                             struct webhook_page *page, struct error *error)
{
    SCOPED(shopify_close) struct shopify *shopify = NULL;
    page->shop = shop->name;
    page->webhooks.address = webhooks->config->webhook_address;
    page->webhooks.pool = &webhooks->pool;
    enum status status = shop_access_open(shop, CALL_TIMEOUT_MS, &shopify, error);
    if (status == STATUS_OK)
        status = shop_webhooks_look(shopify, shop, &page->webhooks, error);
    for (int topic = 0; topic < WEBHOOK_TOPIC_COUNT && status == STATUS_OK; topic++)
        status = subscribe(webhooks, shopify, page, (enum webhook_topic)topic, error);
    return status;
}

static bool is_chosen(const struct webhooks *webhooks, const struct shop *shop)
{
    return webhooks->flags->shop == NULL || span_is(shop->name, webhooks->flags->shop);
}

static enum status work(struct webhooks *webhooks, struct error *error)
{
    const struct contract *contract = webhooks->contract;
    webhooks->pages = calloc(contract->shop_count + 1, sizeof *webhooks->pages);
    if (webhooks->pages == NULL)
        return error_set(error, STATUS_FATAL, "out of memory");
    enum status status = STATUS_OK;
    for (size_t at = 0; at < contract->shop_count && status == STATUS_OK; at++)
        if (is_chosen(webhooks, &contract->shops[at]))
            status = work_shop(webhooks, &contract->shops[at],
                               &webhooks->pages[webhooks->count++], error);
    if (status != STATUS_OK || webhooks->count > 0 || webhooks->flags->shop == NULL)
        return status;
    error_set(error, STATUS_REJECT, "--shop: the contract file has no shop '%.60s'",
              webhooks->flags->shop);
    return error_exit(error, EXIT_USAGE);
}

/* ---- the end ------------------------------------------------------------------------ */

static enum status verdict(const struct webhooks *webhooks, struct error *error)
{
    bool good = true;
    for (size_t at = 0; at < webhooks->count; at++)
        good = good && webhook_page_is_good(&webhooks->pages[at]);
    if (good || (webhooks->ensures && webhooks->flags->dry_run))
        return STATUS_OK;
    error_set(error, STATUS_REJECT,
              webhooks->ensures
                  ? "a shop refuses a webhook: for orders the app needs the scope "
                    "read_orders and access to order data"
                  : "webhooks are missing: run 'parstock webhooks ensure'");
    return error_exit(error, webhooks->ensures ? EXIT_NOT_ALLOWED : EXIT_FOUND);
}

static enum status report(const struct webhooks *webhooks, enum output output,
                          struct error *error)
{
    SCOPED(buf_free) struct buf out = {0};
    buf_init(&out, OUTPUT_MAX);
    webhooks_report(webhooks->pages, webhooks->count, output, &out);
    if (out.failed)
        return error_set(error, STATUS_FATAL, "the answer is too long");
    (void)fwrite(out.bytes, 1, out.length, stdout);
    return verdict(webhooks, error);
}

static enum status run(struct webhooks *webhooks, struct error *error)
{
    SCOPED(buf_free) struct buf text = {0};
    enum output output = OUTPUT_TABLE;
    pool_init(&webhooks->pool, POOL_MAX);
    enum status status = output_parse(webhooks->config, &output, error);
    if (status == STATUS_OK)
        status = contract_file_load(webhooks->config->contract_path, &text,
                                    &webhooks->contract, error);
    if (status == STATUS_OK)
        status = work(webhooks, error);
    if (status == STATUS_OK)
        status = report(webhooks, output, error);
    contract_free(&webhooks->contract);
    pool_free(&webhooks->pool);
    free(webhooks->pages);
    return status;
}

static enum status no_address(struct error *error)
{
    error_set(
        error, STATUS_FATAL,
        "PARSTOCK_WEBHOOK_ADDRESS is not set: under which address do the shops reach "
        "the gateway?");
    return error_exit(error, EXIT_CONFIG);
}

static enum status verb(struct webhooks *webhooks, int count, char **words,
                        struct error *error)
{
    bool checks = count == 1 && strcmp(words[0], "check") == 0;
    webhooks->ensures = count == 1 && strcmp(words[0], "ensure") == 0;
    if (!webhooks->ensures && !checks)
        error_set(error, STATUS_REJECT,
                  "say either 'webhooks ensure' or 'webhooks check'");
    else if (checks && webhooks->flags->dry_run)
        error_set(error, STATUS_REJECT, "check changes nothing: --dry-run is for ensure");
    else
        return webhooks->ensures && webhooks->config->webhook_address == NULL
                   ? no_address(error)
                   : STATUS_OK;
    return error_exit(error, EXIT_USAGE);
}

int webhooks_main(int argc, char **argv)
{
    struct error error = {0};
    struct config config = {0};
    struct webhooks_flags flags = {0};
    struct webhooks webhooks = {.config = &config, .flags = &flags};
    struct parsed parsed = {.argc = argc, .argv = argv};
    enum status status = config_parse(&SPEC, &parsed, &config, &flags, &error);
    if (parsed.done)
        return 0;
    if (status == STATUS_OK)
        status = verb(&webhooks, argc - parsed.first, argv + parsed.first, &error);
    if (status == STATUS_OK)
        status = log_open("webhooks", config.log_level, &error);
    if (status == STATUS_OK)
        status = life_begin(&error);
    if (status == STATUS_OK)
        status = run(&webhooks, &error);
    return status == STATUS_OK ? 0 : config_fail(&SPEC, &error);
}
