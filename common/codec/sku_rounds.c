#include "common/codec/sku_rounds.h"

#include "common/base/check.h"
#include "common/codec/utf8.h"
#include "common/domain/contract.h"
#include "common/domain/event.h"

#include <stdlib.h>
#include <utf8proc.h>

/*
 * Sizes. One code point decomposes into at most 18 and folds into at most 3. A round
 * shortens a text at most fourfold (the longest canonical composition), so a text past
 * four times the limit can not come back below it.
 */
#define ROUND_MAX (4 * EVENT_SKU_MAX)
#define DECOMPOSED_MAX (18 * EVENT_SKU_MAX)
#define FOLDED_MAX (3 * ROUND_MAX)
#define ROUNDS_MAX 16
#define UNICODE_LEAST 15

struct points {
    int32_t *at;
    size_t length;
};

struct range {
    int32_t first;
    int32_t last;
};

/* Default_Ignorable_Code_Point that Unicode has reserved but not assigned: utf8proc has
 * properties of assigned ones only. */
static const struct range RESERVED_IGNORABLE[] = {
    {0x2065, 0x2065},
    {0xfff0, 0xfff8},
    {0xe0000, 0xe0fff},
};

static void require_unicode(void)
{
    ASSERT(strtol(utf8proc_unicode_version(), NULL, 10) >= UNICODE_LEAST);
}

static bool is_ignorable(int32_t point)
{
    const utf8proc_property_t *property = utf8proc_get_property(point);
    if (property->category == UTF8PROC_CATEGORY_CF || property->ignorable)
        return true;
    for (size_t at = 0; at < COUNT_OF(RESERVED_IGNORABLE); at++)
        if (point >= RESERVED_IGNORABLE[at].first && point <= RESERVED_IGNORABLE[at].last)
            return true;
    return false;
}

static bool is_space(int32_t point)
{
    utf8proc_category_t category = utf8proc_category(point);
    return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
           category == UTF8PROC_CATEGORY_ZP;
}

static bool is_dash(int32_t point)
{
    return point == 0x2212 || utf8proc_category(point) == UTF8PROC_CATEGORY_PD;
}

/* Marks in canonical order; marks of one class keep theirs. */
static void reorder_marks(struct points *text)
{
    for (size_t at = 1; at < text->length; at++) {
        int32_t point = text->at[at];
        utf8proc_propval_t class = utf8proc_get_property(point)->combining_class;
        size_t to = at;
        if (class == 0)
            continue;
        while (to > 0 &&
               utf8proc_get_property(text->at[to - 1])->combining_class > class) {
            text->at[to] = text->at[to - 1];
            to--;
        }
        text->at[to] = point;
    }
}

static bool decompose(const struct points *from, struct points *to, size_t room)
{
    const utf8proc_option_t options =
        UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT;
    to->length = 0;
    for (size_t at = 0; at < from->length; at++) {
        int boundary = 0;
        utf8proc_ssize_t length = utf8proc_decompose_char(
            from->at[at], to->at + to->length, (utf8proc_ssize_t)(room - to->length),
            options, &boundary);
        ASSERT(length >= 0);
        if ((size_t)length > room - to->length)
            return false;
        to->length += (size_t)length;
    }
    return true;
}

static bool copy(const struct points *from, struct points *to, size_t room)
{
    if (from->length > room)
        return false;
    memcpy(to->at, from->at, from->length * sizeof(*from->at));
    to->length = from->length;
    return true;
}

static bool to_nfkc(const struct points *from, struct points *to, size_t room)
{
    if (!decompose(from, to, room))
        return false;
    reorder_marks(to);
    utf8proc_ssize_t length =
        utf8proc_normalize_utf32(to->at, (utf8proc_ssize_t)to->length,
                                 (utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    ASSERT(length >= 0);
    to->length = (size_t)length;
    return true;
}

static void drop_ignorable(struct points *text)
{
    size_t kept = 0;
    for (size_t at = 0; at < text->length; at++)
        if (!is_ignorable(text->at[at]))
            text->at[kept++] = text->at[at];
    text->length = kept;
}

static void replace_dashes(struct points *text)
{
    for (size_t at = 0; at < text->length; at++)
        if (is_dash(text->at[at]))
            text->at[at] = '-';
}

static void trim(struct points *text)
{
    size_t first = 0;
    while (first < text->length && is_space(text->at[first]))
        first++;
    while (text->length > first && is_space(text->at[text->length - 1]))
        text->length--;
    text->length -= first;
    memmove(text->at, text->at + first, text->length * sizeof(*text->at));
}

static void collapse_spaces(struct points *text)
{
    size_t kept = 0;
    bool behind_space = false;
    for (size_t at = 0; at < text->length; at++) {
        bool space = is_space(text->at[at]);
        if (!space)
            text->at[kept++] = text->at[at];
        else if (!behind_space)
            text->at[kept++] = ' ';
        behind_space = space;
    }
    text->length = kept;
}

/* Full folding, then upper case: folded text has no code point whose full upper case is
 * longer than its simple one (held against all of Unicode in tests). */
static bool fold_case(const struct points *from, struct points *to, size_t room)
{
    to->length = 0;
    for (size_t at = 0; at < from->length; at++) {
        int boundary = 0;
        size_t left = room - to->length;
        int32_t *folded = to->at + to->length;
        utf8proc_ssize_t length = utf8proc_decompose_char(
            from->at[at], folded, (utf8proc_ssize_t)left, UTF8PROC_CASEFOLD, &boundary);
        ASSERT(length >= 0);
        if ((size_t)length > left)
            return false;
        for (utf8proc_ssize_t each = 0; each < length; each++)
            folded[each] = utf8proc_toupper(folded[each]);
        to->length += (size_t)length;
    }
    return true;
}

static bool has_converged(const struct points *before, const struct points *after)
{
    return before->length == after->length &&
           memcmp(before->at, after->at, after->length * sizeof(*after->at)) == 0;
}

/* One round over `text`; false where it grows out of all bounds. */
static bool round_once(struct points *text, unsigned steps, bool *converged_out)
{
    int32_t wide_room[DECOMPOSED_MAX];
    int32_t folded_room[FOLDED_MAX];
    struct points wide = {.at = wide_room};
    struct points folded = {.at = folded_room};

    bool fits = (steps & SKU_NFKC) != 0 ? to_nfkc(text, &wide, DECOMPOSED_MAX)
                                        : copy(text, &wide, DECOMPOSED_MAX);
    if (!fits)
        return false;
    if ((steps & SKU_DROP_IGNORABLE) != 0)
        drop_ignorable(&wide);
    if ((steps & SKU_DASHES) != 0)
        replace_dashes(&wide);
    if ((steps & SKU_TRIM) != 0)
        trim(&wide);
    if ((steps & SKU_COLLAPSE_SPACES) != 0)
        collapse_spaces(&wide);
    if (wide.length > ROUND_MAX)
        return false;
    fits = (steps & SKU_FOLD_CASE) != 0 ? fold_case(&wide, &folded, FOLDED_MAX)
                                        : copy(&wide, &folded, FOLDED_MAX);
    if (!fits)
        return false;
    *converged_out = has_converged(text, &folded);
    return copy(&folded, text, ROUND_MAX);
}

static void read_points(struct span raw, struct points *text)
{
    text->length = 0;
    while (raw.length > 0) {
        ASSERT(text->length < EVENT_SKU_MAX);
        size_t taken = utf8_decode(raw, &text->at[text->length++]);
        ASSERT(taken > 0);
        raw.bytes += taken;
        raw.length -= taken;
    }
}

size_t sku_rounds(struct span raw, unsigned steps, char *room)
{
    int32_t text_room[ROUND_MAX];
    struct points text = {.at = text_room};
    bool converged = false;
    require_unicode();
    read_points(raw, &text);
    for (int round = 0; round < ROUNDS_MAX && !converged; round++)
        if (!round_once(&text, steps, &converged))
            return 0;
    if (!converged || text.length > EVENT_SKU_MAX)
        return 0;
    size_t length = 0;
    for (size_t at = 0; at < text.length; at++)
        length += utf8_encode(text.at[at], room + length);
    return length;
}
