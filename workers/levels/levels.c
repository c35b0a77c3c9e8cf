/*
 * parstock levels: ruling levels, and what each shop should show and shows.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/codec/json_text.h"
#include "common/codec/rfc3339.h"
#include "common/codec/sku_unicode.h"
#include "common/io/store_levels.h"
#include "common/runtime/contract_file.h"
#include "common/runtime/database.h"
#include "common/runtime/output.h"
#include "workers/commands.h"

#include <stddef.h>
#include <stdio.h>

#define LINE_MAX_BYTES ((size_t)1024 * 1024)

struct levels_flags {
    const char *sku;
    const char *location;
};

static const struct flag FLAGS[] = {
    {"sku", FLAG_TEXT, offsetof(struct levels_flags, sku), "SKU",
     "only this SKU (any spelling: it is normalised)"},
    {"location", FLAG_TEXT, offsetof(struct levels_flags, location), "L",
     "only this location (code, or with --contract an alias)"},
};

static const struct command_spec SPEC = {
    .name = "levels",
    .summary = "ruling levels, and what each shop should show and shows",
    .usage = "[--sku SKU] [--location L] [-o table|json|jsonl]",
    .detail = "One line a (SKU, location) that has a ruling level, in order of SKU and "
              "location. state of a shop: at_par, pending (a write is due), in_flight (a "
              "write awaits its answer), not_seen (the shop's level is not known yet), "
              "excluded, or why push leaves the pair alone.",
    .uses = CONFIG_POSTGRES | CONFIG_OUTPUT | CONFIG_CONTRACT,
    .needs = CONFIG_POSTGRES,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

/* One level is printed when the next one begins, since its shops come row by row. */
struct printer {
    enum output output;
    struct buf line;
    struct buf key; /* of the level whose line is open */
    size_t printed;
};

/* ---- JSON ---------------------------------------------------------------------------------- */

static void add_shop(struct buf *line, const struct level_shop_view *shop)
{
    if (line->bytes[line->length - 1] != '[')
        buf_byte(line, ',');
    buf_byte(line, '{');
    json_member_text(line, "shop", shop->shop);
    json_member_number_or_null(line, "desired", shop->has_desired, shop->desired);
    json_member_number_or_null(line, "shown", shop->has_shown, shop->shown);
    json_member_text(line, "state", shop->state);
    buf_byte(line, '}');
}

static void open_json(struct buf *line, const struct level_view *view)
{
    buf_byte(line, '{');
    json_member_text(line, "sku", view->sku);
    json_member_text(line, "location", view->location);
    json_member_number(line, "quantity", view->quantity);
    json_member_text(line, "source", view->source);
    json_member_time(line, "occurred_at", view->occurred_at_us);
    json_member_number_or_null(line, "version", view->has_version, view->version);
    json_name(line, "shops");
    buf_byte(line, '[');
}

static void close_json(struct printer *printer)
{
    if (printer->line.length == 0)
        return;
    const char *before =
        printer->output == OUTPUT_JSON && printer->printed > 0 ? "," : "";
    printf("%s%s]}\n", before, printer->line.bytes);
    printer->printed++;
    buf_clear(&printer->line);
}

static bool is_same_level(const struct printer *printer, const struct level_view *view)
{
    struct span key = buf_view(&printer->key);
    return printer->line.length > 0 &&
           key.length == view->sku.length + view->location.length &&
           memcmp(key.bytes, view->sku.bytes, view->sku.length) == 0 &&
           memcmp(key.bytes + view->sku.length, view->location.bytes,
                  view->location.length) == 0;
}

static void print_json(struct printer *printer, const struct level_view *view)
{
    if (!is_same_level(printer, view)) {
        close_json(printer);
        buf_clear(&printer->key);
        buf_span(&printer->key, view->sku);
        buf_span(&printer->key, view->location);
        open_json(&printer->line, view);
    }
    if (view->has_shop)
        add_shop(&printer->line, &view->shop);
}

/* ---- table --------------------------------------------------------------------------------- */

static void number_text(bool present, int64_t number, char room[24])
{
    if (present)
        (void)snprintf(room, 24, "%lld", (long long)number);
    else
        (void)snprintf(room, 24, "-");
}

static void print_table(struct printer *printer, const struct level_view *view)
{
    if (printer->printed++ == 0)
        printf("%-24s %-8s %10s %-10s %-10s %10s %10s %s\n", "SKU", "LOCATION",
               "QUANTITY", "SOURCE", "SHOP", "DESIRED", "SHOWN", "STATE");
    char desired[24];
    char shown[24];
    number_text(view->has_shop && view->shop.has_desired, view->shop.desired, desired);
    number_text(view->has_shop && view->shop.has_shown, view->shop.shown, shown);
    printf("%-24.*s %-8.*s %10lld %-10.*s %-10.*s %10s %10s %.*s\n", SPAN_ARGS(view->sku),
           SPAN_ARGS(view->location), (long long)view->quantity, SPAN_ARGS(view->source),
           SPAN_ARGS(view->shop.shop), desired, shown, SPAN_ARGS(view->shop.state));
}

static enum status print_level(void *self, const struct level_view *view,
                               struct error *error)
{
    struct printer *printer = self;
    if (printer->output == OUTPUT_TABLE)
        print_table(printer, view);
    else
        print_json(printer, view);
    if (printer->line.failed)
        return error_set(error, STATUS_FATAL, "levels: out of memory");
    return STATUS_OK;
}

/* ---- filter ---------------------------------------------------------------------------------- */

static enum status filter_sku(const struct levels_flags *flags, unsigned steps,
                              struct pool *pool, struct level_filter *filter,
                              struct error *error)
{
    if (flags->sku == NULL)
        return STATUS_OK;
    enum reason reason = sku_normalise(span_from(flags->sku), steps, pool, &filter->sku);
    if (reason == REASON_NONE)
        return STATUS_OK;
    (void)error_set(error, STATUS_REJECT, "--sku: %s: %s", reason_code(reason),
                    reason_remedy(reason));
    return error_exit(error, EXIT_DATA);
}

static struct span location_code(const struct contract *contract, const char *name)
{
    struct span given = span_from(name);
    if (contract == NULL)
        return given;
    int location = contract_location(contract, given);
    return location >= 0 ? contract->locations[location].code : given;
}

static enum status print_levels(const struct config *config,
                                const struct level_filter *filter,
                                struct printer *printer, struct error *error)
{
    SCOPED(postgres_close) struct postgres *postgres = NULL;
    const struct postgres_options options =
        database_options(config, "parstock levels", 600 * 1000);
    enum status status = postgres_open(&options, &postgres, error);
    if (status != STATUS_OK)
        return status;
    if (printer->output == OUTPUT_JSON)
        puts("[");
    const struct level_visitor visitor = {.each = print_level, .self = printer};
    status = store_levels(postgres, filter, &visitor, error);
    close_json(printer);
    if (printer->output == OUTPUT_JSON && status == STATUS_OK)
        puts("]");
    return status;
}

static enum status levels_run(const struct config *config,
                              const struct levels_flags *flags, struct contract *contract,
                              struct error *error)
{
    SCOPED(pool_free) struct pool pool;
    struct printer printer = {0};
    struct level_filter filter = {0};
    pool_init(&pool, LINE_MAX_BYTES);
    unsigned steps = contract != NULL ? contract->sku_steps : SKU_ALL_STEPS;
    enum status status = filter_sku(flags, steps, &pool, &filter, error);
    if (status == STATUS_OK)
        status = output_parse(config, &printer.output, error);
    if (status != STATUS_OK)
        return status;
    if (flags->location != NULL)
        filter.location = location_code(contract, flags->location);
    buf_init(&printer.line, LINE_MAX_BYTES);
    buf_init(&printer.key, LINE_MAX_BYTES);
    status = print_levels(config, &filter, &printer, error);
    buf_free(&printer.line);
    buf_free(&printer.key);
    return status;
}

int levels_main(int argc, char **argv)
{
    struct error error = {0};
    struct config config = {0};
    struct levels_flags flags = {0};
    struct parsed parsed = {.argc = argc, .argv = argv};
    struct buf text = {0};
    SCOPED(contract_free) struct contract *contract = NULL;
    if (config_parse(&SPEC, &parsed, &config, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    enum status status = STATUS_OK;
    if (config.contract_path != NULL)
        status = contract_file_load(config.contract_path, &text, &contract, &error);
    if (status == STATUS_OK)
        status = levels_run(&config, &flags, contract, &error);
    buf_free(&text);
    return status == STATUS_OK ? 0 : config_fail(&SPEC, &error);
}
