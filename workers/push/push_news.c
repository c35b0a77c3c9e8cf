#include "workers/push/push_news.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_refused.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "workers/push/push.h"

#include <stdio.h>

#define TELL_AGAIN_US 1000000
#define LEAVE_WAIT_MS 2000
#define TOPIC_MAX 256

/* From the producer's thread. */
static void acked(void *opaque, const struct error *error)
{
    struct push_news *news = opaque;
    if (error != NULL)
        atomic_store(&news->failed, true);
    if (error != NULL && error->status == STATUS_FATAL)
        atomic_store(&news->broken, true);
    (void)atomic_fetch_sub(&news->pending, 1);
}

/* Once, however long the broker is away. */
static void complain(struct pusher *pusher, const struct error *error)
{
    struct push_news *news = &pusher->news;
    log_write(news->complained ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN,
              "incidents wait to be told",
              LOG_FIELDS(LOG_TEXT("shop", pusher->name), LOG_TEXT("code", error->code),
                         LOG_TEXT("error", error->text), LOG_END));
    news->complained = true;
    news->tell_us = clock_monotonic_us() + TELL_AGAIN_US;
}

static bool trouble(struct pusher *pusher, const struct error *error)
{
    push_trouble(pusher, "postgres", error);
    return false;
}

/* ---- sending ------------------------------------------------------------------------ */

static bool have_producer(struct pusher *pusher)
{
    struct push_news *news = &pusher->news;
    struct error error = {0};
    const struct kafka_options kafka =
        config_kafka(pusher->settings->config, "parstock-push");
    if (news->out != NULL ||
        kafka_out_open(&kafka, acked, &news->out, &error) == STATUS_OK)
        return true;
    complain(pusher, &error);
    return false;
}

static enum status send_row(struct pusher *pusher, const struct outbox_row *row,
                            struct error *error)
{
    struct push_news *news = &pusher->news;
    char topic[TOPIC_MAX];
    (void)snprintf(topic, sizeof(topic), "%s%s", pusher->settings->config->topic_prefix,
                   outbox_topic(row->kind));
    const struct kafka_send send = {.topic = topic,
                                    .partition = KAFKA_PARTITION_BY_KEY,
                                    .key = row->key,
                                    .value = row->value,
                                    .headers = row->headers,
                                    .opaque = news};
    (void)atomic_fetch_add(&news->pending, 1);
    enum status status = kafka_out_send(news->out, &send, error);
    if (status != STATUS_OK)
        acked(news, error);
    return status;
}

static bool send_page(struct pusher *pusher)
{
    SCOPED(rows_release) struct rows rows = {0};
    struct push_news *news = &pusher->news;
    struct error error = {0};
    if (store_shop_outbox_read(pusher->postgres, pusher->lease.shop, &rows, &error) !=
        STATUS_OK)
        return trouble(pusher, &error);
    news->owed = rows.count > 0;
    if (rows.count == 0 || !have_producer(pusher))
        return true;
    enum status status = STATUS_OK;
    for (int row = 0; row < rows.count && status == STATUS_OK; row++) {
        const struct outbox_row sent = store_shop_outbox_row(&rows, row);
        status = send_row(pusher, &sent, &error);
    }
    news->sent_up_to = store_shop_outbox_id(&rows, rows.count - 1);
    return true;
}

/* ---- what came of it ---------------------------------------------------------------- */

static void give_up_page(struct pusher *pusher)
{
    struct push_news *news = &pusher->news;
    struct error error = {0};
    (void)error_set(&error, STATUS_RETRY,
                    "the broker did not take them; they are sent again");
    complain(pusher, &error);
    if (atomic_load(&news->broken))
        kafka_out_close(&news->out);
}

static bool settle_page(struct pusher *pusher)
{
    struct push_news *news = &pusher->news;
    struct error error = {0};
    int64_t up_to = news->sent_up_to;
    news->sent_up_to = 0;
    if (atomic_load(&news->failed)) {
        give_up_page(pusher);
        atomic_store(&news->failed, false);
        atomic_store(&news->broken, false);
        return true;
    }
    if (store_shop_outbox_drop(pusher->postgres, pusher->lease.shop, up_to, &error) !=
        STATUS_OK)
        return trouble(pusher, &error);
    news->complained = false;
    return true;
}

static bool tell(struct pusher *pusher)
{
    struct push_news *news = &pusher->news;
    if (atomic_load(&news->pending) > 0)
        return true;
    if (news->sent_up_to != 0 && !settle_page(pusher))
        return false;
    if (!news->owed || pusher->settings->config->kafka_brokers == NULL ||
        clock_monotonic_us() < news->tell_us)
        return true;
    return send_page(pusher);
}

/* ---- the start ---------------------------------------------------------------------- */

enum status push_news_check(const struct config *config, struct error *error)
{
    SCOPED(kafka_out_close) struct kafka_out *out = NULL;
    const struct kafka_options kafka = config_kafka(config, "parstock-push");
    if (config->kafka_brokers != NULL)
        return kafka_out_open(&kafka, acked, &out, error);
    log_warn("PARSTOCK_KAFKA_BROKERS is not set: incidents are kept in the table and "
             "nobody is told of them",
             LOG_END);
    return STATUS_OK;
}

/* ---- the order of work -------------------------------------------------------------- */

bool push_news(struct pusher *pusher)
{
    struct push_news *news = &pusher->news;
    if (news->epoch != pusher->lease.epoch) {
        news->epoch = pusher->lease.epoch;
        news->look_us = 0;
        news->owed = true; /* nobody knows what the one before had sent */
    }
    if (atomic_exchange(&pusher->crew->look_soon, false))
        news->look_us = 0;
    if (clock_monotonic_us() >= news->look_us && !push_look(pusher))
        return false;
    return tell(pusher);
}

void push_news_refused(struct pusher *pusher, int64_t write_id)
{
    atomic_store(&pusher->crew->refused, write_id);
    atomic_store(&pusher->crew->look_soon, true);
}

void push_news_leave(struct pusher *pusher)
{
    struct push_news *news = &pusher->news;
    kafka_out_flush(news->out, LEAVE_WAIT_MS);
    if (news->sent_up_to != 0 && atomic_load(&news->pending) == 0 &&
        postgres_alive(pusher->postgres))
        (void)settle_page(pusher);
    kafka_out_close(&news->out);
}
