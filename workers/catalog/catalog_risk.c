#include "common/base/scope.h"
#include "common/domain/risk.h"
#include "workers/catalog/catalog.h"

#include <stdio.h>

struct pass {
    const struct risk_rules *rules;
    const struct catalog_question *question;
    struct catalog_report *report;
    const struct catalog_visitor *names;
};

/* "listed, valued": all that make it so. */
static void name(const struct pass *pass, const struct catalog_item *item,
                 const struct risk *risk)
{
    const bool fits[] = {
        [RISK_LISTED] = risk->listed,
        [RISK_TAGGED] = risk->tagged,
        [RISK_VALUED] = risk->valued,
    };
    char why[64] = "";
    size_t length = 0;
    for (int reason = RISK_LISTED; reason < RISK_REASON_COUNT; reason++)
        if (fits[reason])
            length += (size_t)snprintf(why + length, sizeof why - length, "%s%s",
                                       length > 0 ? ", " : "",
                                       risk_reason_id((enum risk_reason)reason));
    const struct catalog_offender who = {
        .sku = item->sku, .item = item->item, .detail = span_from(why)};
    pass->names->each(pass->names->self, &who);
}

/* One unit: an item of which a single one reaches the threshold is always high-risk. */
static enum status judge(void *self, const struct catalog_item *item, struct error *error)
{
    (void)error;
    const struct pass *pass = self;
    int64_t *counts = pass->report->counts;
    const struct risk_input input = {.sku = item->sku,
                                     .tags = item->tags,
                                     .has_price = item->has_price,
                                     .price_micros = item->price_micros,
                                     .units = 1};
    struct risk risk = risk_of(pass->rules, &input);
    counts[CATALOG_ITEMS_RISK_LISTED] += risk.listed;
    counts[CATALOG_ITEMS_RISK_TAGGED] += risk.tagged;
    counts[CATALOG_ITEMS_RISK_VALUED] += risk.valued;
    if (risk.high && counts[CATALOG_ITEMS_HIGH_RISK]++ < pass->question->limit)
        name(pass, item, &risk);
    return STATUS_OK;
}

enum status catalog_risk(struct catalog *catalog, const struct catalog_question *question,
                         struct catalog_report *report,
                         const struct catalog_visitor *names, struct error *error)
{
    const struct risk_rules *rules = &catalog->contract->risk;
    struct pass pass = {
        .rules = rules, .question = question, .report = report, .names = names};
    const struct catalog_item_visitor visitor = {.each = judge, .self = &pass};
    if (rules->tag_count == 0 && rules->sku_count == 0 && !rules->has_threshold)
        return STATUS_OK;
    return store_catalog_items(catalog->postgres, question->shop, &visitor, error);
}
