#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/drift_json.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "workers/drift/drift.h"

#include <stdio.h>

#define TELL_AGAIN_US 1000000
#define FLUSH_MS 10000
#define RECORD_MAX ((size_t)64 * 1024)
#define TOPIC_MAX 256

/* From the producer's thread. */
static void acked(void *opaque, const struct error *error)
{
    struct drift_tell *tell = opaque;
    if (error != NULL)
        atomic_store(&tell->failed, true);
    (void)atomic_fetch_sub(&tell->pending, 1);
}

/* Once, however long the broker is away: findings wait in their table. */
static void complain(struct drifter *drifter, const struct error *error)
{
    struct drift_tell *tell = &drifter->tell;
    log_write(tell->complained ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN,
              "findings wait to be told",
              LOG_FIELDS(LOG_TEXT("shop", drifter->name), LOG_TEXT("code", error->code),
                         LOG_TEXT("error", error->text), LOG_END));
    tell->complained = true;
    tell->again_us = clock_monotonic_us() + TELL_AGAIN_US;
}

static enum status send(struct drifter *drifter, const struct drift_finding *finding,
                        struct error *error)
{
    SCOPED(buf_free) struct buf value = {0};
    SCOPED(buf_free) struct buf headers = {0};
    char topic[TOPIC_MAX];
    buf_init(&value, RECORD_MAX);
    buf_init(&headers, RECORD_MAX);
    drift_json_value(finding, &value);
    drift_json_headers(finding, &headers);
    if (value.failed || headers.failed)
        return error_set(error, STATUS_RETRY, "drift: out of memory for a record");
    (void)snprintf(topic, sizeof(topic), "%sdrift",
                   drifter->settings->config->topic_prefix);
    const struct kafka_send sent = {.topic = topic,
                                    .partition = KAFKA_PARTITION_BY_KEY,
                                    .key = finding->sku,
                                    .value = buf_view(&value),
                                    .headers = buf_view(&headers),
                                    .opaque = &drifter->tell};
    (void)atomic_fetch_add(&drifter->tell.pending, 1);
    enum status status = kafka_out_send(drifter->tell.out, &sent, error);
    if (status != STATUS_OK)
        (void)atomic_fetch_sub(&drifter->tell.pending, 1);
    return status;
}

static enum status send_finding(void *self, const struct drift_finding *finding,
                                struct error *error)
{
    struct drifter *drifter = self;
    struct drift_tell *tell = &drifter->tell;
    struct drift_finding traced = *finding;
    char trace[TRACEPARENT_MAX];
    ASSERT(tell->count < DRIFT_TELL_MAX);
    if (!drift_trace(tell, &traced, trace))
        return error_set(error, STATUS_RETRY, "drift: out of memory");
    enum status status = send(drifter, &traced, error);
    if (status != STATUS_OK)
        return status;
    tell->ids[tell->count] = pool_span(&tell->pool, finding->id);
    tell->skus[tell->count] = pool_span(&tell->pool, finding->sku);
    if (tell->skus[tell->count].bytes == NULL || tell->ids[tell->count].bytes == NULL)
        return error_set(error, STATUS_RETRY, "drift: out of memory");
    tell->count++;
    return STATUS_OK;
}

static bool have_producer(struct drifter *drifter, struct error *error)
{
    const struct kafka_options kafka =
        config_kafka(drifter->settings->config, "parstock-drift");
    return drifter->tell.out != NULL ||
           kafka_out_open(&kafka, acked, &drifter->tell.out, error) == STATUS_OK;
}

/* All or nothing of a page: what a broker took twice has the same id. */
static enum status tell_page(struct drifter *drifter, size_t *told_out,
                             struct error *error)
{
    struct drift_tell *tell = &drifter->tell;
    const struct drift_visitor visitor = {send_finding, drifter};
    *told_out = 0;
    tell->count = 0;
    tell->span_count = 0;
    pool_reset(&tell->pool);
    atomic_store(&tell->failed, false);
    enum status status = store_drift_untold(drifter->looker.postgres, drifter->shop->name,
                                            DRIFT_TELL_MAX, &visitor, error);
    if (status != STATUS_OK || tell->count == 0)
        return status;
    kafka_out_flush(tell->out, FLUSH_MS);
    if (atomic_load(&tell->pending) > 0 || atomic_load(&tell->failed)) {
        kafka_out_close(
            &tell->out); /* what is still under way is given up, and counted */
        atomic_store(&tell->pending, 0);
        return error_set(error, STATUS_RETRY,
                         "the broker did not take them; they are sent again");
    }
    status = store_drift_told(drifter->looker.postgres, tell->ids, tell->skus,
                              tell->count, error);
    if (status != STATUS_OK)
        return status;
    drift_trace_told(tell);
    *told_out = tell->count;
    return STATUS_OK;
}

enum status drift_tell(struct drifter *drifter, struct error *error)
{
    struct drift_tell *tell = &drifter->tell;
    struct error own = {0};
    if (drifter->settings->config->kafka_brokers == NULL ||
        clock_monotonic_us() < tell->again_us)
        return STATUS_OK;
    size_t told = DRIFT_TELL_MAX;
    while (told == DRIFT_TELL_MAX && !life_ending()) {
        enum status status = STATUS_RETRY;
        if (have_producer(drifter, &own))
            status = tell_page(drifter, &told, &own);
        if (status == STATUS_OK)
            continue;
        if (!postgres_alive(drifter->looker.postgres)) {
            *error = own;
            return status;
        }
        complain(drifter, &own);
        return STATUS_OK;
    }
    tell->complained = false;
    return STATUS_OK;
}

void drift_tell_end(struct drifter *drifter)
{
    kafka_out_close(&drifter->tell.out);
    pool_free(&drifter->tell.pool);
}
