#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/json_text.h"
#include "common/codec/printable.h"
#include "common/codec/rfc3339.h"
#include "workers/undo/undo.h"

#include <inttypes.h>
#include <stdio.h>

#define LINE_BYTES_MAX ((size_t)64 * 1024)
#define DONE_SHOWN_MAX 50 /* of those that are fit; the refused are all named */

static const char *const FATES[] = {
    [UNDO_DO] = "undo", [UNDO_SKIP] = "nothing to do", [UNDO_REFUSE] = "refused"};

/* As much as names it; the ids of imports and replays are long. */
static struct span short_id(struct span id)
{
    id.length = id.length > 24 ? 16 : id.length;
    return id;
}

/* ---- JSON --------------------------------------------------------------------------------------- */

static void add_line(const struct undo_line *line, struct buf *out)
{
    buf_byte(out, '{');
    json_member_text(out, "sku", line->sku);
    json_member_text(out, "location", line->location);
    json_member_text(out, "source", line->source);
    json_member_text(out, "fate", span_from(FATES[line->fate]));
    json_member_text(out, "rule", span_from(line->rule));
    json_member_text(out, "why", span_from(line->why));
    json_member_number_or_null(out, "level", line->has_level, line->level);
    json_member_number_or_null(out, "back_to", line->has_back, line->back);
    json_member_text(out, "moved_by", line->moved_by);
    buf_byte(out, '}');
}

static void print_lines_json(const struct undo_plan *plan, const char *between)
{
    SCOPED(buf_free) struct buf out = {0};
    buf_init(&out, LINE_BYTES_MAX);
    for (const struct undo_line *line = plan->first; line != NULL; line = line->next) {
        buf_clear(&out);
        add_line(line, &out);
        printf("%s%s\n", line != plan->first ? between : "",
               out.failed ? "{}" : out.bytes);
    }
}

static void print_json(const struct undo *self, const struct undo_plan *plan,
                       bool is_done)
{
    SCOPED(buf_free) struct buf out = {0};
    buf_init(&out, LINE_BYTES_MAX);
    buf_byte(&out, '{');
    json_member_text(&out, "batch", self->id);
    json_member_text(&out, "kind", self->kind);
    json_member_text(&out, "name", self->name);
    json_name(&out, "dry_run");
    buf_text(&out, is_done ? "false" : "true");
    json_member_number(&out, "pairs", plan->pairs);
    json_member_number(&out, is_done ? "undone" : "to_undo", plan->to_do);
    json_member_number(&out, "unfinished", plan->unfinished);
    json_member_number(&out, "nothing_to_do", plan->skipped);
    json_member_number(&out, "refused", plan->refused);
    json_name(&out, "rows");
    printf("%s[\n", out.failed ? "{\"rows\":" : out.bytes);
    print_lines_json(plan, ",");
    puts("]}");
}

/* ---- table ---------------------------------------------------------------------------------------- */

static void add_number(struct buf *out, bool present, int64_t number)
{
    if (present)
        buf_format(out, " %8" PRId64, number);
    else
        buf_format(out, " %8s", "-");
}

static void print_line(const struct undo_line *line)
{
    SCOPED(buf_free) struct buf out = {0};
    buf_init(&out, LINE_BYTES_MAX);
    buf_format(&out, "%-14s", FATES[line->fate]);
    add_number(&out, line->has_level, line->level);
    add_number(&out, line->has_back, line->back);
    buf_text(&out, "  ");
    printable_add(&out, line->sku, 60);
    buf_byte(&out, ' ');
    printable_add(&out, line->location, 30);
    buf_byte(&out, ' ');
    printable_add(&out, line->source, 30);
    if (line->fate != UNDO_DO)
        buf_format(&out, "  %s", line->rule);
    if (line->moved_by.bytes != NULL) {
        buf_text(&out, " by ");
        printable_add(&out, line->moved_by, 100);
    }
    puts(out.failed ? "" : out.bytes);
}

/* Each reason once, below the rows that name it. */
static void print_reasons(const struct undo_plan *plan)
{
    const char *told[32];
    size_t count = 0;
    for (const struct undo_line *line = plan->first; line != NULL; line = line->next) {
        size_t at = 0;
        while (at < count && told[at] != line->rule)
            at++;
        if (line->fate == UNDO_DO || at < count || count == COUNT_OF(told))
            continue;
        told[count++] = line->rule;
        printf("%s: %s\n", line->rule, line->why);
    }
}

static void print_table(const struct undo *self, const struct undo_plan *plan,
                        bool is_done)
{
    int64_t shown = 0;
    if (plan->pairs > 0)
        printf("%-14s %8s %8s  %s\n", "", "NOW", "BACK TO", "SKU LOCATION SOURCE");
    for (const struct undo_line *line = plan->first; line != NULL; line = line->next)
        if (line->fate == UNDO_REFUSE || shown++ < DONE_SHOWN_MAX)
            print_line(line);
    if (shown > DONE_SHOWN_MAX)
        printf("and %" PRId64 " more that are not refused\n", shown - DONE_SHOWN_MAX);
    print_reasons(plan);
    printf("%.*s %.*s: %" PRId64 " pairs; %" PRId64 " %s, %" PRId64 " refused, %" PRId64
           " with nothing to do",
           SPAN_ARGS(self->kind), SPAN_ARGS(short_id(self->id)), plan->pairs, plan->to_do,
           is_done ? "taken back" : "would be taken back", plan->refused, plan->skipped);
    if (plan->unfinished > 0)
        printf("; %" PRId64 " of an earlier try %s sent once more", plan->unfinished,
               is_done ? "were" : "would be");
    putchar('\n');
}

void undo_print(const struct undo *self, const struct undo_plan *plan, bool is_done)
{
    if (self->output == OUTPUT_TABLE)
        print_table(self, plan, is_done);
    else if (self->output == OUTPUT_JSON)
        print_json(self, plan, is_done);
    else
        print_lines_json(plan, "");
}

/* ---- batches -------------------------------------------------------------------------------------- */

struct listing {
    enum output output;
    size_t printed;
};

static void print_batch_json(struct listing *listing, const struct undo_batch *batch)
{
    SCOPED(buf_free) struct buf out = {0};
    buf_init(&out, LINE_BYTES_MAX);
    buf_byte(&out, '{');
    json_member_text(&out, "batch", batch->id);
    json_member_text(&out, "kind", batch->kind);
    json_member_text(&out, "name", batch->name);
    json_member_text(&out, "file", batch->file);
    json_member_text(&out, "state", batch->state);
    json_member_time(&out, "at", batch->at_us);
    json_member_number(&out, "undone", batch->undone);
    buf_byte(&out, '}');
    printf("%s%s\n", listing->output == OUTPUT_JSON && listing->printed > 0 ? "," : "",
           out.failed ? "{}" : out.bytes);
}

static void print_batch_row(struct listing *listing, const struct undo_batch *batch)
{
    SCOPED(buf_free) struct buf out = {0};
    char at[RFC3339_TEXT_MAX];
    rfc3339_format(batch->at_us, at);
    at[10] = ' ';
    at[16] = '\0';
    buf_init(&out, LINE_BYTES_MAX);
    buf_format(&out, "%-24.*s %-9.*s %-8.*s %-16s %8" PRId64 "  ",
               SPAN_ARGS(short_id(batch->id)), SPAN_ARGS(batch->kind),
               SPAN_ARGS(batch->state), at, batch->undone);
    printable_add(&out, batch->name, 60);
    buf_byte(&out, ' ');
    printable_add(&out, batch->file, 80);
    if (listing->printed == 0)
        printf("%-24s %-9s %-8s %-16s %8s  %s\n", "BATCH", "KIND", "STATE", "AT (UTC)",
               "UNDONE", "FEED AND FILE, CHOICE, SHADOW, OR WHO");
    puts(out.failed ? "" : out.bytes);
}

static enum status print_batch(void *self, const struct undo_batch *batch,
                               struct error *error)
{
    struct listing *listing = self;
    (void)error;
    if (listing->output == OUTPUT_TABLE)
        print_batch_row(listing, batch);
    else
        print_batch_json(listing, batch);
    listing->printed++;
    return STATUS_OK;
}

enum status undo_list(struct undo *self, struct error *error)
{
    struct listing listing = {.output = self->output};
    const struct undo_batch_visitor visitor = {.each = print_batch, .self = &listing};
    if (self->output == OUTPUT_JSON)
        puts("[");
    enum status status =
        store_undo_batches(self->postgres, self->flags->limit, &visitor, error);
    if (self->output == OUTPUT_JSON && status == STATUS_OK)
        puts("]");
    if (self->output == OUTPUT_TABLE && status == STATUS_OK && listing.printed == 0)
        puts("there is no batch");
    return status;
}
