#include "common/base/scope.h"
#include "common/codec/json_text.h"
#include "common/codec/printable.h"
#include "workers/dead_letters/letters_retry.h"

#include <inttypes.h>
#include <stdio.h>

#define LINE_BYTES_MAX ((size_t)64 * 1024)

static const char *done_word(const struct retrying *retrying, const struct retried *row)
{
    if (!row->rule->is_sent)
        return "not sent";
    return retrying->self->flags->dry_run ? "would be sent" : "sent";
}

static void print_json(const struct retrying *retrying, const struct retried *row,
                       bool first)
{
    SCOPED(buf_free) struct buf line = {0};
    const struct letter *letter = &row->attempt.letter;
    char place[48];
    buf_init(&line, LINE_BYTES_MAX);
    (void)snprintf(place, sizeof(place), "%" PRId32 ":%" PRId64, letter->partition,
                   letter->offset);
    buf_byte(&line, '{');
    json_member_text(&line, "letter", span_from(place));
    json_name(&line, "sent");
    buf_text(&line, row->number > 0 ? "true" : "false");
    json_member_text(&line, "outcome", span_from(done_word(retrying, row)));
    json_member_text(&line, "rule", span_from(row->rule->id));
    json_member_text(&line, "expected", span_from(letters_expected(&row->attempt)));
    json_member_text(&line, "reason",
                     span_from(letters_is_refused(&row->attempt)
                                   ? reason_code(row->attempt.verdict.reason)
                                   : NULL));
    json_member_text(
        &line, "field",
        span_from(row->attempt.detail[0] != '\0' ? row->attempt.detail : NULL));
    json_member_text(&line, "sku",
                     row->attempt.reason == REASON_NONE ? row->attempt.event.sku
                                                        : (struct span){0});
    json_name(&line, "edited");
    buf_text(&line, row->attempt.is_edited ? "true" : "false");
    json_member_number_or_null(&line, "attempt", row->number > 0, row->number);
    buf_byte(&line, '}');
    printf("%s%s\n", retrying->self->output == OUTPUT_JSON && !first ? "," : "",
           line.failed ? "{}" : line.bytes);
}

static void print_row(const struct retrying *retrying, const struct retried *row)
{
    SCOPED(buf_free) struct buf line = {0};
    const struct letters_attempt *attempt = &row->attempt;
    buf_init(&line, LINE_BYTES_MAX);
    buf_format(&line, "%" PRId32 ":%" PRId64 " %s", attempt->letter.partition,
               attempt->letter.offset, done_word(retrying, row));
    if (attempt->is_edited)
        buf_text(&line, ", edited");
    if (letters_is_refused(attempt))
        buf_format(&line, ": refused as %s%s%s", reason_code(attempt->verdict.reason),
                   attempt->detail[0] != '\0' ? " in " : "", attempt->detail);
    else
        buf_format(&line, ": %s", letters_expected(attempt));
    if (attempt->reason == REASON_NONE) {
        buf_byte(&line, ' ');
        printable_add(&line, attempt->event.sku, 60);
    }
    if (!row->rule->is_sent)
        buf_format(&line, "; %s: %s", row->rule->id, row->rule->why);
    puts(line.failed ? "" : line.bytes);
}

void retrying_print(const struct retrying *retrying)
{
    enum output output = retrying->self->output;
    if (output == OUTPUT_JSON)
        puts("[");
    for (size_t at = 0; at < retrying->count; at++)
        if (output == OUTPUT_TABLE)
            print_row(retrying, &retrying->rows[at]);
        else
            print_json(retrying, &retrying->rows[at], at == 0);
    if (output == OUTPUT_JSON)
        puts("]");
    if (output != OUTPUT_TABLE)
        return;
    printf("%zu of %zu letters %s", retrying->to_send, retrying->count,
           retrying->self->flags->dry_run ? "would be sent again" : "were sent again");
    if (retrying->left_out > 0)
        printf("; %zu that were sent before are left out", retrying->left_out);
    putchar('\n');
}
