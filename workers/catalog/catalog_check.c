#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/json_text.h"
#include "common/codec/rfc3339.h"
#include "workers/catalog/catalog.h"

#include <stddef.h>

/* What is counted: its JSON name, its words, and whether it keeps the shop from being ready. */
struct line {
    const char *name;
    const char *words;
    size_t offset;
    bool blocks;
};

static const struct line LINES[] = {
    {"items", "items in the shop", offsetof(struct catalog_report, items), false},
    {"items_without_sku", "items without a usable SKU",
     offsetof(struct catalog_report, items_without_sku), false},
    {"items_untracked", "items that the shop does not track",
     offsetof(struct catalog_report, items_untracked), false},
    {"items_duplicate", "items that share their SKU",
     offsetof(struct catalog_report, items_duplicate), false},
    {"pairs_mapped", "pairs ready to be written",
     offsetof(struct catalog_report, pairs_ready), false},
    {"pairs_unmapped", "pairs whose SKU the shop does not have",
     offsetof(struct catalog_report, pairs_unmapped), true},
    {"pairs_duplicate_sku", "pairs whose SKU several items have",
     offsetof(struct catalog_report, pairs_duplicate), true},
    {"pairs_untracked", "pairs that the shop does not track",
     offsetof(struct catalog_report, pairs_untracked), true},
    {"pairs_not_stocked", "pairs that the shop does not stock there",
     offsetof(struct catalog_report, pairs_not_stocked), true},
    {"pairs_quarantined", "pairs that the shop refused",
     offsetof(struct catalog_report, pairs_quarantined), true},
};

static int64_t value_of(const struct catalog_report *report, const struct line *line)
{
    int64_t value = 0;
    memcpy(&value, (const char *)report + line->offset, sizeof value);
    return value;
}

static void write_json(struct buf *out, struct span shop,
                       const struct catalog_report *report, bool ready)
{
    buf_byte(out, '{');
    json_member_text(out, "shop", shop);
    json_name(out, "ready");
    buf_text(out, ready ? "true" : "false");
    json_name(out, "synced_at");
    if (report->synced_at_us > 0)
        json_time(out, report->synced_at_us);
    else
        buf_text(out, "null");
    for (size_t at = 0; at < COUNT_OF(LINES); at++) {
        json_member_number(out, LINES[at].name, value_of(report, &LINES[at]));
    }
    buf_byte(out, '}');
}

static void write_text(struct buf *out, struct span shop,
                       const struct catalog_report *report, bool ready)
{
    char when[RFC3339_TEXT_MAX] = "never: run 'parstock catalog sync'";
    if (report->synced_at_us > 0)
        rfc3339_format(report->synced_at_us, when);
    buf_format(out, "shop %.*s: %s; catalogue of %s\n", SPAN_ARGS(shop),
               ready ? "ready" : "not ready", when);
    for (size_t at = 0; at < COUNT_OF(LINES); at++) {
        int64_t value = value_of(report, &LINES[at]);
        buf_format(out, "  %10lld  %s%s\n", (long long)value, LINES[at].words,
                   LINES[at].blocks && value > 0 ? "  <- in the way" : "");
    }
}

enum status catalog_check(struct catalog *catalog, const struct shop *shop,
                          struct buf *out, bool *ready_out, struct error *error)
{
    struct catalog_report report = {0};
    struct shop_places places = {0};
    enum status status = shop_access_places(catalog->contract, shop, &places, error);
    if (status == STATUS_OK)
        status =
            store_catalog_report(catalog->postgres, shop->name, &places, &report, error);
    shop_access_places_free(&places);
    if (status != STATUS_OK)
        return status;
    *ready_out = report.synced_at_us > 0;
    for (size_t at = 0; at < COUNT_OF(LINES); at++)
        if (LINES[at].blocks && value_of(&report, &LINES[at]) > 0)
            *ready_out = false;
    if (catalog->output == OUTPUT_TABLE)
        write_text(out, shop->name, &report, *ready_out);
    else
        write_json(out, shop->name, &report, *ready_out);
    return STATUS_OK;
}
