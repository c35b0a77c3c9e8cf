#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/json_text.h"
#include "common/codec/rfc3339.h"
#include "workers/catalog/catalog.h"

#define RISKY_MAX ((size_t)4 << 20)

/* What is counted: its JSON name, its words, and whether it keeps the shop from being ready. */
struct line {
    const char *name;
    const char *words;
    bool blocks;
};

static const struct line LINES[CATALOG_LINE_COUNT] = {
    [CATALOG_ITEMS] = {"items", "items in the shop", false},
    [CATALOG_ITEMS_WITHOUT_SKU] = {"items_without_sku", "items without a usable SKU",
                                   false},
    [CATALOG_ITEMS_UNTRACKED] = {"items_untracked", "items that the shop does not track",
                                 false},
    [CATALOG_ITEMS_DUPLICATE] = {"items_duplicate",
                                 "items that share their SKU once it is normalised",
                                 false},
    [CATALOG_ITEMS_BUNDLE] = {"items_bundle",
                              "bundle parents, whose stock is that of their parts",
                              false},
    [CATALOG_ITEMS_CONTINUE] = {"items_continue",
                                "items that the shop sells on below zero", false},
    [CATALOG_ITEMS_WITHOUT_LEVEL] = {"items_without_level",
                                     "tracked items that no source has spoken of", false},
    [CATALOG_ITEMS_HIGH_RISK] = {"items_high_risk", "items that are high-risk", false},
    [CATALOG_ITEMS_RISK_LISTED] = {"items_risk_listed",
                                   "of these, listed in the contract", false},
    [CATALOG_ITEMS_RISK_TAGGED] = {"items_risk_tagged", "of these, tagged in the shop",
                                   false},
    [CATALOG_ITEMS_RISK_VALUED] = {"items_risk_valued",
                                   "of these, worth the threshold a unit", false},
    [CATALOG_PAIRS_READY] = {"pairs_mapped", "pairs ready to be written", false},
    [CATALOG_PAIRS_UNMAPPED] = {"pairs_unmapped",
                                "pairs whose SKU the shop does not have", true},
    [CATALOG_PAIRS_DUPLICATE] = {"pairs_duplicate_sku",
                                 "pairs whose SKU several items have", true},
    [CATALOG_PAIRS_BUNDLE] = {"pairs_bundle", "pairs of a bundle parent: exclude its SKU",
                              true},
    [CATALOG_PAIRS_UNTRACKED] = {"pairs_untracked", "pairs that the shop does not track",
                                 true},
    [CATALOG_PAIRS_NOT_STOCKED] = {"pairs_not_stocked",
                                   "pairs that the shop does not stock there", true},
    [CATALOG_PAIRS_INACTIVE] = {"pairs_inactive",
                                "of these, switched off at the location", false},
    [CATALOG_PAIRS_QUARANTINED] = {"pairs_quarantined", "pairs that the shop refused",
                                   true},
};

struct check {
    struct catalog *catalog;
    struct catalog_question question;
    struct catalog_report report;
    struct buf risky; /* names of high-risk items as they will be printed */
    struct buf *out;
    bool ready;
};

static bool in_the_way(const struct check *check, size_t line)
{
    return LINES[line].blocks && check->report.counts[line] > 0;
}

/* ---- names -------------------------------------------------------------------------- */

struct names {
    struct buf *out;
    enum output output;
};

/* What the shop holds may hold anything, so it is quoted for the terminal too. */
static void name_as_text(struct buf *out, const struct catalog_offender *who)
{
    buf_format(out, "%14s%.*s", "", SPAN_ARGS(who->sku));
    if (who->location.length > 0)
        buf_format(out, " at %.*s", SPAN_ARGS(who->location));
    if (who->item.length > 0)
        buf_format(out, "%s%.*s", who->sku.length > 0 ? ", " : "", SPAN_ARGS(who->item));
    if (who->detail.length > 0) {
        buf_text(out, ": ");
        json_text(out, who->detail);
    }
    buf_byte(out, '\n');
}

static void name_as_json(struct buf *out, const struct catalog_offender *who)
{
    if (out->length > 0 && out->bytes[out->length - 1] == '}')
        buf_byte(out, ',');
    buf_byte(out, '{');
    json_member_text(out, "sku", who->sku);
    if (who->location.bytes != NULL)
        json_member_text(out, "location", who->location);
    if (who->item.bytes != NULL)
        json_member_text(out, "item", who->item);
    if (who->detail.bytes != NULL)
        json_member_text(out, "detail", who->detail);
    buf_byte(out, '}');
}

static void add_name(void *self, const struct catalog_offender *who)
{
    struct names *names = self;
    if (names->output == OUTPUT_TABLE)
        name_as_text(names->out, who);
    else
        name_as_json(names->out, who);
}

static bool has_names(const struct check *check, size_t line)
{
    return check->report.counts[line] > 0 && check->question.limit > 0 &&
           (line == CATALOG_ITEMS_HIGH_RISK ||
            store_catalog_names((enum catalog_line)line));
}

static enum status write_names(struct check *check, size_t line, struct error *error)
{
    struct names names = {.out = check->out, .output = check->catalog->output};
    const struct catalog_visitor visitor = {.each = add_name, .self = &names};
    if (line == CATALOG_ITEMS_HIGH_RISK) {
        buf_span(check->out, buf_view(&check->risky));
        return STATUS_OK;
    }
    return store_catalog_offenders(check->catalog->postgres, &check->question,
                                   (enum catalog_line)line, &visitor, error);
}

/* ---- JSON --------------------------------------------------------------------------- */

static void write_counts(struct check *check)
{
    struct buf *out = check->out;
    json_member_text(out, "shop", check->question.shop);
    json_name(out, "ready");
    buf_text(out, check->ready ? "true" : "false");
    json_name(out, "synced_at");
    if (check->report.synced_at_us > 0)
        json_time(out, check->report.synced_at_us);
    else
        buf_text(out, "null");
    for (size_t line = 0; line < CATALOG_LINE_COUNT; line++)
        json_member_number(out, LINES[line].name, check->report.counts[line]);
    json_name(out, "in_the_way");
    const char *before = "[";
    for (size_t line = 0; line < CATALOG_LINE_COUNT; line++)
        if (in_the_way(check, line)) {
            buf_format(out, "%s\"%s\"", before, LINES[line].name);
            before = ",";
        }
    buf_text(out, before[0] == '[' ? "[]" : "]");
}

static enum status write_json(struct check *check, struct error *error)
{
    struct buf *out = check->out;
    enum status status = STATUS_OK;
    buf_byte(out, '{');
    write_counts(check);
    json_name(out, "offenders");
    buf_byte(out, '{');
    for (size_t line = 0; line < CATALOG_LINE_COUNT && status == STATUS_OK; line++) {
        if (!has_names(check, line))
            continue;
        json_name(out, LINES[line].name);
        buf_byte(out, '[');
        status = write_names(check, line, error);
        buf_byte(out, ']');
    }
    buf_text(out, "}}");
    return status;
}

/* ---- text --------------------------------------------------------------------------- */

static enum status write_text(struct check *check, struct error *error)
{
    char when[RFC3339_TEXT_MAX] = "never: run 'parstock catalog sync'";
    enum status status = STATUS_OK;
    if (check->report.synced_at_us > 0)
        rfc3339_format(check->report.synced_at_us, when);
    buf_format(check->out, "shop %.*s: %s; catalogue of %s\n",
               SPAN_ARGS(check->question.shop), check->ready ? "ready" : "not ready",
               when);
    for (size_t line = 0; line < CATALOG_LINE_COUNT && status == STATUS_OK; line++) {
        int64_t count = check->report.counts[line];
        buf_format(check->out, "  %10lld  %s%s\n", (long long)count, LINES[line].words,
                   in_the_way(check, line) ? "  <- in the way" : "");
        if (!has_names(check, line))
            continue;
        status = write_names(check, line, error);
        if (count > check->question.limit)
            buf_format(check->out, "%14sand %lld more\n", "",
                       (long long)(count - check->question.limit));
    }
    return status;
}

/* ---- the check ---------------------------------------------------------------------- */

static enum status look(struct check *check, struct error *error)
{
    struct names names = {.out = &check->risky, .output = check->catalog->output};
    const struct catalog_visitor visitor = {.each = add_name, .self = &names};
    enum status status = store_catalog_report(check->catalog->postgres, &check->question,
                                              &check->report, error);
    if (status == STATUS_OK)
        status = catalog_risk(check->catalog, &check->question, &check->report, &visitor,
                              error);
    if (status != STATUS_OK)
        return status;
    check->ready = check->report.synced_at_us > 0;
    for (size_t line = 0; line < CATALOG_LINE_COUNT; line++)
        check->ready = check->ready && !in_the_way(check, line);
    bool table = check->catalog->output == OUTPUT_TABLE;
    status = table ? write_text(check, error) : write_json(check, error);
    if (status == STATUS_OK && (check->out->failed || check->risky.failed))
        return error_set(error, STATUS_FATAL, "too many names: lower --limit");
    return status;
}

enum status catalog_check(struct catalog *catalog, const struct shop *shop,
                          struct buf *out, bool *ready_out, struct error *error)
{
    struct shop_places places = {0};
    struct check check = {.catalog = catalog,
                          .question = {.shop = shop->name,
                                       .limit = catalog->limit,
                                       .places = &places,
                                       .excluded = shop->excluded,
                                       .excluded_count = shop->excluded_count},
                          .out = out};
    buf_init(&check.risky, RISKY_MAX);
    enum status status = shop_access_places(catalog->contract, shop, &places, error);
    if (status == STATUS_OK)
        status = look(&check, error);
    buf_free(&check.risky);
    shop_access_places_free(&places);
    *ready_out = check.ready;
    return status;
}
