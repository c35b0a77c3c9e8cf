#include "workers/replay/replay_feed.h"

#include "common/base/check.h"
#include "common/codec/cloud_headers.h"
#include "common/codec/contract_json.h"
#include "common/codec/headers.h"
#include "common/runtime/life.h"

#include <stdio.h>

#define RECORD_POOL_MAX ((size_t)8 * 1024 * 1024)
#define HEADERS_MAX ((size_t)4 * 1024 * 1024)
#define SETTLE_MS 90000
#define BATCH_HEADER "parstock.replay"
#define TRACE_HEADER "traceparent"

enum status replay_feed_open(struct replay *replay, struct span batch, bool publishes,
                             struct replay_feed *feed, struct error *error)
{
    *feed = (struct replay_feed){.replay = replay, .batch = batch};
    pace_begin(&feed->pace, replay->flags->rate);
    pool_init(&feed->pool, RECORD_POOL_MAX);
    buf_init(&feed->headers, HEADERS_MAX);
    feed->decoder = event_decoder_new();
    if (feed->decoder == NULL)
        return error_set(error, STATUS_FATAL, "replay: out of memory");
    return publishes ? feed_publisher_open(replay->config, "stock-changes",
                                           &feed->publisher, error)
                     : STATUS_OK;
}

void replay_feed_close(struct replay_feed *feed)
{
    feed_publisher_close(&feed->publisher);
    event_decoder_free(&feed->decoder);
    buf_free(&feed->headers);
    pool_free(&feed->pool);
}

/*
 * Headers go along as they came, but for the trace: what a copy causes was caused by the
 * replay, and the ledger's rows name it by that. It is not sampled: history is no news.
 */
static void add_trace(struct replay_feed *feed, const struct archived_record *record)
{
    char text[80];
    (void)snprintf(text, sizeof(text), "00-%.*s-%08x%08x-00", SPAN_ARGS(feed->batch),
                   (unsigned)record->partition + 1, (unsigned)record->offset);
    headers_add(&feed->headers, SPAN_OF(TRACE_HEADER), span_from(text));
    headers_add(&feed->headers, SPAN_OF(BATCH_HEADER), feed->batch);
}

static void read_headers(struct replay_feed *feed, const struct archived_record *record,
                         struct cloud_attributes *cloud)
{
    struct span rest = record->headers;
    struct span name;
    struct span value;
    buf_clear(&feed->headers);
    while (headers_next(&rest, &name, &value)) {
        cloud_header_take(cloud, name, value);
        if (!span_is(name, BATCH_HEADER) && !header_name_is(name, TRACE_HEADER))
            headers_add(&feed->headers, name, value);
    }
    add_trace(feed, record);
}

static enum reason decode(struct replay_feed *feed, const struct archived_record *record,
                          struct event *event)
{
    struct cloud_attributes cloud = {0};
    pool_reset(&feed->pool);
    read_headers(feed, record, &cloud);
    const struct event_input input = {.contract = feed->replay->contract,
                                      .value = record->value,
                                      .recorded_at_ms = clock_now_us() / 1000,
                                      .cloud = &cloud};
    return event_json_decode(feed->decoder, &input, &feed->pool, event, NULL);
}

static void count(struct batch_counts *counts, enum replay_offer offer)
{
    int64_t *const places[REPLAY_OFFER_COUNT] = {[REPLAY_PUBLISH] = &counts->published,
                                                 [REPLAY_NOT_CHOSEN] =
                                                     &counts->passed_over,
                                                 [REPLAY_REFUSED] = &counts->refused,
                                                 [REPLAY_TOO_OLD] = &counts->too_old};
    *places[offer] += 1;
}

enum status replay_feed_offer(struct replay_feed *feed,
                              const struct archived_record *record, struct error *error)
{
    struct event event;
    const struct replay_choice *choice = &feed->replay->choice;
    enum reason reason = decode(feed, record, &event);
    const struct replay_offer_question question = {
        .reason = reason,
        .event = reason == REASON_NONE ? &event : NULL,
        .sku = choice->sku,
        .source = choice->source,
        .now_us = clock_now_us(),
        .idempotency_days = feed->replay->contract->idempotency_days};
    enum replay_offer offer = replay_offer(&question)->offer;
    enum status status = STATUS_OK;
    if (offer == REPLAY_PUBLISH && feed->publisher != NULL) {
        const struct feed_record copy = {.key = event.sku,
                                         .value = record->value,
                                         .headers = buf_view(&feed->headers)};
        status = feed_publisher_send(feed->publisher, &copy, error);
        pace_wait(&feed->pace, 1); /* live traffic keeps its place in the queue */
    }
    if (status == STATUS_OK)
        count(&feed->counts, offer);
    return status;
}

enum status replay_feed_settle(struct replay_feed *feed, struct error *error)
{
    return feed->publisher != NULL
               ? feed_publisher_finish(feed->publisher, SETTLE_MS, error)
               : STATUS_OK;
}
