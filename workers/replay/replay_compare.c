#include "workers/replay/replay_compare.h"

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/base/scope.h"
#include "common/codec/digest.h"

#include <stdlib.h>

enum side_name { LIVE, SHADOW };

static const struct {
    const char *name;
    const char *why;
} DIFFERENCES[DIFFERENCE_COUNT] = {
    [DIFFERENCE_BEHIND] = {"behind", "not judged by both yet: run it on"},
    [DIFFERENCE_ONLY_LIVE] = {"only_live", "the shadow has no such row"},
    [DIFFERENCE_ONLY_SHADOW] = {"only_shadow", "the live state has no such row"},
    [DIFFERENCE_UNDECIDED] = {"undecided", "push decides the pair before it writes"},
    [DIFFERENCE_SOURCE] = {"source", "another source rules"},
    [DIFFERENCE_NUMBER] = {"number", "another number"},
    [DIFFERENCE_REST] = {"details", "the same number from other events"},
};

const char *difference_name(enum difference difference)
{
    ASSERT(difference < DIFFERENCE_COUNT);
    return DIFFERENCES[difference].name;
}

const char *difference_why(enum difference difference)
{
    ASSERT(difference < DIFFERENCE_COUNT);
    return DIFFERENCES[difference].why;
}

/* One of the two states, being read. */
struct side {
    struct postgres *postgres;
    struct rows rows;
    int at;
    bool ended;
    struct compared_row row;
    struct digest *digest;
    struct compared_table *table;
    enum side_name name;
};

struct comparing {
    struct replay *replay;
    const struct comparison_visitor *visitor;
    struct comparison *comparison;
    struct side sides[2];
    int32_t partitions;
    bool *is_behind; /* by partition */
};

/* ---- reading ------------------------------------------------------------------------------- */

static void digest_row(struct digest *digest, const struct compared_row *row)
{
    digest_add_text(digest, row->sku);
    digest_add_text(digest, row->location);
    digest_add_text(digest, row->part);
    digest_add_number(digest, row->has_number);
    digest_add_number(digest, row->number);
    digest_add_text(digest, row->source);
    digest_add_text(digest, row->rest);
}

static enum status advance(struct side *side, enum compared what, struct error *error)
{
    if (side->ended)
        return STATUS_OK;
    if (++side->at >= side->rows.count) {
        rows_release(&side->rows);
        side->at = 0;
        enum status status =
            store_compare_fetch(side->postgres, what, &side->rows, error);
        if (status != STATUS_OK)
            return status;
        side->ended = side->rows.count == 0;
        if (side->ended)
            return STATUS_OK;
    }
    side->row = store_compare_row(&side->rows, side->at);
    side->table->rows[side->name]++;
    digest_row(side->digest, &side->row);
    return STATUS_OK;
}

static enum status begin_side(struct side *side, enum compared what,
                              struct compared_table *table, struct error *error)
{
    side->table = table;
    side->at = -1;
    side->ended = false;
    digest_begin(side->digest);
    enum status status = store_compare_open(side->postgres, what, error);
    return status == STATUS_OK ? advance(side, what, error) : status;
}

/* ---- differing ----------------------------------------------------------------------------- */

/* Which side comes first; 0: both are at one row. */
static int order(const struct side sides[2])
{
    if (sides[LIVE].ended || sides[SHADOW].ended)
        return (sides[LIVE].ended ? 1 : 0) - (sides[SHADOW].ended ? 1 : 0);
    const struct compared_row *live = &sides[LIVE].row;
    const struct compared_row *shadow = &sides[SHADOW].row;
    int sku = span_compare(live->sku, shadow->sku);
    int location = span_compare(live->location, shadow->location);
    if (sku != 0 || location != 0)
        return sku != 0 ? sku : location;
    return span_compare(live->part, shadow->part);
}

static bool is_same(const struct compared_row *live, const struct compared_row *shadow)
{
    return live->has_number == shadow->has_number && live->number == shadow->number &&
           span_equal(live->source, shadow->source) &&
           span_equal(live->rest, shadow->rest);
}

static bool lacks_number(const struct compared_row *row)
{
    return row != NULL && !row->has_number;
}

static enum difference classify(const struct comparing *comparing,
                                const struct compared_pair *pair)
{
    const struct compared_row *live = pair->rows[LIVE];
    const struct compared_row *shadow = pair->rows[SHADOW];
    if (comparing->is_behind[hash_partition(pair->any->sku, comparing->partitions)])
        return DIFFERENCE_BEHIND;
    if (lacks_number(live) || lacks_number(shadow))
        return DIFFERENCE_UNDECIDED;
    if (live == NULL)
        return DIFFERENCE_ONLY_SHADOW;
    if (shadow == NULL)
        return DIFFERENCE_ONLY_LIVE;
    if (!span_equal(live->source, shadow->source))
        return DIFFERENCE_SOURCE;
    return live->number != shadow->number ? DIFFERENCE_NUMBER : DIFFERENCE_REST;
}

static enum status tell(struct comparing *comparing, struct compared_pair *pair,
                        struct error *error)
{
    struct comparison *comparison = comparing->comparison;
    pair->difference = classify(comparing, pair);
    comparison->tables[pair->what].differences[pair->difference]++;
    if (pair->difference != DIFFERENCE_BEHIND && pair->difference != DIFFERENCE_UNDECIDED)
        comparison->differences++;
    return comparing->visitor->each(comparing->visitor->self, pair, error);
}

static enum status step(struct comparing *comparing, enum compared what,
                        struct error *error)
{
    struct side *sides = comparing->sides;
    int which = order(sides);
    struct compared_pair pair = {.what = what,
                                 .any =
                                     which <= 0 ? &sides[LIVE].row : &sides[SHADOW].row,
                                 .rows = {which <= 0 ? &sides[LIVE].row : NULL,
                                          which >= 0 ? &sides[SHADOW].row : NULL}};
    enum status status = STATUS_OK;
    if (which != 0 || !is_same(pair.rows[LIVE], pair.rows[SHADOW]))
        status = tell(comparing, &pair, error);
    if (status == STATUS_OK && which <= 0)
        status = advance(&sides[LIVE], what, error);
    if (status == STATUS_OK && which >= 0)
        status = advance(&sides[SHADOW], what, error);
    return status;
}

static enum status compare_table(struct comparing *comparing, enum compared what,
                                 struct error *error)
{
    struct compared_table *table = &comparing->comparison->tables[what];
    struct side *sides = comparing->sides;
    enum status status = begin_side(&sides[LIVE], what, table, error);
    if (status == STATUS_OK)
        status = begin_side(&sides[SHADOW], what, table, error);
    while (status == STATUS_OK && !(sides[LIVE].ended && sides[SHADOW].ended))
        status = step(comparing, what, error);
    for (int side = LIVE; side <= SHADOW; side++) {
        rows_release(&sides[side].rows);
        digest_end_hex(sides[side].digest, DIGEST_BYTES, table->digests[side]);
    }
    return status;
}

/* ---- where both are ---------------------------------------------------------------------------- */

struct places {
    struct replay_live_part live[REPLAY_PARTS_MAX];
    struct shadow_part shadow[REPLAY_PARTS_MAX];
    size_t live_count;
    size_t shadow_count;
};

static int64_t shadow_at(const struct places *places, int32_t partition)
{
    for (size_t at = 0; at < places->shadow_count; at++)
        if (places->shadow[at].partition == partition)
            return places->shadow[at].next_offset;
    return 0;
}

/* Of one SKU only its own partition counts. */
static bool is_compared(const struct comparing *comparing, int32_t partition)
{
    struct span sku = comparing->replay->choice.sku;
    return sku.bytes == NULL || hash_partition(sku, comparing->partitions) == partition;
}

static void note_place(struct comparing *comparing, const struct places *places,
                       size_t at)
{
    const struct replay_live_part *live = &places->live[at];
    int64_t apart = live->next_offset - shadow_at(places, live->partition);
    if (live->next_offset < 0 || apart == 0 || !is_compared(comparing, live->partition))
        return;
    comparing->is_behind[live->partition] = true;
    comparing->comparison->behind += apart > 0 ? apart : -apart;
}

/* The shadow has a row of every partition of the topic. */
static void count_partition(struct comparing *comparing, int32_t partition)
{
    if (partition >= comparing->partitions)
        comparing->partitions = partition + 1;
}

/* In the snapshots of the two: the rows are those of exactly these offsets. */
static enum status look_where(struct comparing *comparing, struct error *error)
{
    static struct places places;
    const struct replay *replay = comparing->replay;
    struct span topic = span_from(replay->topic);
    enum status status =
        store_replay_live(replay->live, topic, places.live, &places.live_count, error);
    if (status == STATUS_OK)
        status = store_shadow_parts(replay->shadow, topic, places.shadow,
                                    &places.shadow_count, error);
    comparing->partitions = 1;
    for (size_t at = 0; status == STATUS_OK && at < places.live_count; at++)
        count_partition(comparing, places.live[at].partition);
    for (size_t at = 0; status == STATUS_OK && at < places.shadow_count; at++)
        count_partition(comparing, places.shadow[at].partition);
    comparing->is_behind = calloc((size_t)comparing->partitions, sizeof(bool));
    if (comparing->is_behind == NULL)
        return error_set(error, STATUS_FATAL, "replay: out of memory");
    for (size_t at = 0; status == STATUS_OK && at < places.live_count; at++)
        note_place(comparing, &places, at);
    return status;
}

/* ---- all of it --------------------------------------------------------------------------------- */

static enum status begin(struct comparing *comparing, struct error *error)
{
    struct replay *replay = comparing->replay;
    comparing->sides[LIVE] =
        (struct side){.postgres = replay->live, .digest = digest_new(), .name = LIVE};
    comparing->sides[SHADOW] =
        (struct side){.postgres = replay->shadow, .digest = digest_new(), .name = SHADOW};
    if (comparing->sides[LIVE].digest == NULL || comparing->sides[SHADOW].digest == NULL)
        return error_set(error, STATUS_FATAL, "replay: out of memory");
    enum status status = store_compare_begin(replay->live, replay->choice.sku, error);
    if (status == STATUS_OK)
        status = store_compare_begin(replay->shadow, replay->choice.sku, error);
    return status == STATUS_OK ? look_where(comparing, error) : status;
}

static enum status end(struct comparing *comparing, struct error *error)
{
    enum status status = store_compare_end(comparing->sides[LIVE].postgres, error);
    if (status == STATUS_OK)
        status = store_compare_end(comparing->sides[SHADOW].postgres, error);
    return status;
}

enum status replay_compare(struct replay *replay,
                           const struct comparison_visitor *visitor,
                           struct comparison *comparison, struct error *error)
{
    struct comparing comparing = {
        .replay = replay, .visitor = visitor, .comparison = comparison};
    *comparison = (struct comparison){0};
    enum status status = begin(&comparing, error);
    for (int what = 0; what < COMPARED_COUNT && status == STATUS_OK; what++)
        status = compare_table(&comparing, (enum compared)what, error);
    if (status == STATUS_OK)
        status = end(&comparing, error);
    digest_free(&comparing.sides[LIVE].digest);
    digest_free(&comparing.sides[SHADOW].digest);
    free(comparing.is_behind);
    return status;
}
