#include "workers/dead_letters/letters.h"

#include "common/base/check.h"
#include "common/codec/sku_unicode.h"
#include "common/domain/reason.h"
#include "common/runtime/moment.h"
#include "common/runtime/suggest.h"

#define WAIT_MAX_S 3600

bool letters_is_filtered(const struct letters_flags *flags)
{
    return flags->reason != NULL || flags->source != NULL || flags->sku != NULL ||
           flags->since != NULL || flags->until != NULL;
}

/* ---- places ------------------------------------------------------------------------------ */

/* "3:17": partition and offset on the topic of dead letters. */
static bool parse_place(const char *word, struct letter_ref *ref_out)
{
    const char *colon = strchr(word, ':');
    int64_t partition = 0;
    if (colon == NULL ||
        !span_to_int64((struct span){word, (size_t)(colon - word)}, &partition) ||
        !span_to_int64(span_from(colon + 1), &ref_out->offset))
        return false;
    ref_out->partition = (int32_t)partition;
    return partition >= 0 && partition < KAFKA_TAIL_PARTITIONS_MAX &&
           ref_out->offset >= 0 && ref_out->offset < INT64_MAX;
}

static enum status take_places(struct letters *self, int count, char **words,
                               struct error *error)
{
    for (int at = 0; at < count; at++) {
        if (parse_place(words[at], &self->named[self->named_count])) {
            self->named_count++;
            continue;
        }
        (void)error_set(
            error, STATUS_REJECT,
            "'%.60s' is no place of a letter: say PARTITION:OFFSET as 'parstock "
            "dead-letters list' prints it, e.g. 3:17",
            words[at]);
        return error_exit(error, EXIT_USAGE);
    }
    return STATUS_OK;
}

/* ---- flags ------------------------------------------------------------------------------- */

static enum status take_reason(struct letters *self, struct error *error)
{
    const char *word = self->flags->reason;
    struct suggestion suggestion;
    self->filter.reason = span_from(word);
    if (word == NULL)
        return STATUS_OK;
    suggest_begin(&suggestion, word);
    for (int at = REASON_NONE + 1; at < REASON_COUNT; at++) {
        if (strcmp(word, reason_code((enum reason)at)) == 0)
            return STATUS_OK;
        suggest_offer(&suggestion, reason_code((enum reason)at));
    }
    (void)error_set(error, STATUS_REJECT,
                    "--reason: no event is refused as '%.60s'%s%s%s", word,
                    suggestion.best != NULL ? "; did you mean " : "",
                    suggestion.best != NULL ? suggestion.best : "",
                    suggestion.best != NULL ? "?" : "");
    return error_exit(error, EXIT_USAGE);
}

static enum status take_moments(struct letters *self, struct error *error)
{
    const struct letters_flags *flags = self->flags;
    struct letters_filter *filter = &self->filter;
    filter->has_since = flags->since != NULL;
    filter->has_until = flags->until != NULL;
    if (flags->since != NULL && !moment_parse(flags->since, &filter->since_us))
        return error_usage(error, "--since: " MOMENT_HELP);
    if (flags->until != NULL && !moment_parse(flags->until, &filter->until_us))
        return error_usage(error, "--until: " MOMENT_HELP);
    if (filter->has_since && filter->has_until && filter->until_us <= filter->since_us)
        return error_usage(error, "--until is not after --since");
    return STATUS_OK;
}

static enum status take_sku(struct letters *self, struct error *error)
{
    if (self->flags->sku == NULL)
        return STATUS_OK;
    enum reason reason = sku_normalise_kept(span_from(self->flags->sku), self->sku_steps,
                                            &self->scratch, &self->filter.sku);
    if (reason == REASON_NONE)
        return STATUS_OK;
    (void)error_set(error, STATUS_REJECT, "--sku: %s: %s", reason_code(reason),
                    reason_remedy(reason));
    return error_exit(error, EXIT_DATA);
}

static enum status check_numbers(const struct letters_flags *flags, struct error *error)
{
    if (flags->limit < 1 || flags->limit > LETTERS_MAX)
        return error_usage(error, "--limit is from 1 to 100000");
    if (flags->wait < 1 || flags->wait > WAIT_MAX_S)
        return error_usage(error, "--wait is from 1 to 3600 seconds");
    return STATUS_OK;
}

enum status letters_filter(struct letters *self, int count, char **words,
                           struct error *error)
{
    self->filter.source = span_from(self->flags->source);
    if (count > 0 && letters_is_filtered(self->flags))
        return error_usage(error, "name letters or use filters, not both");
    enum status status = check_numbers(self->flags, error);
    if (status == STATUS_OK)
        status = take_places(self, count, words, error);
    if (status == STATUS_OK)
        status = take_reason(self, error);
    if (status == STATUS_OK)
        status = take_moments(self, error);
    return status == STATUS_OK ? take_sku(self, error) : status;
}
