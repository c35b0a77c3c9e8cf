#include "common/runtime/export_stage.h"
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/shopify_json.h"
#include "common/codec/sku_unicode.h"

#include <stdlib.h>

#define LINE_MAX ((size_t)1 << 20)
#define POOL_MAX ((size_t)16 << 20)
#define POOL_FULL ((size_t)4 << 20) /* a batch of long tags is sent before it is full */

struct export_stage {
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

enum status export_stage_open(struct postgres *postgres, unsigned sku_steps,
                              struct export_stage **out, struct error *error)
{
    struct export_stage *stage = calloc(1, sizeof *stage);
    *out = stage;
    if (stage == NULL)
        return error_set(error, STATUS_FATAL, "out of memory");
    stage->postgres = postgres;
    stage->sku_steps = sku_steps;
    buf_init(&stage->line, LINE_MAX);
    pool_init(&stage->pool, POOL_MAX);
    return STATUS_OK;
}

void export_stage_close(struct export_stage **slot)
{
    struct export_stage *stage = TAKE(*slot);
    if (stage == NULL)
        return;
    buf_free(&stage->line);
    pool_free(&stage->pool);
    free(stage);
}

void export_stage_progress(struct export_stage *stage,
                           void (*each)(void *self, int64_t lines), void *self)
{
    stage->each = each;
    stage->self = self;
}

const struct error *export_stage_error(const struct export_stage *stage)
{
    return stage->failed ? &stage->error : NULL;
}

int64_t export_stage_lines(const struct export_stage *stage)
{
    return stage->lines;
}

/* All batches at once, so that the pool can be emptied behind them. */
static enum status flush(struct export_stage *stage)
{
    enum status status = STATUS_OK;
    if (stage->items.count > 0)
        status = store_catalog_stage_items(stage->postgres, &stage->items, &stage->error);
    if (status == STATUS_OK && stage->variants.count > 0)
        status = store_catalog_stage_variants(stage->postgres, &stage->variants,
                                              &stage->error);
    if (status == STATUS_OK && stage->levels.count > 0)
        status =
            store_catalog_stage_levels(stage->postgres, &stage->levels, &stage->error);
    stage->items.count = 0;
    stage->variants.count = 0;
    stage->levels.count = 0;
    pool_reset(&stage->pool);
    if (status == STATUS_OK && stage->each != NULL)
        stage->each(stage->self, stage->lines);
    return status;
}

/* A SKU that can't be normalised is kept as one without: nothing can be mapped to it. */
static void add_item(struct export_stage *stage, const struct bulk_line *line)
{
    struct catalog_items *items = &stage->items;
    struct span sku = {0};
    bool bad =
        line->sku.bytes == NULL ||
        sku_normalise(line->sku, stage->sku_steps, &stage->pool, &sku) != REASON_NONE;
    items->items[items->count] = line->id;
    items->raw_skus[items->count] = line->sku.bytes == NULL ? SPAN_OF("") : line->sku;
    items->skus[items->count] = bad ? SPAN_OF("") : sku;
    items->tracked[items->count++] = line->tracked;
}

static void add_variant(struct export_stage *stage, const struct bulk_line *line)
{
    struct catalog_variants *variants = &stage->variants;
    size_t at = variants->count++;
    variants->items[at] = line->item;
    variants->tags[at] = line->tags;
    variants->continues[at] = line->continues;
    variants->bundle[at] = line->bundle;
    variants->has_price[at] = line->has_price;
    variants->price_micros[at] = line->price_micros;
}

static void add_level(struct export_stage *stage, const struct bulk_line *line)
{
    struct catalog_levels *levels = &stage->levels;
    size_t at = levels->count++;
    levels->items[at] = line->item;
    levels->gids[at] = line->location;
    levels->active[at] = line->active;
    levels->available[at] = line->available;
    levels->has_available[at] = line->has_available;
    levels->on_hand[at] = line->on_hand;
    levels->has_on_hand[at] = line->has_on_hand;
    levels->committed[at] = line->has_committed ? line->committed : 0;
}

static bool is_full(const struct export_stage *stage)
{
    return stage->items.count == CATALOG_BATCH_MAX ||
           stage->variants.count == CATALOG_BATCH_MAX ||
           stage->levels.count == CATALOG_BATCH_MAX || stage->pool.taken >= POOL_FULL;
}

static enum status take_line(struct export_stage *stage, struct span text)
{
    struct bulk_line line;
    stage->lines++;
    enum status status =
        shopify_decode_bulk_line(text, &stage->pool, &line, &stage->error);
    if (status != STATUS_OK)
        return status;
    if (line.kind == BULK_ITEM)
        add_item(stage, &line);
    else if (line.kind == BULK_VARIANT)
        add_variant(stage, &line);
    else if (line.kind == BULK_LEVEL)
        add_level(stage, &line);
    return is_full(stage) ? flush(stage) : STATUS_OK;
}

static enum status take_piece(struct export_stage *stage, struct span piece)
{
    const char *end = piece.bytes + piece.length;
    for (const char *at = piece.bytes; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        buf_add(&stage->line, at, (size_t)((stop != NULL ? stop : end) - at));
        if (stage->line.failed)
            return error_set(&stage->error, STATUS_REJECT,
                             "a line of the export is longer than %zu bytes", LINE_MAX);
        if (stop == NULL)
            return STATUS_OK;
        enum status status = STATUS_OK;
        if (stage->line.length > 0)
            status = take_line(stage, buf_view(&stage->line));
        if (status != STATUS_OK)
            return status;
        buf_clear(&stage->line);
        at = stop + 1;
    }
    return STATUS_OK;
}

bool export_stage_take(void *self, struct span piece)
{
    struct export_stage *stage = self;
    stage->failed = take_piece(stage, piece) != STATUS_OK;
    return !stage->failed;
}

enum status export_stage_end(struct export_stage *stage, struct error *error)
{
    enum status status = STATUS_OK;
    if (stage->line.length > 0)
        status = take_line(stage, buf_view(&stage->line));
    if (status == STATUS_OK)
        status = flush(stage);
    if (status != STATUS_OK)
        *error = stage->error;
    return status;
}
