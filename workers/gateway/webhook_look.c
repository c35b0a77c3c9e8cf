#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/sku_unicode.h"
#include "common/io/shopify_webhook.h"
#include "common/io/store_catalog_some.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "workers/gateway/webhook.h"

#define HOLD_MS 60000          /* nobody else takes what this thread has in hand */
#define AGAIN_BUSY_MS 300      /* a pair is being written */
#define AGAIN_AWAY_MS 5000     /* the shop is away, or its bucket is empty */
#define AGAIN_REFUSED_MS 60000 /* the shop refuses the question: for a person to mend */

/* A page of items, and what the shop says of them. */
struct items_work {
    struct webhook_looker *looker;
    struct looks_page page;
    struct span ids[WEBHOOK_LOOKS_PAGE]; /* each once */
    size_t count;
    struct item_facts facts[WEBHOOK_LOOKS_PAGE];
    struct catalog_items items;
    struct catalog_variants variants;
    struct span gone[WEBHOOK_LOOKS_PAGE];
    bool moved[CATALOG_BATCH_MAX];
    struct some_level *levels;
    struct some_items some;
};

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "out of memory for look-ups");
}

static void count(const struct webhook_looker *looker, enum webhook_rule rule)
{
    metric_add(looker->door->rules[rule], 1);
}

/* Not now: due again after a while, which depends on what stands in the way. */
static enum status put_off(const struct webhook_looker *looker,
                           const struct looks_page *page, enum status why,
                           struct error *error)
{
    struct error own = {0};
    log_debug("look-ups are put off", LOG_TEXT("shop", looker->shop->name),
              LOG_TEXT("error", error->text), LOG_END);
    int64_t wait_ms = why == STATUS_RETRY ? AGAIN_AWAY_MS : AGAIN_REFUSED_MS;
    enum status status = store_looks_later(looker->postgres, looker->shop->shop->name,
                                           page, wait_ms, &own);
    if (status != STATUS_OK)
        *error = own;
    return status;
}

/* Waits for the shop's bucket in short steps; false: we are to end. */
static bool pay(const struct webhook_looker *looker, int64_t points)
{
    int64_t wait_ms = 0;
    while ((wait_ms = shopify_wait_ms(looker->shopify, points)) > 0) {
        if (life_ending() || atomic_load(&looker->door->closing))
            return false;
        life_wait_ms(wait_ms < 500 ? wait_ms : 500);
    }
    return true;
}

/* ---- what the shop says ----------------------------------------------------------------- */

static void gather(struct items_work *work)
{
    for (size_t at = 0; at < work->page.count; at++) {
        bool there = false;
        for (size_t before = 0; before < work->count && !there; before++)
            there = span_equal(work->ids[before], work->page.looks[at].subject);
        if (!there)
            work->ids[work->count++] = work->page.looks[at].subject;
    }
}

static void add_item(struct items_work *work, size_t at)
{
    const struct item_facts *facts = &work->facts[at];
    struct catalog_items *items = &work->items;
    struct span sku = {0};
    bool bad = facts->sku.bytes == NULL ||
               sku_normalise(facts->sku, work->looker->door->contract->sku_steps,
                             work->looker->pool, &sku) != REASON_NONE;
    items->items[items->count] = work->ids[at];
    items->raw_skus[items->count] = facts->sku.bytes == NULL ? SPAN_OF("") : facts->sku;
    items->skus[items->count] = bad ? SPAN_OF("") : sku;
    items->tracked[items->count++] = facts->tracked;
    for (size_t each = 0; each < facts->variant_count; each++) {
        const struct item_variant *variant = &facts->variants[each];
        struct catalog_variants *variants = &work->variants;
        size_t place = variants->count++;
        variants->items[place] = work->ids[at];
        variants->tags[place] = variant->tags;
        variants->continues[place] = variant->continues;
        variants->bundle[place] = variant->bundle;
        variants->has_price[place] = variant->has_price;
        variants->price_micros[place] = variant->price_micros;
    }
}

static enum status ask_items(struct items_work *work, struct error *error)
{
    struct webhook_looker *looker = work->looker;
    const struct items_wanted wanted = {
        .ids = work->ids, .count = work->count, .pool = looker->pool};
    enum status status =
        store_catalog_now(looker->postgres, &work->some.asked_at_us, error);
    if (status != STATUS_OK)
        return status;
    if (!pay(looker, (int64_t)work->count * SHOPIFY_ITEM_POINTS))
        return error_set(error, STATUS_RETRY, "ending");
    status = shopify_items(looker->shopify, &wanted, work->facts, error);
    if (status != STATUS_OK)
        return status;
    for (size_t at = 0; at < work->count; at++)
        if (work->facts[at].there)
            add_item(work, at);
        else
            work->gone[work->some.gone_count++] = work->ids[at];
    return STATUS_OK;
}

/* Is a moved item stocked at the location? Its level is read by push. */
static enum status ask_place(struct items_work *work, size_t place, struct error *error)
{
    struct webhook_looker *looker = work->looker;
    struct span ids[WEBHOOK_LOOKS_PAGE];
    struct shopify_level levels[WEBHOOK_LOOKS_PAGE];
    struct levels_wanted wanted = {
        .items = ids, .name = "available", .pool = looker->pool};
    for (size_t at = 0; at < work->items.count; at++)
        if (work->moved[at])
            ids[wanted.count++] = work->items.items[at];
    if (wanted.count == 0)
        return STATUS_OK;
    if (!pay(looker, (int64_t)wanted.count * SHOPIFY_READ_POINTS))
        return error_set(error, STATUS_RETRY, "ending");
    enum status status = shopify_read_levels(looker->shopify, &wanted,
                                             looker->places->gids[place], levels, error);
    for (size_t at = 0; at < wanted.count && status == STATUS_OK; at++)
        if (levels[at].level_there)
            work->levels[work->some.level_count++] =
                (struct some_level){.item = ids[at],
                                    .location = looker->places->codes[place],
                                    .active = levels[at].active};
    return status;
}

static enum status ask_places(struct items_work *work, struct error *error)
{
    struct webhook_looker *looker = work->looker;
    size_t most = work->items.count * looker->places->count + 1;
    enum status status = store_catalog_moved(looker->postgres, looker->shop->shop->name,
                                             &work->items, work->moved, error);
    work->levels = pool_take(looker->pool, most * sizeof *work->levels);
    if (status == STATUS_OK && work->levels == NULL)
        return out_of_memory(error);
    for (size_t place = 0; place < looker->places->count && status == STATUS_OK; place++)
        status = ask_place(work, place, error);
    return status;
}

/* ---- items: the catalogue, then levels that waited for it ---------------------------------- */

static enum status merge(struct items_work *work, bool *busy_out, struct error *error)
{
    struct webhook_looker *looker = work->looker;
    work->some.shop = looker->shop->shop->name;
    work->some.places = looker->places;
    work->some.items = &work->items;
    work->some.variants = &work->variants;
    work->some.gone = work->gone;
    work->some.levels = work->levels;
    return store_catalog_some(looker->postgres, &work->some, busy_out, error);
}

static enum status level_event(const struct webhook_looker *looker,
                               const struct webhook_look *look,
                               struct webhook_event *events, size_t *event_count,
                               struct error *error)
{
    struct webhook_item item = {.gid = look->subject, .pool = looker->pool};
    enum status status =
        store_webhook_item(looker->postgres, looker->shop->shop->name, &item, error);
    if (status != STATUS_OK)
        return status;
    enum webhook_rule rule = item.is_known ? webhook_judge_item(&item) : WEBHOOK_GONE;
    count(looker, rule);
    if (rule == WEBHOOK_LEVEL_SEEN)
        events[(*event_count)++] =
            (struct webhook_event){.type = EVENT_OBSERVED,
                                   .source = looker->shop->shop->name,
                                   .id = look->event,
                                   .sku = item.sku,
                                   .location = look->location,
                                   .quantity = look->quantity,
                                   .occurred_at_us = look->occurred_at_us};
    return STATUS_OK;
}

static enum status finish(const struct webhook_looker *looker,
                          const struct looks_page *page,
                          const struct webhook_event *events, size_t event_count,
                          struct error *error)
{
    const struct webhook_letters letters = {.events = events,
                                            .count = event_count,
                                            .deadline_us =
                                                clock_monotonic_us() + HOLD_MS * 500LL};
    enum status status = webhook_send(looker->door, &letters, error);
    if (status != STATUS_OK)
        return put_off(looker, page, STATUS_RETRY, error);
    return store_looks_done(looker->postgres, looker->shop->shop->name, page, error);
}

static enum status tell_levels(struct items_work *work, struct error *error)
{
    struct webhook_event events[WEBHOOK_LOOKS_PAGE];
    size_t event_count = 0;
    enum status status = STATUS_OK;
    for (size_t at = 0; at < work->page.count && status == STATUS_OK; at++)
        if (work->page.looks[at].kind == WEBHOOK_LOOK_LEVEL)
            status = level_event(work->looker, &work->page.looks[at], events,
                                 &event_count, error);
    return status == STATUS_OK
               ? finish(work->looker, &work->page, events, event_count, error)
               : status;
}

static enum status look_at_items(struct items_work *work, struct error *error)
{
    struct webhook_looker *looker = work->looker;
    bool busy = false;
    gather(work);
    enum status status = ask_items(work, error);
    if (status == STATUS_OK)
        status = ask_places(work, error);
    if (status != STATUS_OK)
        return put_off(looker, &work->page, status, error);
    status = merge(work, &busy, error);
    if (status != STATUS_OK)
        return status;
    if (busy)
        return store_looks_later(looker->postgres, looker->shop->shop->name, &work->page,
                                 AGAIN_BUSY_MS, error);
    log_info("items of the catalogue read again", LOG_TEXT("shop", looker->shop->name),
             LOG_INT("items", (int64_t)work->count), LOG_END);
    return tell_levels(work, error);
}

static enum status items_page(struct webhook_looker *looker, bool *any_out,
                              struct error *error)
{
    struct items_work *work = pool_take(looker->pool, sizeof *work);
    if (work == NULL)
        return out_of_memory(error);
    memset(work, 0, sizeof *work);
    work->looker = looker;
    work->page.hold_ms = HOLD_MS;
    work->page.pool = looker->pool;
    enum status status =
        store_looks_take(looker->postgres, looker->shop->shop->name, &work->page, error);
    *any_out = *any_out || work->page.count > 0;
    if (status != STATUS_OK || work->page.count == 0)
        return status;
    return look_at_items(work, error);
}

/* ---- lines of edited orders ------------------------------------------------------------------ */

static void line_event(const struct webhook_looker *looker,
                       const struct webhook_look *look, const struct order_line *line,
                       struct webhook_event *events, size_t *event_count)
{
    struct webhook_event event = {.type = EVENT_ORDERED,
                                  .source = looker->shop->shop->name,
                                  .id = look->event,
                                  .quantity = look->quantity,
                                  .occurred_at_us = look->occurred_at_us,
                                  .reference = look->reference};
    enum webhook_rule rule = line->there ? WEBHOOK_UNITS_ORDERED : WEBHOOK_GONE;
    if (line->there && (line->sku.bytes == NULL ||
                        sku_normalise_kept(line->sku, looker->door->contract->sku_steps,
                                           looker->pool, &event.sku) != REASON_NONE))
        rule = WEBHOOK_NO_SKU;
    count(looker, rule);
    if (rule == WEBHOOK_UNITS_ORDERED)
        events[(*event_count)++] = event;
}

static enum status look_at_lines(struct webhook_looker *looker, struct looks_page *page,
                                 struct error *error)
{
    struct span ids[WEBHOOK_LOOKS_PAGE];
    struct order_line lines[WEBHOOK_LOOKS_PAGE];
    struct webhook_event events[WEBHOOK_LOOKS_PAGE];
    size_t event_count = 0;
    const struct items_wanted wanted = {
        .ids = ids, .count = page->count, .pool = looker->pool};
    for (size_t at = 0; at < page->count; at++)
        ids[at] = page->looks[at].subject;
    if (!pay(looker, (int64_t)page->count * SHOPIFY_LINE_POINTS))
        return STATUS_OK;
    enum status status = shopify_order_lines(looker->shopify, &wanted, lines, error);
    if (status != STATUS_OK)
        return put_off(looker, page, status, error);
    for (size_t at = 0; at < page->count; at++)
        line_event(looker, &page->looks[at], &lines[at], events, &event_count);
    return finish(looker, page, events, event_count, error);
}

static enum status lines_page(struct webhook_looker *looker, bool *any_out,
                              struct error *error)
{
    struct looks_page *page = pool_take(looker->pool, sizeof *page);
    if (page == NULL)
        return out_of_memory(error);
    *page =
        (struct looks_page){.of_lines = true, .hold_ms = HOLD_MS, .pool = looker->pool};
    enum status status =
        store_looks_take(looker->postgres, looker->shop->shop->name, page, error);
    *any_out = *any_out || page->count > 0;
    if (status != STATUS_OK || page->count == 0)
        return status;
    return look_at_lines(looker, page, error);
}

enum status webhook_look(struct webhook_looker *looker, bool *any_out,
                         struct error *error)
{
    *any_out = false;
    enum status status = items_page(looker, any_out, error);
    return status == STATUS_OK ? lines_page(looker, any_out, error) : status;
}
