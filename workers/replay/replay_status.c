#include "workers/replay/replay_compare.h"

#include "common/base/check.h"
#include "common/codec/json_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_BYTES_MAX ((size_t)64 * 1024)
#define LIST_BYTES_MAX ((size_t)512 * 1024 * 1024)
#define SIDES 2
static const char *const SIDE_NAMES[SIDES] = {"live", "shadow"};

struct printer {
    struct replay *replay;
    struct buf line;
    struct buf list; /* JSON: the rows come after what is known only in the end */
    int64_t listed;
};

/* ---- one row ------------------------------------------------------------------------------- */

static void json_side(struct buf *line, const char *name, const struct compared_row *row)
{
    json_name(line, name);
    if (row == NULL) {
        buf_text(line, "null");
        return;
    }
    buf_byte(line, '{');
    json_member_number_or_null(line, "quantity", row->has_number, row->number);
    if (row->source.length > 0)
        json_member_text(line, "source", row->source);
    buf_byte(line, '}');
}

static void json_pair(struct buf *line, const struct compared_pair *pair)
{
    const struct compared_row *any = pair->any;
    const char *part = pair->what == COMPARED_READINGS ? "source" : "shop";
    buf_byte(line, '{');
    json_member_text(line, "table", span_from(compared_name(pair->what)));
    json_member_text(line, "sku", any->sku);
    json_member_text(line, "location", any->location);
    if (pair->what != COMPARED_LEVELS)
        json_member_text(line, part, any->part);
    json_member_text(line, "reason", span_from(difference_name(pair->difference)));
    for (int side = 0; side < SIDES; side++)
        json_side(line, SIDE_NAMES[side], pair->rows[side]);
    buf_byte(line, '}');
}

static void text_side(const struct compared_row *row, char room[64])
{
    if (row == NULL)
        (void)snprintf(room, 64, "-");
    else if (!row->has_number)
        (void)snprintf(room, 64, "undecided");
    else
        (void)snprintf(room, 64, "%" PRId64 "%s%.*s", row->number,
                       row->source.length > 0 ? " " : "", SPAN_ARGS(row->source));
}

static void print_pair(const struct printer *printer, const struct compared_pair *pair)
{
    const struct compared_row *any = pair->any;
    char sides[SIDES][64];
    for (int side = 0; side < SIDES; side++)
        text_side(pair->rows[side], sides[side]);
    if (printer->listed == 1)
        printf("%-8s %-24s %-10s %-10s %18s %18s %s\n", "TABLE", "SKU", "LOCATION", "OF",
               "LIVE", "SHADOW", "REASON");
    printf("%-8s %-24.*s %-10.*s %-10.*s %18s %18s %s\n", compared_name(pair->what),
           SPAN_ARGS(any->sku), SPAN_ARGS(any->location), SPAN_ARGS(any->part), sides[0],
           sides[1], difference_name(pair->difference));
}

static enum status each_pair(void *self, const struct compared_pair *pair,
                             struct error *error)
{
    struct printer *printer = self;
    if (printer->listed == printer->replay->flags->limit)
        return STATUS_OK;
    printer->listed++;
    if (printer->replay->output == OUTPUT_TABLE) {
        print_pair(printer, pair);
        return STATUS_OK;
    }
    buf_clear(&printer->line);
    json_pair(&printer->line, pair);
    if (printer->replay->output == OUTPUT_JSONL) {
        printf("%s\n", printer->line.bytes);
    } else {
        buf_text(&printer->list, printer->listed > 1 ? "," : "");
        buf_span(&printer->list, buf_view(&printer->line));
    }
    if (printer->line.failed || printer->list.failed)
        return error_set(error, STATUS_FATAL,
                         "replay: too many differences to list; --limit takes fewer");
    return STATUS_OK;
}

/* ---- the sum of it ------------------------------------------------------------------------------ */

/* Pairs that push is to decide are no difference. */
static bool is_equal(const struct comparison *comparison)
{
    return comparison->differences == 0 && comparison->behind == 0;
}

static void json_table(struct buf *line, const struct comparison *comparison,
                       enum compared what)
{
    const struct compared_table *table = &comparison->tables[what];
    json_name(line, compared_name(what));
    buf_byte(line, '{');
    for (int side = 0; side < SIDES; side++) {
        json_name(line, SIDE_NAMES[side]);
        buf_byte(line, '{');
        json_member_number(line, "rows", table->rows[side]);
        json_member_text(line, "digest", span_from(table->digests[side]));
        buf_byte(line, '}');
    }
    json_name(line, "differences");
    buf_byte(line, '{');
    for (int difference = 0; difference < DIFFERENCE_COUNT; difference++)
        json_member_number(line, difference_name((enum difference)difference),
                           table->differences[difference]);
    buf_text(line, "}}");
}

static void json_bool(struct buf *line, const char *name, bool value)
{
    json_name(line, name);
    buf_text(line, value ? "true" : "false");
}

static void json_summary(struct printer *printer, const struct shadow_facts *facts,
                         const struct replay_reach *reach,
                         const struct comparison *comparison)
{
    struct buf *line = &printer->line;
    buf_clear(line);
    buf_byte(line, '{');
    json_member_text(line, "shadow", span_from(printer->replay->flags->name));
    json_member_text(line, "schema", span_from(printer->replay->shadow_schema));
    json_member_text(line, "choice", span_from(facts->choice));
    json_bool(line, "whole", facts->whole);
    json_member_text(line, "why_not_whole", span_from(facts->why_not));
    json_member_text(line, "contract", span_from(facts->digest));
    json_member_time(line, "made_at", facts->made_at_us);
    json_bool(line, "promoted", facts->promoted);
    json_member_number(line, "records_judged", reach->read);
    json_member_number(line, "records_left", reach->left);
    json_member_number(line, "records_behind", comparison->behind);
    json_bool(line, "equal", is_equal(comparison));
    json_member_number(line, "differences", comparison->differences);
    for (int what = 0; what < COMPARED_COUNT; what++)
        json_table(line, comparison, (enum compared)what);
    if (printer->replay->output == OUTPUT_JSON) {
        json_name(line, "rows");
        buf_byte(line, '[');
        buf_byte(line, ']');
        line->length -= 1; /* the list goes between */
        line->bytes[line->length] = '\0';
        printf("%s%s]}\n", line->bytes,
               printer->list.length > 0 ? printer->list.bytes : "");
    } else {
        printf("%s}\n", line->bytes);
    }
}

static void print_table_summary(const struct comparison *comparison, enum compared what)
{
    const struct compared_table *table = &comparison->tables[what];
    bool same = strcmp(table->digests[0], table->digests[1]) == 0;
    printf("%-9s %10" PRId64 " live %10" PRId64 " shadow  digest %.16s %s %.16s\n",
           compared_name(what), table->rows[0], table->rows[1], table->digests[0],
           same ? "=" : "<>", table->digests[1]);
    for (int difference = 0; difference < DIFFERENCE_COUNT; difference++)
        if (table->differences[difference] > 0)
            printf("          %10" PRId64 " %s: %s\n", table->differences[difference],
                   difference_name((enum difference)difference),
                   difference_why((enum difference)difference));
}

static void print_summary(const struct replay *replay, const struct shadow_facts *facts,
                          const struct replay_reach *reach,
                          const struct comparison *comparison)
{
    printf("shadow %s in schema %s: %s, contract %.12s\n", replay->flags->name,
           replay->shadow_schema, facts->choice[0] != '\0' ? facts->choice : "everything",
           facts->digest);
    if (!facts->whole)
        printf("not whole: %s\n", facts->why_not);
    if (facts->promoted)
        puts("it took the live state's place");
    printf("%" PRId64 " records judged, %" PRId64 " left, %" PRId64
           " apart from the live state\n",
           reach->read, reach->left, comparison->behind);
    for (int what = 0; what < COMPARED_COUNT; what++)
        print_table_summary(comparison, (enum compared)what);
    puts(is_equal(comparison) ? "equal" : "not equal");
}

static enum status judge(const struct comparison *comparison, struct error *error)
{
    if (is_equal(comparison))
        return STATUS_OK;
    return replay_refuse(error, EXIT_FOUND, "the shadow and the live state differ");
}

static enum status print_all(struct printer *printer, const struct shadow_facts *facts,
                             struct error *error)
{
    struct replay *replay = printer->replay;
    struct comparison comparison;
    struct replay_reach reach = {0};
    const struct comparison_visitor visitor = {.each = each_pair, .self = printer};
    enum status status = replay_look(replay, &reach, error);
    if (status == STATUS_OK)
        status = replay_compare(replay, &visitor, &comparison, error);
    if (status != STATUS_OK)
        return status;
    if (replay->output == OUTPUT_TABLE)
        print_summary(replay, facts, &reach, &comparison);
    else
        json_summary(printer, facts, &reach, &comparison);
    return judge(&comparison, error);
}

enum status replay_status_verb(struct replay *replay, struct error *error)
{
    struct shadow_facts facts;
    struct printer printer = {.replay = replay};
    enum status status = replay_find(replay, &facts, error);
    if (status != STATUS_OK)
        return status;
    if (facts.sku[0] !=
        '\0') /* the rest of the live state is nothing to hold it against */
        replay->choice.sku = span_from(facts.sku);
    buf_init(&printer.line, LINE_BYTES_MAX);
    buf_init(&printer.list, LIST_BYTES_MAX);
    status = print_all(&printer, &facts, error);
    buf_free(&printer.line);
    buf_free(&printer.list);
    return status;
}
