#include "common/base/scope.h"
#include "workers/dead_letters/letters_retry.h"

#define FINISH_WAIT_MS 65000 /* past message.timeout.ms: every record has its answer */
#define PAGE 500             /* letters written down in one transaction */

struct digests {
    char received[DIGEST_HEX_MAX];
    char sent[DIGEST_HEX_MAX];
};

static struct span location_of(const struct letters_attempt *attempt)
{
    bool is_known =
        attempt->reason == REASON_NONE && attempt->event.location_code.bytes != NULL;
    return is_known ? attempt->event.location_code : SPAN_OF("");
}

static struct letter_retry describe(const struct retrying *retrying,
                                    const struct retried *row, struct digests *digests)
{
    const struct letters_attempt *attempt = &row->attempt;
    const struct letter *letter = &attempt->letter;
    digest_sha256_hex(letter->value.bytes != NULL ? letter->value : SPAN_OF(""),
                      digests->received);
    digest_sha256_hex(attempt->value.bytes != NULL ? attempt->value : SPAN_OF(""),
                      digests->sent);
    return (struct letter_retry){
        .topic = span_from(retrying->self->topic),
        .ref = {letter->partition, letter->offset},
        .command = retrying->command,
        .sku = attempt->reason == REASON_NONE ? attempt->event.sku : SPAN_OF(""),
        .location = location_of(attempt),
        .origin_topic = letter->topic,
        .origin_partition = letter->origin_partition,
        .origin_offset = letter->origin_offset,
        .reason = letter->reason,
        .expected = span_from(letters_expected(attempt)),
        .is_forced = strcmp(row->rule->id, "forced") == 0,
        .is_edited = attempt->is_edited,
        .digest_received = digests->received,
        .digest_sent = digests->sent,
        .actor = retrying->by,
        .why = retrying->why};
}

/* The letters [from, end) that are sent, written down or marked in one transaction. */
static enum status each_in_page(struct retrying *retrying, size_t from, size_t end,
                                bool marks, struct error *error)
{
    struct postgres *postgres = retrying->self->postgres;
    enum status status = postgres_script(postgres, "BEGIN", error);
    for (size_t at = from; at < end && status == STATUS_OK; at++) {
        struct retried *row = &retrying->rows[at];
        struct digests digests;
        if (!row->rule->is_sent)
            continue;
        const struct letter_retry retry = describe(retrying, row, &digests);
        status = marks ? store_letters_sent(postgres, &retry, row->number, error)
                       : store_letters_intend(postgres, &retry, &row->number, error);
    }
    return status == STATUS_OK ? postgres_script(postgres, "COMMIT", error) : status;
}

static enum status send_one(struct retrying *retrying, const struct retried *row,
                            struct error *error)
{
    const struct letters_attempt *attempt = &row->attempt;
    char place[LETTER_PLACE_MAX];
    letter_place(retrying->self->topic, &attempt->letter, place);
    buf_clear(&retrying->headers);
    letter_retry_headers(&attempt->letter, span_from(place), &retrying->headers);
    if (retrying->headers.failed)
        return error_set(error, STATUS_FATAL, "dead-letters: out of memory");
    const struct feed_record record = {
        .key = attempt->reason == REASON_NONE ? attempt->event.sku : attempt->letter.key,
        .value = attempt->value,
        .headers = buf_view(&retrying->headers)};
    return feed_publisher_send(retrying->publisher, &record, error);
}

static enum status send_page(struct retrying *retrying, size_t from, size_t end,
                             struct error *error)
{
    enum status status = each_in_page(retrying, from, end, false, error);
    for (size_t at = from; at < end && status == STATUS_OK; at++)
        if (retrying->rows[at].rule->is_sent)
            status = send_one(retrying, &retrying->rows[at], error);
    if (status == STATUS_OK)
        status = feed_publisher_finish(retrying->publisher, FINISH_WAIT_MS, error);
    return status == STATUS_OK ? each_in_page(retrying, from, end, true, error) : status;
}

enum status retrying_send(struct retrying *retrying, struct error *error)
{
    if (retrying->to_send == 0)
        return STATUS_OK;
    enum status status =
        store_letters_command(retrying->self->postgres, &retrying->command, error);
    if (status == STATUS_OK)
        status = feed_publisher_open(retrying->self->config, "stock-changes",
                                     &retrying->publisher, error);
    for (size_t from = 0; from < retrying->count && status == STATUS_OK; from += PAGE) {
        size_t end = from + PAGE < retrying->count ? from + PAGE : retrying->count;
        status = send_page(retrying, from, end, error);
    }
    feed_publisher_close(&retrying->publisher);
    if (status == STATUS_RETRY)
        (void)error_exit(error, EXIT_UNAVAILABLE);
    return status;
}
