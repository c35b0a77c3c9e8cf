#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/sku_unicode.h"
#include "workers/catalog/catalog.h"

#include <stdlib.h>

#define LINE_MAX ((size_t)1 << 20)
#define POOL_MAX ((size_t)16 << 20)
#define POOL_FULL ((size_t)4 << 20) /* a batch of long tags is sent before it is full */

struct feed {
    struct postgres *postgres;
    unsigned sku_steps;
    struct buf line;  /* the start of a line whose end has not come yet */
    struct pool pool; /* texts of the batches; reset when they are empty */
    struct catalog_items items;
    struct catalog_variants variants;
    struct catalog_levels levels;
    int64_t lines;
    bool failed;
    struct error error;
    void (*each)(void *self, int64_t lines);
    void *self;
};

enum status feed_open(struct postgres *postgres, unsigned sku_steps, struct feed **out,
                      struct error *error)
{
    struct feed *feed = calloc(1, sizeof *feed);
    *out = feed;
    if (feed == NULL)
        return error_set(error, STATUS_FATAL, "out of memory");
    feed->postgres = postgres;
    feed->sku_steps = sku_steps;
    buf_init(&feed->line, LINE_MAX);
    pool_init(&feed->pool, POOL_MAX);
    return STATUS_OK;
}

void feed_close(struct feed **slot)
{
    struct feed *feed = TAKE(*slot);
    if (feed == NULL)
        return;
    buf_free(&feed->line);
    pool_free(&feed->pool);
    free(feed);
}

void feed_progress(struct feed *feed, void (*each)(void *self, int64_t lines), void *self)
{
    feed->each = each;
    feed->self = self;
}

const struct error *feed_error(const struct feed *feed)
{
    return feed->failed ? &feed->error : NULL;
}

int64_t feed_lines(const struct feed *feed)
{
    return feed->lines;
}

/* All batches at once, so that the pool can be emptied behind them. */
static enum status flush(struct feed *feed)
{
    enum status status = STATUS_OK;
    if (feed->items.count > 0)
        status = store_catalog_stage_items(feed->postgres, &feed->items, &feed->error);
    if (status == STATUS_OK && feed->variants.count > 0)
        status =
            store_catalog_stage_variants(feed->postgres, &feed->variants, &feed->error);
    if (status == STATUS_OK && feed->levels.count > 0)
        status = store_catalog_stage_levels(feed->postgres, &feed->levels, &feed->error);
    feed->items.count = 0;
    feed->variants.count = 0;
    feed->levels.count = 0;
    pool_reset(&feed->pool);
    if (status == STATUS_OK && feed->each != NULL)
        feed->each(feed->self, feed->lines);
    return status;
}

/* A SKU that can't be normalised is kept as one without: nothing can be mapped to it. */
static void add_item(struct feed *feed, const struct bulk_line *line)
{
    struct catalog_items *items = &feed->items;
    struct span sku = {0};
    bool bad = line->sku.bytes == NULL || sku_normalise(line->sku, feed->sku_steps,
                                                        &feed->pool, &sku) != REASON_NONE;
    items->items[items->count] = line->id;
    items->raw_skus[items->count] = line->sku.bytes == NULL ? SPAN_OF("") : line->sku;
    items->skus[items->count] = bad ? SPAN_OF("") : sku;
    items->tracked[items->count++] = line->tracked;
}

static void add_variant(struct feed *feed, const struct bulk_line *line)
{
    struct catalog_variants *variants = &feed->variants;
    size_t at = variants->count++;
    variants->items[at] = line->item;
    variants->tags[at] = line->tags;
    variants->continues[at] = line->continues;
    variants->bundle[at] = line->bundle;
    variants->has_price[at] = line->has_price;
    variants->price_micros[at] = line->price_micros;
}

static void add_level(struct feed *feed, const struct bulk_line *line)
{
    struct catalog_levels *levels = &feed->levels;
    size_t at = levels->count++;
    levels->items[at] = line->item;
    levels->gids[at] = line->location;
    levels->active[at] = line->active;
    levels->available[at] = line->available;
    levels->has_available[at] = line->has_available;
    levels->on_hand[at] = line->on_hand;
    levels->has_on_hand[at] = line->has_on_hand;
}

static bool is_full(const struct feed *feed)
{
    return feed->items.count == CATALOG_BATCH_MAX ||
           feed->variants.count == CATALOG_BATCH_MAX ||
           feed->levels.count == CATALOG_BATCH_MAX || feed->pool.taken >= POOL_FULL;
}

static enum status take_line(struct feed *feed, struct span text)
{
    struct bulk_line line;
    feed->lines++;
    enum status status = shopify_decode_bulk_line(text, &feed->pool, &line, &feed->error);
    if (status != STATUS_OK)
        return status;
    if (line.kind == BULK_ITEM)
        add_item(feed, &line);
    else if (line.kind == BULK_VARIANT)
        add_variant(feed, &line);
    else if (line.kind == BULK_LEVEL)
        add_level(feed, &line);
    return is_full(feed) ? flush(feed) : STATUS_OK;
}

static enum status take_piece(struct feed *feed, struct span piece)
{
    const char *end = piece.bytes + piece.length;
    for (const char *at = piece.bytes; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        buf_add(&feed->line, at, (size_t)((stop != NULL ? stop : end) - at));
        if (feed->line.failed)
            return error_set(&feed->error, STATUS_REJECT,
                             "a line of the export is longer than %zu bytes", LINE_MAX);
        if (stop == NULL)
            return STATUS_OK;
        enum status status = STATUS_OK;
        if (feed->line.length > 0)
            status = take_line(feed, buf_view(&feed->line));
        if (status != STATUS_OK)
            return status;
        buf_clear(&feed->line);
        at = stop + 1;
    }
    return STATUS_OK;
}

bool feed_take(void *self, struct span piece)
{
    struct feed *feed = self;
    feed->failed = take_piece(feed, piece) != STATUS_OK;
    return !feed->failed;
}

enum status feed_end(struct feed *feed, struct error *error)
{
    enum status status = STATUS_OK;
    if (feed->line.length > 0)
        status = take_line(feed, buf_view(&feed->line));
    if (status == STATUS_OK)
        status = flush(feed);
    if (status != STATUS_OK)
        *error = feed->error;
    return status;
}
