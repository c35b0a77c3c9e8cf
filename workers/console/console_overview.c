/*
 * The state of each shop at a glance.
 */
#include "common/base/check.h"
#include "common/io/store_console.h"
#include "workers/console/console.h"

#include <stdio.h>

/* ---- shops --------------------------------------------------------------------------------------- */

static const char *verdict_of(const struct console_shop *shop)
{
    if (shop->oversold > 0)
        return "oversold";
    if (shop->stops > 0)
        return "stopped by a guard";
    if (!shop->is_written)
        return "nobody writes it";
    if (shop->incidents > 0)
        return "incidents are open";
    return shop->waiting > 0 ? "catching up" : "at par";
}

static enum status show_shop(void *self, const struct console_shop *shop,
                             struct error *error)
{
    struct console_call *call = self;
    (void)error;
    html_open(&call->html, HTML_TAG_TR);
    cell_text(call, shop->name);
    cell_text(call, span_from(verdict_of(shop)));
    cell_number(call, true, shop->pairs);
    cell_number(call, true, shop->at_par);
    cell_number(call, true, shop->waiting);
    cell_time(call, shop->has_oldest, shop->oldest_us);
    cell_number(call, true, shop->faulted);
    cell_number(call, true, shop->oversold);
    cell_number(call, true, shop->incidents);
    cell_text(call, shop->run);
    cell_time(call, shop->run.bytes != NULL, shop->run_us);
    cell_number(call, shop->run.bytes != NULL, shop->findings);
    html_close(&call->html, HTML_TAG_TR);
    return STATUS_OK;
}

static enum status show_shops(struct console_call *call, struct postgres *postgres,
                              struct error *error)
{
    static const char *const COLUMNS[] = {
        "Shop",      "State",           "Pairs",      "At par",
        "Waiting",   "Oldest (UTC)",    "Left alone", "Oversold",
        "Incidents", "Last comparison", "At (UTC)",   "Findings"};
    const struct contract *contract = call->console->contract;
    struct span names[CONTRACT_SHOPS_MAX];
    const struct console_shop_visitor visitor = {.each = show_shop, .self = call};
    for (size_t at = 0; at < contract->shop_count; at++)
        names[at] = contract->shops[at].name;
    table_begin(call, "Shops of the contract file", COLUMNS, COUNT_OF(COLUMNS));
    enum status status =
        store_console_shops(postgres, names, contract->shop_count, &visitor, error);
    if (status == STATUS_OK)
        table_end(call);
    return status;
}

/* ---- numbers ---------------------------------------------------------------------------------------- */

static enum status show_count(void *self, const struct console_count *count,
                              struct error *error)
{
    struct console_call *call = self;
    (void)error;
    html_open(&call->html, HTML_TAG_TR);
    cell_text(call, count->name);
    cell_number(call, true, count->count);
    html_close(&call->html, HTML_TAG_TR);
    return STATUS_OK;
}

static enum status show_outcomes(struct console_call *call, struct postgres *postgres,
                                 struct error *error)
{
    static const char *const COLUMNS[] = {"Outcome", "How many"};
    const struct console_count_visitor visitor = {.each = show_count, .self = call};
    table_begin(call, "Stock changes judged", COLUMNS, COUNT_OF(COLUMNS));
    enum status status = store_console_outcomes(postgres, &visitor, error);
    if (status == STATUS_OK)
        table_end(call);
    return status;
}

void console_overview(struct console_call *call)
{
    struct postgres *postgres = NULL;
    struct error error = {0};
    page_begin(call, "Shops");
    enum status status = console_postgres(call, &postgres, &error);
    if (status == STATUS_OK)
        status = show_shops(call, postgres, &error);
    if (status == STATUS_OK)
        status = show_outcomes(call, postgres, &error);
    if (status != STATUS_OK)
        console_away(call, &error);
    else
        page_send(call, 200);
}
