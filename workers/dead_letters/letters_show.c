#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/headers.h"
#include "common/codec/json_text.h"
#include "common/codec/printable.h"
#include "common/codec/rfc3339.h"
#include "common/codec/utf8.h"
#include "workers/dead_letters/letters.h"

#include <inttypes.h>
#include <stdio.h>

#define LINE_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define VALUE_SHOWN_MAX 100000 /* characters of a value on a terminal */
#define TEXT_SHOWN_MAX 2000

struct showing {
    struct letters *self;
    struct pool pool;
    struct buf line;
    bool found;
    size_t tries;
};

/* ---- what would become of it now ------------------------------------------------------------ */

static enum status judge_now(struct showing *showing, const struct letter *letter,
                             struct letters_attempt *attempt, struct error *error)
{
    *attempt = (struct letters_attempt){.letter = *letter, .value = letter->value};
    if (showing->self->contract == NULL)
        return STATUS_OK;
    return letters_judge(showing->self, attempt, 1, &showing->pool, error);
}

/* ---- table ----------------------------------------------------------------------------------- */

static void print_field(struct showing *showing, const char *name, struct span text,
                        size_t most)
{
    struct buf *line = &showing->line;
    if (text.bytes == NULL)
        return;
    buf_clear(line);
    printable_add(line, text, most);
    printf("%-12s %s\n", name, line->failed ? "(too long to show)" : line->bytes);
}

static void print_headers(struct showing *showing, const struct letter *letter)
{
    struct span left = letter->headers;
    struct span name;
    struct span value;
    puts("headers");
    while (headers_next(&left, &name, &value)) {
        struct buf *line = &showing->line;
        buf_clear(line);
        printable_add(line, name, TEXT_SHOWN_MAX);
        buf_text(line, value.bytes != NULL ? ": " : ": (null)");
        printable_add(line, value, TEXT_SHOWN_MAX);
        printf("  %s\n", line->failed ? "(too long to show)" : line->bytes);
    }
}

static void print_value(struct showing *showing, const struct letter *letter)
{
    struct buf *line = &showing->line;
    buf_clear(line);
    printable_add(line, letter->value, VALUE_SHOWN_MAX);
    if (letter->value.bytes == NULL)
        puts("value        (null: a tombstone)");
    else
        printf("value        %zu bytes\n%s\n", letter->value.length,
               line->failed ? "(too long to show)" : line->bytes);
}

static void print_now(const struct letters_attempt *attempt)
{
    if (!attempt->is_judged)
        return;
    const struct rule *rule = judge_rule_by_number(attempt->verdict.rule);
    printf("%-12s %s (%s)", "sent now", letters_expected(attempt), rule->id);
    if (attempt->reason != REASON_NONE)
        printf(": %s%s%s", reason_code(attempt->reason),
               attempt->detail[0] != '\0' ? " in " : "", attempt->detail);
    putchar('\n');
}

static void print_letter(struct showing *showing, const struct letter *letter,
                         const struct letter_facts *facts,
                         const struct letters_attempt *attempt)
{
    char text[RFC3339_TEXT_MAX];
    char place[48];
    rfc3339_format(letter->timestamp_ms * 1000, text);
    (void)snprintf(place, sizeof(place), "%" PRId32 ":%" PRId64, letter->partition,
                   letter->offset);
    print_field(showing, "letter", span_from(place), TEXT_SHOWN_MAX);
    print_field(showing, "refused at", span_from(text), TEXT_SHOWN_MAX);
    print_field(showing, "reason", letter->reason, TEXT_SHOWN_MAX);
    print_field(showing, "what", letter->message, TEXT_SHOWN_MAX);
    print_field(showing, "remedy", span_from(letters_remedy(letter->reason)),
                TEXT_SHOWN_MAX);
    print_field(showing, "topic", letter->topic, TEXT_SHOWN_MAX);
    printf("%-12s partition %" PRId64 ", offset %" PRId64 "\n", "lay on",
           letter->origin_partition, letter->origin_offset);
    print_field(showing, "retry of", letter->retry_of, TEXT_SHOWN_MAX);
    print_field(showing, "source", facts->source, TEXT_SHOWN_MAX);
    print_field(showing, "SKU or key", facts->sku, TEXT_SHOWN_MAX);
    print_now(attempt);
    print_field(showing, "key", letter->key, TEXT_SHOWN_MAX);
    print_headers(showing, letter);
    print_value(showing, letter);
}

static enum status print_try(void *self, const struct letter_retry_view *view,
                             struct error *error)
{
    (void)error;
    struct showing *showing = self;
    struct buf *line = &showing->line;
    char at[RFC3339_TEXT_MAX];
    rfc3339_format(view->at_us, at);
    buf_clear(line);
    buf_format(line, "%s, try %" PRId64 " at %s by ",
               span_is(view->state, "sent") ? "sent again" : "was to be sent again",
               view->attempt, at);
    printable_add(line, view->actor, TEXT_SHOWN_MAX);
    buf_text(line, view->is_edited ? ", edited" : ", as it was");
    if (view->why.length > 0)
        buf_text(line, ": ");
    printable_add(line, view->why, TEXT_SHOWN_MAX);
    puts(line->failed ? "(too long to show)" : line->bytes);
    return STATUS_OK;
}

/* ---- JSON -------------------------------------------------------------------------------------- */

static void add_headers(struct buf *line, const struct letter *letter)
{
    struct span left = letter->headers;
    struct span name;
    struct span value;
    bool first = true;
    json_name(line, "headers");
    buf_byte(line, '[');
    while (headers_next(&left, &name, &value)) {
        buf_text(line, first ? "{" : ",{");
        json_member_text_lossy(line, "name", name);
        json_member_text_lossy(line, "value", value);
        buf_byte(line, '}');
        first = false;
    }
    buf_byte(line, ']');
}

/* Text where it is one; the bytes in any case, so that nothing is guessed. */
static void add_value(struct buf *line, struct span value)
{
    bool is_text = value.bytes != NULL && utf8_valid(value);
    json_member_text(line, "value", is_text ? value : (struct span){0});
    json_name(line, "value_hex");
    if (value.bytes == NULL) {
        buf_text(line, "null");
        return;
    }
    buf_byte(line, '"');
    hex_add(line, value);
    buf_byte(line, '"');
}

static void add_now(struct buf *line, const struct letters_attempt *attempt)
{
    json_name(line, "now");
    if (!attempt->is_judged) {
        buf_text(line, "null");
        return;
    }
    buf_byte(line, '{');
    json_member_text(line, "outcome", span_from(letters_expected(attempt)));
    json_member_text(line, "rule",
                     span_from(judge_rule_by_number(attempt->verdict.rule)->id));
    json_member_text(line, "reason",
                     span_from(attempt->verdict.reason != REASON_NONE
                                   ? reason_code(attempt->verdict.reason)
                                   : NULL));
    json_member_text(line, "field",
                     span_from(attempt->detail[0] != '\0' ? attempt->detail : NULL));
    buf_byte(line, '}');
}

static enum status add_try(void *self, const struct letter_retry_view *view,
                           struct error *error)
{
    (void)error;
    struct showing *showing = self;
    struct buf *line = &showing->line;
    buf_text(line, showing->tries++ > 0 ? ",{" : "{");
    json_member_number(line, "attempt", view->attempt);
    json_member_time(line, "at", view->at_us);
    json_member_text(line, "by", view->actor);
    json_member_text(line, "why", view->why);
    json_name(line, "edited");
    buf_text(line, view->is_edited ? "true" : "false");
    json_member_text(line, "state", view->state);
    json_member_text(line, "expected", view->expected);
    json_member_text(line, "digest_received", view->digest_received);
    json_member_text(line, "digest_sent", view->digest_sent);
    buf_byte(line, '}');
    return STATUS_OK;
}

/* ---- one letter -------------------------------------------------------------------------------- */

static enum status show_tries(struct showing *showing, const struct letter *letter,
                              struct error *error)
{
    bool table = showing->self->output == OUTPUT_TABLE;
    const struct letter_ref ref = {letter->partition, letter->offset};
    const struct letter_retry_visitor visitor = {.each = table ? print_try : add_try,
                                                 .self = showing};
    if (showing->self->postgres == NULL)
        return STATUS_OK;
    return store_letters_tries(showing->self->postgres, span_from(showing->self->topic),
                               ref, &visitor, error);
}

static enum status show_json(struct showing *showing, const struct letter *letter,
                             const struct letter_facts *facts,
                             const struct letters_attempt *attempt, struct error *error)
{
    struct buf *line = &showing->line;
    buf_clear(line);
    buf_byte(line, '{');
    letters_json_members(showing->self, letter, facts, line);
    add_headers(line, letter);
    add_value(line, letter->value);
    add_now(line, attempt);
    json_name(line, "tries");
    buf_byte(line, '[');
    enum status status = show_tries(showing, letter, error);
    buf_text(line, "]}");
    if (status == STATUS_OK && line->failed)
        return error_set(error, STATUS_FATAL, "dead-letters: out of memory");
    if (status == STATUS_OK)
        puts(line->bytes);
    return status;
}

/* Judging decodes anew, and the facts lie in the decoder's room. */
static bool keep_facts(struct pool *pool, const struct letter_facts *facts,
                       struct letter_facts *own)
{
    const struct span *from[] = {&facts->type, &facts->source, &facts->sku,
                                 &facts->location, &facts->event_id};
    struct span *into[] = {&own->type, &own->source, &own->sku, &own->location,
                           &own->event_id};
    for (size_t at = 0; at < COUNT_OF(from); at++) {
        *into[at] = *from[at];
        if (from[at]->bytes == NULL)
            continue;
        *into[at] = pool_span(pool, *from[at]);
        if (into[at]->bytes == NULL)
            return false;
    }
    return true;
}

static enum status show_one(void *self, const struct letter *letter,
                            const struct letter_facts *facts, struct error *error)
{
    struct showing *showing = self;
    struct letters_attempt attempt;
    struct letter_facts own;
    if (!keep_facts(&showing->pool, facts, &own))
        return error_set(error, STATUS_FATAL, "dead-letters: out of memory");
    showing->found = true;
    enum status status = judge_now(showing, letter, &attempt, error);
    if (status != STATUS_OK)
        return status;
    if (showing->self->output != OUTPUT_TABLE)
        return show_json(showing, letter, &own, &attempt, error);
    print_letter(showing, letter, &own, &attempt);
    return show_tries(showing, letter, error);
}

enum status letters_show(struct letters *self, struct error *error)
{
    struct showing showing = {.self = self};
    const struct letters_visitor visitor = {.each = show_one, .self = &showing};
    pool_init(&showing.pool, LETTERS_BYTES_MAX);
    buf_init(&showing.line, LINE_BYTES_MAX);
    enum status status = letters_read(self, &visitor, error);
    buf_free(&showing.line);
    pool_free(&showing.pool);
    if (status != STATUS_OK || showing.found)
        return status;
    (void)error_set(error, STATUS_REJECT,
                    "there is no dead letter at %" PRId32 ":%" PRId64
                    "; 'parstock dead-letters list --all' names those there are",
                    self->named[0].partition, self->named[0].offset);
    return error_exit(error, EXIT_FOUND);
}
