#include "common/codec/sku_unicode.h"

#include "common/base/check.h"
#include "common/codec/sku_rounds.h"
#include "common/codec/utf8.h"
#include "common/domain/contract.h"
#include "common/domain/event.h"

static struct span trimmed(struct span text)
{
    while (text.length > 0 && text.bytes[text.length - 1] == ' ')
        text.length--;
    while (text.length > 0 && text.bytes[0] == ' ')
        text = (struct span){.bytes = text.bytes + 1, .length = text.length - 1};
    return text;
}

/*
 * Printable ASCII is its own NFKC form, has nothing to drop, and its one dash is the one
 * that all others become: trimming, collapsing and upper case remain, and one round of
 * them is final.
 */
static size_t ascii_round(struct span raw, unsigned steps, char *room)
{
    struct span text = (steps & SKU_TRIM) != 0 ? trimmed(raw) : raw;
    bool collapses = (steps & SKU_COLLAPSE_SPACES) != 0;
    bool folds = (steps & SKU_FOLD_CASE) != 0;
    size_t length = 0;
    for (size_t at = 0; at < text.length; at++) {
        char byte = text.bytes[at];
        if (collapses && byte == ' ' && length > 0 && room[length - 1] == ' ')
            continue;
        bool lower = byte >= 'a' && byte <= 'z';
        room[length++] = lower && folds ? (char)(byte - ('a' - 'A')) : byte;
    }
    return length;
}

enum reason sku_normalise(struct span raw, unsigned steps, struct pool *pool,
                          struct span *sku_out)
{
    char room[SKU_BYTES_MAX];
    struct utf8_facts facts;
    if (!utf8_measure(raw, &facts))
        return REASON_NOT_UTF8;
    if (facts.code_points < 1 || facts.code_points > EVENT_SKU_MAX || facts.control)
        return REASON_BAD_TEXT;
    bool ascii = facts.code_points == raw.length; /* and so printable */
    size_t length = ascii ? ascii_round(raw, steps, room) : sku_rounds(raw, steps, room);
    if (length == 0)
        return REASON_BAD_SKU;
    struct span sku = {.bytes = room, .length = length};
    if (span_equal(sku, raw)) {
        *sku_out = raw;
        return REASON_NONE;
    }
    sku = pool_span(pool, sku);
    ASSERT(sku.bytes != NULL);
    *sku_out = sku;
    return REASON_NONE;
}

enum reason sku_normalise_kept(struct span raw, unsigned steps, struct pool *pool,
                               struct span *sku_out)
{
    enum reason reason = sku_normalise(raw, steps, pool, sku_out);
    if (reason != REASON_NONE || sku_out->bytes != raw.bytes)
        return reason;
    *sku_out = pool_span(pool, raw);
    ASSERT(sku_out->bytes != NULL);
    return REASON_NONE;
}
