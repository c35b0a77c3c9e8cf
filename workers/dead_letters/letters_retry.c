/*
 * Sending letters again: chosen, edited, judged as apply would judge them, and only then
 * written down and sent, in the order in which they were refused.
 */
#include "workers/dead_letters/letters_retry.h"
#include "common/base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define VALUE_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define HEADERS_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define BY_BYTES_MAX 200
#define WHY_BYTES_MAX 2000

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_FATAL, "dead-letters: out of memory");
}

/* ---- may it be asked like this? -------------------------------------------------------------- */

static bool is_plain(struct span text, size_t least, size_t most)
{
    if (text.length < least || text.length > most)
        return false;
    for (size_t at = 0; at < text.length; at++)
        if ((unsigned char)text.bytes[at] < 0x20 || text.bytes[at] == 0x7f)
            return false;
    return true;
}

static bool edits(const struct letters_flags *flags)
{
    return flags->edit || flags->value_file != NULL || flags->set.count > 0;
}

static enum status check_edit(const struct letters *self, struct error *error)
{
    const struct letters_flags *flags = self->flags;
    if ((flags->edit || flags->value_file != NULL) && self->named_count != 1)
        return error_usage(error,
                           "--edit and --value-file are for one letter: name it by "
                           "PARTITION:OFFSET");
    if (edits(flags) && flags->why == NULL)
        return error_usage(
            error, "an edited letter is another event than its producer sent: say why "
                   "with --why");
    return STATUS_OK;
}

static enum status check_asked(struct retrying *retrying, struct error *error)
{
    const struct letters *self = retrying->self;
    const struct letters_flags *flags = self->flags;
    retrying->by = span_from(flags->by != NULL ? flags->by : self->login);
    retrying->why = span_from(flags->why != NULL ? flags->why : "");
    if (self->named_count == 0 && !letters_is_filtered(flags))
        return error_usage(
            error, "say which: PARTITION:OFFSET, or --reason CODE and other filters");
    if (!is_plain(retrying->by, 1, BY_BYTES_MAX) ||
        !is_plain(retrying->why, 0, WHY_BYTES_MAX))
        return error_usage(
            error, "--by (200 bytes) and --why (2000) are one line each, without control "
                   "characters");
    if (self->contract == NULL)
        return error_refuse(
            error, EXIT_CONFIG,
            "a retry is judged first: --contract (PARSTOCK_CONTRACT) says by what");
    if (self->postgres == NULL && !flags->dry_run)
        return error_refuse(
            error, EXIT_CONFIG,
            "who sent what again is written down: --postgres (PARSTOCK_POSTGRES) "
            "says where; without it there is only --dry-run");
    return check_edit(self, error);
}

/* ---- taking them in -------------------------------------------------------------------------- */

static enum status keep_span(struct retrying *retrying, struct span *text,
                             struct error *error)
{
    if (text->bytes == NULL)
        return STATUS_OK;
    *text = pool_span(&retrying->pool, *text);
    if (text->bytes != NULL)
        return STATUS_OK;
    return error_usage(
        error, "the letters that fit are more than 512 MiB: narrow it, e.g. by --since "
               "or --source");
}

/* The received headers are the front part of all: kept once. */
static enum status keep_letter(struct retrying *retrying, struct letter *letter,
                               struct error *error)
{
    struct span *texts[] = {&letter->key,    &letter->value,   &letter->headers,
                            &letter->reason, &letter->message, &letter->topic};
    size_t received = letter->received.length;
    enum status status = STATUS_OK;
    for (size_t at = 0; at < COUNT_OF(texts) && status == STATUS_OK; at++)
        status = keep_span(retrying, texts[at], error);
    letter->received = (struct span){letter->headers.bytes, received};
    letter->retry_of = (struct span){0};
    return status;
}

static enum status take(void *self, const struct letter *letter,
                        const struct letter_facts *facts, struct error *error)
{
    (void)facts;
    struct retrying *retrying = self;
    bool was_sent = letters_is_retried(retrying->self, letter);
    if (retrying->self->named_count == 0 && was_sent && !retrying->self->flags->all) {
        retrying->left_out++;
        return STATUS_OK;
    }
    if (retrying->count == LETTERS_MAX)
        return error_usage(error,
                           "more than 100000 letters fit: narrow it, e.g. by --since");
    struct letters_attempt *attempt = &retrying->attempts[retrying->count];
    *attempt = (struct letters_attempt){.letter = *letter};
    enum status status = keep_letter(retrying, &attempt->letter, error);
    attempt->value = attempt->letter.value;
    retrying->count += status == STATUS_OK;
    return status;
}

static int in_order(const void *left, const void *right)
{
    const struct letter *a = &((const struct letters_attempt *)left)->letter;
    const struct letter *b = &((const struct letters_attempt *)right)->letter;
    if (a->origin_partition != b->origin_partition)
        return a->origin_partition < b->origin_partition ? -1 : 1;
    if (a->origin_offset != b->origin_offset)
        return a->origin_offset < b->origin_offset ? -1 : 1;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

static enum status check_found(const struct retrying *retrying, struct error *error)
{
    const struct letters *self = retrying->self;
    for (size_t at = 0; at < self->named_count; at++) {
        size_t found = 0;
        while (found < retrying->count &&
               (retrying->attempts[found].letter.partition != self->named[at].partition ||
                retrying->attempts[found].letter.offset != self->named[at].offset))
            found++;
        if (found < retrying->count)
            continue;
        (void)error_set(error, STATUS_REJECT,
                        "there is no dead letter at %" PRId32 ":%" PRId64
                        "; nothing was sent",
                        self->named[at].partition, self->named[at].offset);
        return error_exit(error, EXIT_DATA);
    }
    return STATUS_OK;
}

static enum status edit_all(struct retrying *retrying, struct error *error)
{
    enum status status = STATUS_OK;
    if (!edits(retrying->self->flags))
        return STATUS_OK;
    for (size_t at = 0; at < retrying->count && status == STATUS_OK; at++) {
        struct letters_attempt *attempt = &retrying->attempts[at];
        status = letters_edit(retrying->self, &attempt->letter, &retrying->value,
                              &attempt->is_edited, error);
        if (status != STATUS_OK || !attempt->is_edited)
            continue;
        attempt->value = pool_buf(&retrying->pool, &retrying->value);
        if (attempt->value.bytes == NULL)
            return out_of_memory(error);
    }
    return status;
}

/* ---- which of them --------------------------------------------------------------------------- */

static void choose(struct retrying *retrying)
{
    const struct letters *self = retrying->self;
    for (size_t at = 0; at < retrying->count; at++) {
        struct retried *row = &retrying->rows[at];
        row->attempt = retrying->attempts[at];
        const struct letter_case of = {
            .is_of_events = span_is(row->attempt.letter.topic, self->events_topic),
            .was_sent = letters_is_retried(self, &row->attempt.letter),
            .would_be_refused = letters_is_refused(&row->attempt),
            .is_forced = self->flags->force};
        row->rule = letter_rule(&of);
        retrying->to_send += row->rule->is_sent ? 1 : 0;
        retrying->refused += row->rule->is_sent ? 0 : 1;
    }
}

/* By the name of a shop, as other commands that may change many levels ask for it. */
static enum status check_confirmed(const struct retrying *retrying, struct error *error)
{
    const struct letters *self = retrying->self;
    const struct contract *contract = self->contract;
    const char *given = self->flags->confirm;
    if (retrying->to_send <= LETTERS_FEW ||
        (given != NULL &&
         (contract_shop(contract, span_from(given)) >= 0 ||
          (self->flags->reason != NULL && strcmp(given, self->flags->reason) == 0))))
        return STATUS_OK;
    struct span name = contract->shop_count > 0 ? contract->shops[0].name
                                                : span_from(self->flags->reason);
    (void)error_set(error, STATUS_REJECT,
                    "%zu letters would be sent again and may change as many levels; "
                    "--dry-run shows them; if it is meant: --confirm '%.*s'",
                    retrying->to_send, SPAN_ARGS(name));
    return error_exit(error, EXIT_NOT_ALLOWED);
}

/* ---- all of it --------------------------------------------------------------------------------- */

static enum status judge_end(const struct retrying *retrying, struct error *error)
{
    bool is_named = retrying->self->named_count > 0;
    bool any_sent_before = false;
    if (retrying->refused == 0)
        return STATUS_OK;
    for (size_t at = 0; at < retrying->count; at++)
        if (strcmp(retrying->rows[at].rule->id, "sent_before") == 0)
            any_sent_before = true;
    (void)error_set(error, STATUS_REJECT, "%zu of %zu letters %s not sent",
                    retrying->refused, retrying->count,
                    retrying->self->flags->dry_run ? "would be" : "were");
    if (!is_named)
        return error_exit(error, EXIT_FOUND);
    return error_exit(error, any_sent_before ? EXIT_NOT_ALLOWED : EXIT_DATA);
}

static enum status prepare(struct retrying *retrying, struct error *error)
{
    const struct letters_visitor visitor = {.each = take, .self = retrying};
    enum status status = letters_read(retrying->self, &visitor, error);
    if (status == STATUS_OK)
        status = check_found(retrying, error);
    if (status != STATUS_OK)
        return status;
    if (retrying->count > 0)
        qsort(retrying->attempts, retrying->count, sizeof(*retrying->attempts), in_order);
    status = edit_all(retrying, error);
    if (status == STATUS_OK)
        status = letters_judge(retrying->self, retrying->attempts, retrying->count,
                               &retrying->pool, error);
    if (status != STATUS_OK)
        return status;
    retrying->rows = calloc(retrying->count + 1, sizeof(*retrying->rows));
    if (retrying->rows == NULL)
        return out_of_memory(error);
    choose(retrying);
    return STATUS_OK;
}

static enum status retry(struct retrying *retrying, struct error *error)
{
    enum status status = prepare(retrying, error);
    if (status == STATUS_OK && !retrying->self->flags->dry_run) {
        status = check_confirmed(retrying, error);
        if (status == STATUS_OK)
            status = retrying_send(retrying, error);
    }
    if (status != STATUS_OK)
        return status;
    retrying_print(retrying);
    return judge_end(retrying, error);
}

enum status letters_retry(struct letters *self, struct error *error)
{
    struct retrying retrying = {.self = self};
    enum status status = check_asked(&retrying, error);
    if (status != STATUS_OK)
        return status;
    pool_init(&retrying.pool, LETTERS_BYTES_MAX);
    buf_init(&retrying.value, VALUE_BYTES_MAX);
    buf_init(&retrying.headers, HEADERS_BYTES_MAX);
    retrying.attempts = calloc(LETTERS_MAX, sizeof(*retrying.attempts));
    status = retrying.attempts != NULL ? retry(&retrying, error) : out_of_memory(error);
    free(retrying.attempts);
    free(retrying.rows);
    buf_free(&retrying.value);
    buf_free(&retrying.headers);
    pool_free(&retrying.pool);
    return status;
}
