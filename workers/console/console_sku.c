/*
 * All that is known of one SKU: its levels, what the shops should show and show, and what
 * happened to it in order of time (console_lines.c), as `parstock explain` has them.
 */
#include "common/base/check.h"
#include "common/codec/sku_unicode.h"
#include "common/domain/reason.h"
#include "common/io/store_explain.h"
#include "workers/console/console.h"

/* ---- tables ---------------------------------------------------------------------------------------- */

static void show_levels(struct console_call *call, const struct explain_found *found)
{
    static const char *const COLUMNS[] = {"Location", "Level", "Source", "As of (UTC)"};
    table_begin(call, "Levels", COLUMNS, COUNT_OF(COLUMNS));
    for (int row = 0; row < found->places.count; row++) {
        const struct explain_place place = store_explain_place(found, row);
        html_open(&call->html, HTML_TAG_TR);
        cell_text(call, place.location);
        cell_number(call, place.has_level, place.quantity);
        cell_text(call, place.source);
        cell_time(call, place.has_level, place.occurred_at_us);
        html_close(&call->html, HTML_TAG_TR);
    }
    table_end(call);
}

static void show_shops(struct console_call *call, const struct explain_found *found)
{
    static const char *const COLUMNS[] = {"Location", "Shop",  "Should show",
                                          "Shows",    "State", "Seen (UTC)"};
    table_begin(call, "Shops", COLUMNS, COUNT_OF(COLUMNS));
    for (int row = 0; row < found->shops.count; row++) {
        const struct explain_shop shop = store_explain_shop(found, row);
        html_open(&call->html, HTML_TAG_TR);
        cell_text(call, shop.location);
        cell_text(call, shop.view.shop);
        cell_number(call, shop.view.has_desired, shop.view.desired);
        cell_number(call, shop.view.has_shown, shop.view.shown);
        cell_text(call, shop.view.state);
        cell_time(call, shop.has_shown_at, shop.shown_at_us);
        html_close(&call->html, HTML_TAG_TR);
    }
    table_end(call);
}

static void show_line(struct console_call *call, const struct console_line *line)
{
    struct span said = span_from(line->said);
    html_open(&call->html, HTML_TAG_TR);
    cell_time(call, true, line->at_us);
    cell_text(call, span_from(line->location));
    cell_text(call, span_from(line->what));
    cell_text(call, span_from(line->by));
    cell_number(call, line->has_number, line->number);
    cell_number(call, line->has_level, line->level);
    if (line->incident[0] != '\0')
        cell_incident(call, span_from(line->incident), said);
    else
        cell_text(call, said);
    html_close(&call->html, HTML_TAG_TR);
}

static void show_lines(struct console_call *call, struct console_lines *lines)
{
    static const char *const COLUMNS[] = {"At (UTC)", "Location",       "What", "By",
                                          "Number",   "Level after it", "How"};
    size_t count = console_lines_sort(lines);
    table_begin(call, "What happened, the newest first", COLUMNS, COUNT_OF(COLUMNS));
    for (size_t at = 0; at < count; at++)
        show_line(call, console_lines_at(lines, at));
    table_end(call);
    if (lines->taken > count) {
        html_open(&call->html, HTML_TAG_P);
        html_say(&call->html,
                 "%zu earlier lines are not shown; parstock explain has all of them.",
                 lines->taken - count);
        html_close(&call->html, HTML_TAG_P);
    }
}

/* ---- the page ---------------------------------------------------------------------------------------- */

/* All of one moment. */
static enum status gather(struct postgres *postgres, struct span sku,
                          struct explain_found *found, struct console_lines *lines,
                          struct error *error)
{
    const struct explain_question question = {.sku = sku};
    const struct explain_visitor visitor = {.each = console_lines_event, .self = lines};
    enum status status = store_explain_begin(postgres, error);
    if (status == STATUS_OK)
        status = store_explain(postgres, &question, found, error);
    if (status == STATUS_OK)
        status = console_lines_gather(lines, postgres, sku, found, error);
    if (status == STATUS_OK)
        status = store_explain_events(postgres, &question, &visitor, error);
    return status == STATUS_OK ? postgres_script(postgres, "COMMIT", error) : status;
}

static enum status show_all(struct console_call *call, struct postgres *postgres,
                            struct span sku, struct error *error)
{
    struct explain_found found = {0};
    struct console_lines *lines = pool_take(&call->room->pool, sizeof(*lines));
    if (lines == NULL)
        return error_set(error, STATUS_RETRY, "out of memory");
    lines->count = 0;
    lines->taken = 0;
    enum status status = gather(postgres, sku, &found, lines, error);
    if (status == STATUS_OK && found.places.count == 0 && lines->taken == 0)
        html_element(&call->html, HTML_TAG_P, "Nothing is known of this SKU.");
    else if (status == STATUS_OK) {
        show_levels(call, &found);
        show_shops(call, &found);
        show_lines(call, lines);
    }
    store_explain_release(&found);
    return status;
}

void console_sku(struct console_call *call)
{
    struct postgres *postgres = NULL;
    struct error error = {0};
    char room[CONSOLE_FIELD_MAX];
    struct span raw;
    struct span sku = {0};
    bool is_read = console_field(call, "sku", room, &raw);
    page_begin(call, "SKU");
    form_ask(call, "/sku", "sku", "SKU");
    if (is_read && (raw.bytes == NULL || raw.length == 0)) {
        page_send(call, 200);
        return;
    }
    enum reason reason = is_read
                             ? sku_normalise_kept(raw, call->console->contract->sku_steps,
                                                  &call->room->pool, &sku)
                             : REASON_BAD_TEXT;
    if (reason != REASON_NONE) {
        page_trouble(call, 400, reason_remedy(reason));
        return;
    }
    html_open(&call->html, HTML_TAG_H2);
    html_outside(&call->html, sku);
    html_close(&call->html, HTML_TAG_H2);
    enum status status = console_postgres(call, &postgres, &error);
    if (status == STATUS_OK)
        status = show_all(call, postgres, sku, &error);
    if (status != STATUS_OK)
        console_away(call, &error);
    else
        page_send(call, 200);
}
