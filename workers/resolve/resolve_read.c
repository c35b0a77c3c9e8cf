/*
 * The reader: one thread that serves the group and takes its records, so that a partition is
 * never given up in the middle of a batch.
 */
#include "common/base/check.h"
#include "common/runtime/admin.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "workers/resolve/resolve.h"

#include <stdio.h>
#include <stdlib.h>

#define POLL_MS 20
#define LANE 0
#define RETRY_FIRST_US 100000LL
#define RETRY_MAX_US 5000000LL

static bool connect_postgres(struct resolve *resolve, struct error *error)
{
    const struct postgres_options options = resolve_postgres(resolve);
    if (resolve->postgres != NULL && postgres_alive(resolve->postgres))
        return true;
    postgres_close(&resolve->postgres);
    return postgres_open(&options, &resolve->postgres, error) == STATUS_OK;
}

/* Says so once a change, and lets some time pass before the next try. */
static void trouble(struct resolve *resolve, const struct error *error)
{
    int64_t wait_us = RETRY_FIRST_US << (resolve->tries < 6 ? resolve->tries : 6);
    if (resolve->tries == 0)
        log_warn("findings wait", LOG_TEXT("error", error->text),
                 LOG_TEXT("code", error->code), LOG_END);
    resolve->tries++;
    resolve->retry_us =
        clock_monotonic_us() + (wait_us < RETRY_MAX_US ? wait_us : RETRY_MAX_US);
    postgres_close(&resolve->postgres);
    life_ready("postgres", false, error->text);
}

/* ---- the group's side ------------------------------------------------------------------- */

static enum status on_taken(void *self, int32_t partition, int lane, int64_t *offset_out)
{
    struct resolve *resolve = self;
    struct error error = {0};
    (void)lane;
    if (clock_monotonic_us() < resolve->retry_us)
        return STATUS_RETRY;
    if (!connect_postgres(resolve, &error) ||
        store_resolve_next(resolve->postgres, span_from(resolve->topic), partition,
                           offset_out, &error) != STATUS_OK) {
        trouble(resolve, &error);
        return STATUS_RETRY;
    }
    if (*offset_out < 0)
        *offset_out = KAFKA_OFFSET_START;
    life_ready("postgres", true, "");
    log_info("partition taken", LOG_TEXT("topic", resolve->topic),
             LOG_INT("partition", partition), LOG_INT("next_offset", *offset_out),
             LOG_END);
    return STATUS_OK;
}

/* What is in hand of it is not committed: the next owner reads it again. */
static void on_dropped(void *self, int32_t partition, int lane)
{
    struct resolve *resolve = self;
    size_t kept = 0;
    (void)lane;
    for (size_t at = 0; at < resolve->record_count; at++) {
        if (resolve->records[at].partition == partition)
            kafka_record_release(&resolve->records[at]);
        else
            resolve->records[kept++] = resolve->records[at];
    }
    resolve->record_count = kept;
}

/* What fell out of the topic is found again by the next run: it is said, and passed over. */
static bool on_gap(void *self, const struct kafka_gap *gap)
{
    struct resolve *resolve = self;
    log_warn("findings fell out of the topic before they were read; the next comparison "
             "finds again what is still so",
             LOG_TEXT("topic", resolve->topic), LOG_INT("partition", gap->partition),
             LOG_INT("wanted", gap->wanted), LOG_INT("first", gap->first), LOG_END);
    return true;
}

static void on_trouble(void *self, const struct error *error)
{
    (void)self;
    log_warn("kafka", LOG_TEXT("error", error->text), LOG_TEXT("code", error->code),
             LOG_END);
}

enum status resolve_reader_open(struct resolve *resolve, struct error *error)
{
    const struct kafka_in_options options = {
        .kafka = config_kafka(&resolve->config, "parstock-resolve"),
        .group = resolve->group,
        .topic = resolve->topic,
        .lanes = 1,
        .owner = {.self = resolve,
                  .taken = on_taken,
                  .dropped = on_dropped,
                  .gap = on_gap,
                  .trouble = on_trouble}};
    life_ready("postgres", false, "starting");
    return kafka_in_open(&options, &resolve->in, error);
}

/* ---- records ---------------------------------------------------------------------------- */

static void count_up(struct resolve *resolve, const struct batch *batch)
{
    const struct resolve_metrics *metrics = &resolve->metrics;
    metric_add(metrics->refused, (int64_t)batch->refused);
    for (size_t at = 0; at < batch->count; at++) {
        const struct batch_item *item = &batch->items[at];
        if (!item->is_new) {
            metric_add(metrics->repeats, 1);
            continue;
        }
        metric_add(metrics->actions[item->decision.action], 1);
        if (item->decision.state == RESOLVE_HELD)
            metric_add(metrics->held, 1);
    }
}

/* The batch is durable: its records leave the hand. */
static void let_go(struct resolve *resolve, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        kafka_in_hint(resolve->in, resolve->records[at].partition,
                      resolve->records[at].offset + 1);
        kafka_record_release(&resolve->records[at]);
    }
    resolve->record_count -= count;
    memmove(resolve->records, resolve->records + count,
            resolve->record_count * sizeof(resolve->records[0]));
}

/* Ends of partitions are no records: nothing is done about them, and no offset is theirs. */
static void take(struct resolve *resolve)
{
    size_t kept = resolve->record_count;
    size_t taken = kafka_in_take(resolve->in, LANE, resolve->records + kept,
                                 RESOLVE_BATCH_MAX - kept);
    for (size_t at = resolve->record_count; at < resolve->record_count + taken; at++)
        if (!resolve->records[at].is_end)
            resolve->records[kept++] = resolve->records[at];
    resolve->record_count = kept;
}

/* True: something was done, come again at once. */
static bool work(struct resolve *resolve)
{
    struct error error = {0};
    struct batch *batch = NULL;
    if (clock_monotonic_us() < resolve->retry_us)
        return false;
    if (resolve->record_count < RESOLVE_BATCH_MAX)
        take(resolve);
    if (resolve->record_count == 0)
        return false;
    pool_reset(&resolve->pool);
    if (!connect_postgres(resolve, &error) ||
        resolve_batch(resolve, &batch, &error) != STATUS_OK) {
        trouble(resolve, &error);
        return false;
    }
    if (resolve->tries > 0)
        log_info("findings go on", LOG_END);
    resolve->tries = 0;
    life_ready("postgres", true, "");
    count_up(resolve, batch);
    let_go(resolve, batch->record_count);
    return true;
}

enum status resolve_reader_run(struct resolve *resolve, struct error *error)
{
    bool busy = false;
    while (!life_ending()) {
        struct error why = {0};
        enum status status = kafka_in_poll(resolve->in, busy ? 0 : POLL_MS, error);
        if (status == STATUS_FATAL)
            return status;
        if (status != STATUS_OK)
            on_trouble(resolve, error);
        admin_alive();
        life_ready("kafka", kafka_in_health(resolve->in, &why) == STATUS_OK, why.text);
        busy = work(resolve);
    }
    return STATUS_OK;
}

void resolve_reader_close(struct resolve *resolve)
{
    for (size_t at = 0; at < resolve->record_count; at++)
        kafka_record_release(&resolve->records[at]);
    resolve->record_count = 0;
    kafka_in_close(&resolve->in);
    postgres_close(&resolve->postgres);
}
