/* What `webhooks ensure|check` found and did, a line a shop and topic. */
#ifndef PARSTOCK_WORKERS_WEBHOOKS_REPORT_H
#define PARSTOCK_WORKERS_WEBHOOKS_REPORT_H

#include "common/base/buf.h"
#include "common/runtime/output.h"
#include "common/runtime/shop_webhooks.h"

/* What became of one topic. */
enum webhook_deed {
    DEED_NONE,    /* it was good, or nothing was to be done */
    DEED_PLANNED, /* --dry-run */
    DEED_CREATED,
    DEED_CHANGED,
    DEED_REFUSED,
};

struct webhook_row {
    enum webhook_deed deed;
    char refusal[SHOPIFY_NAME_MAX]; /* the shop's words */
};

struct webhook_page {
    struct span shop;
    struct shop_webhooks webhooks;
    struct webhook_row rows[WEBHOOK_TOPIC_COUNT];
};

/* True where all is good, be it by what was done. */
bool webhook_page_is_good(const struct webhook_page *page);

void webhooks_report(const struct webhook_page *pages, size_t count, enum output output,
                     struct buf *out);

#endif
