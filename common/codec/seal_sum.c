#include "common/codec/seal_sum.h"

#include "common/base/check.h"

#define TOPIC_BYTES_MAX ((size_t)4096)
#define STRETCHES_BYTES_MAX ((size_t)64 * 1024 * 1024)

bool seal_sum_open(struct seal_sum *sum)
{
    *sum = (struct seal_sum){.digest = digest_new()};
    buf_init(&sum->topic, TOPIC_BYTES_MAX);
    buf_init(&sum->stretches, STRETCHES_BYTES_MAX);
    return sum->digest != NULL;
}

void seal_sum_close(struct seal_sum *sum)
{
    digest_free(&sum->digest);
    buf_free(&sum->topic);
    buf_free(&sum->stretches);
}

bool seal_sum_is_next(const struct seal_sum *sum, const struct seal_page *page)
{
    return sum->is_open &&
           (page->day != sum->part.day || page->partition != sum->part.partition ||
            !span_equal(page->topic, buf_view(&sum->topic)));
}

static void open_part(struct seal_sum *sum, const struct seal_page *page)
{
    buf_clear(&sum->topic);
    buf_clear(&sum->stretches);
    buf_span(&sum->topic, page->topic);
    sum->part = (struct seal_part){.day = page->day, .partition = page->partition};
    sum->stretch_rows = 0;
    sum->is_open = true;
}

static void end_stretch(struct seal_sum *sum)
{
    char hex[2 * SEAL_STRETCH_BYTES + 1];
    if (sum->stretch_rows == 0)
        return;
    digest_end_hex(sum->digest, SEAL_STRETCH_BYTES, hex);
    if (sum->stretches.length > 0)
        buf_byte(&sum->stretches, '\n');
    buf_number(&sum->stretches, sum->next_offset);
    buf_byte(&sum->stretches, ' ');
    buf_text(&sum->stretches, hex);
    sum->stretch_rows = 0;
}

/* A page of no rows is never written; one would count as one row. */
bool seal_sum_add(struct seal_sum *sum, const struct seal_page *page)
{
    ASSERT(!seal_sum_is_next(sum, page));
    if (!sum->is_open)
        open_part(sum, page);
    if (sum->stretch_rows == 0)
        digest_begin(sum->digest);
    digest_add_text(sum->digest, page->digest);
    sum->stretch_rows += page->entries > 0 ? page->entries : 1;
    sum->next_offset = page->next_offset;
    sum->part.pages++;
    sum->part.entries += page->entries;
    if (sum->stretch_rows >= SEAL_STRETCH_ROWS)
        end_stretch(sum);
    return !sum->topic.failed && !sum->stretches.failed;
}

bool seal_sum_end(struct seal_sum *sum, struct seal_part *part_out)
{
    if (!sum->is_open)
        return false;
    end_stretch(sum);
    sum->is_open = false;
    sum->part.topic = buf_view(&sum->topic);
    sum->part.stretches = buf_view(&sum->stretches);
    seal_part_digest(sum->digest, &sum->part, sum->part.digest);
    *part_out = sum->part;
    return true;
}

/* ---- digests -------------------------------------------------------------------------- */

static void add_part(struct digest *digest, const struct seal_part *part)
{
    digest_add_number(digest, part->day);
    digest_add_text(digest, part->topic);
    digest_add_number(digest, part->partition);
    digest_add_number(digest, part->pages);
    digest_add_number(digest, part->entries);
}

void seal_part_digest(struct digest *digest, const struct seal_part *part,
                      char hex_out[SEAL_HEX_MAX])
{
    digest_begin(digest);
    add_part(digest, part);
    digest_add_text(digest, part->stretches);
    digest_end_hex(digest, DIGEST_BYTES, hex_out);
}

void seal_span_add(struct digest *digest, const struct seal_part *part)
{
    add_part(digest, part);
    digest_add_text(digest, span_from(part->digest));
}

void seal_digest(struct digest *digest, const struct seal *seal,
                 char hex_out[SEAL_HEX_MAX])
{
    digest_begin(digest);
    digest_add_text(digest, seal->previous);
    digest_add_number(digest, seal->span.first_day);
    digest_add_number(digest, seal->span.last_day);
    digest_add_number(digest, seal->pages);
    digest_add_number(digest, seal->entries);
    digest_add_text(digest, seal->digest);
    digest_end_hex(digest, DIGEST_BYTES, hex_out);
}

/* ---- where they differ ------------------------------------------------------------------ */

static struct span take_line(struct span *text)
{
    if (text->length == 0)
        return (struct span){0};
    const char *end = memchr(text->bytes, '\n', text->length);
    size_t length = end != NULL ? (size_t)(end - text->bytes) : text->length;
    struct span line = {.bytes = text->bytes, .length = length};
    length += end != NULL ? 1 : 0;
    *text = (struct span){.bytes = text->bytes + length, .length = text->length - length};
    return line;
}

/* 0 where the line has none. */
static int64_t offset_of(struct span line)
{
    int64_t offset = 0;
    const char *blank = line.length > 0 ? memchr(line.bytes, ' ', line.length) : NULL;
    if (blank != NULL)
        (void)span_to_int64((struct span){line.bytes, (size_t)(blank - line.bytes)},
                            &offset);
    return offset;
}

bool seal_stretches_differ(struct span one, struct span other, int64_t *from_out,
                           int64_t *until_out)
{
    int64_t from = 0;
    while (one.length > 0 || other.length > 0) {
        const struct span left = take_line(&one);
        const struct span right = take_line(&other);
        int64_t left_end = offset_of(left);
        int64_t right_end = offset_of(right);
        if (!span_equal(left, right)) {
            *from_out = from;
            *until_out = left_end > right_end ? left_end : right_end;
            return true;
        }
        from = left_end;
    }
    return false;
}
