#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/json_text.h"
#include "common/codec/rfc3339.h"
#include "common/codec/sku_unicode.h"
#include "common/domain/event.h"
#include "common/io/kafka_out.h"
#include "common/runtime/life.h"
#include "common/runtime/login.h"
#include "workers/spot_checks/spot_checks.h"

#include <stdatomic.h>
#include <stdio.h>

#define SKU_BYTES_MAX ((size_t)64 * 1024)
#define EVENT_BYTES_MAX ((size_t)16 * 1024)
#define SPOT_EVENT_MAX 48
#define WAIT_MS 30000
#define TOPIC_MAX 256
#define NOTE_MAX 2000

/* ---- what was counted ------------------------------------------------------------------- */

static const char *verdict_of(const struct spot_job *job, const struct spot_check *check)
{
    int source = contract_source(job->contract, span_from(check->books.source));
    if (!check->books.is_there)
        return "no_books";
    if (source >= 0 && job->contract->sources[source].state == LEVEL_AVAILABLE)
        return "not_comparable"; /* it leaves out what is reserved on the shelf */
    if (check->counted == check->books.quantity)
        return "agrees";
    return check->books.quantity > check->counted ? "books_high" : "books_low";
}

static bool is_plain(struct span text, size_t most)
{
    for (size_t at = 0; at < text.length; at++)
        if ((unsigned char)text.bytes[at] < 0x20 || text.bytes[at] == 0x7f)
            return false;
    return text.length <= most;
}

static enum status take(const struct spot_job *job, const char *sku, struct pool *pool,
                        struct spot_check *check, struct error *error)
{
    const struct spot_flags *flags = job->flags;
    if (job->location.bytes == NULL || flags->counted == NULL)
        return error_usage(error, "record needs --location and --counted");
    if (!span_to_int64(span_from(flags->counted), &check->counted) ||
        check->counted < 0 || check->counted > EVENT_QUANTITY_MAX)
        return error_usage(error, "--counted is a number of units from 0 on");
    if (sku_normalise_kept(span_from(sku), job->contract->sku_steps, pool, &check->sku) !=
        REASON_NONE)
        return error_usage(error, "the SKU is none");
    check->counted_at_us = clock_now_us();
    if (flags->at != NULL && !rfc3339_parse(span_from(flags->at), &check->counted_at_us))
        return error_usage(error, "--at is a time such as 2026-11-25T12:00:00Z");
    check->location = job->location;
    check->note = span_from(flags->note != NULL ? flags->note : "");
    if (!is_plain(check->actor, LOGIN_NAME_MAX_BYTES) || !is_plain(check->note, NOTE_MAX))
        return error_usage(error, "--actor and --note are one line each");
    return STATUS_OK;
}

/* ---- the event -------------------------------------------------------------------------- */

/* -1: the contract has no source for it. */
static enum status source_of(const struct spot_job *job, int *source_out,
                             struct error *error)
{
    const struct contract *contract = job->contract;
    const char *name = job->flags->source != NULL ? job->flags->source : SPOT_SOURCE;
    int location = contract_location(contract, job->location);
    *source_out = contract_source(contract, span_from(name));
    bool may =
        *source_out >= 0 && source_speaks_for(&contract->sources[*source_out], location);
    if (!may && job->flags->source != NULL)
        return error_usage(error,
                           "--source is none of the contract's that may speak for this "
                           "location");
    if (!may)
        *source_out = -1;
    if (may && job->config->kafka_brokers == NULL)
        return error_usage(
            error, "the count is an event of a source: --kafka-brokers says where "
                   "to publish it");
    return STATUS_OK;
}

static void acked(void *opaque, const struct error *error)
{
    if (error == NULL)
        (void)atomic_fetch_add((atomic_int *)opaque, 1);
}

static void write_event(const struct spot_check *check, struct span source,
                        const char *id, struct buf *out)
{
    buf_byte(out, '{');
    json_member_text(out, "type", SPAN_OF("stock.counted"));
    json_member_text(out, "source", source);
    json_member_text(out, "id", span_from(id));
    json_member_text(out, "sku", check->sku);
    json_member_text(out, "location", check->location);
    json_member_number(out, "quantity", check->counted);
    json_member_time(out, "occurred_at", check->counted_at_us);
    buf_byte(out, '}');
}

static enum status publish(const struct spot_job *job, const struct spot_check *check,
                           int source, const char *id, struct error *error)
{
    SCOPED(kafka_out_close) struct kafka_out *out = NULL;
    SCOPED(buf_free) struct buf value = {0};
    char topic[TOPIC_MAX];
    atomic_int told = 0;
    const struct kafka_options options =
        config_kafka(job->config, "parstock-spot-checks");
    (void)snprintf(topic, sizeof topic, "%sstock-changes", job->config->topic_prefix);
    buf_init(&value, EVENT_BYTES_MAX);
    write_event(check, job->contract->sources[source].name, id, &value);
    ASSERT(!value.failed);
    const struct kafka_send send = {.topic = topic,
                                    .partition = KAFKA_PARTITION_BY_KEY,
                                    .key = check->sku,
                                    .value = buf_view(&value),
                                    .headers = SPAN_OF(""),
                                    .opaque = &told};
    enum status status = kafka_out_open(&options, acked, &out, error);
    if (status == STATUS_OK)
        status = kafka_out_send(out, &send, error);
    if (status != STATUS_OK)
        return status;
    kafka_out_flush(out, WAIT_MS);
    if (atomic_load(&told) == 1)
        return STATUS_OK;
    (void)error_set(error, STATUS_RETRY,
                    "the broker did not take the event; nothing was "
                    "written down");
    return error_exit(error, EXIT_UNAVAILABLE);
}

/* ---- all of it -------------------------------------------------------------------------- */

static void print_result(const struct spot_job *job, const struct spot_check *check,
                         int64_t id, const char *event)
{
    SCOPED(buf_free) struct buf out = {0};
    if (job->output == OUTPUT_TABLE) {
        printf("check %lld: counted %lld", (long long)id, (long long)check->counted);
        if (check->books.is_there)
            printf(", the books say %lld (%s)", (long long)check->books.quantity,
                   check->books.source);
        printf(": %s\n%s%s\n", check->verdict,
               event[0] != '\0' ? "published as " : "written down; no level is changed",
               event);
        return;
    }
    buf_init(&out, EVENT_BYTES_MAX);
    buf_byte(&out, '{');
    json_member_number(&out, "id", id);
    json_member_text(&out, "sku", check->sku);
    json_member_text(&out, "location", check->location);
    json_member_number(&out, "counted", check->counted);
    json_member_number_or_null(&out, "books", check->books.is_there,
                               check->books.quantity);
    json_member_text(&out, "verdict", span_from(check->verdict));
    json_member_text(&out, "event_id", span_from(event[0] != '\0' ? event : NULL));
    buf_byte(&out, '}');
    if (!out.failed)
        puts(out.bytes);
}

/* The row commits once the broker has the event: a count is never half told. */
static enum status write_down(struct spot_job *job, struct spot_check *check, int source,
                              struct error *error)
{
    int64_t id = 0;
    char event[SPOT_EVENT_MAX] = "";
    enum status status = postgres_script(job->postgres, "BEGIN", error);
    if (status == STATUS_OK)
        status = store_spot_books(job->postgres, check->sku, check->location,
                                  &check->books, error);
    if (status != STATUS_OK)
        return status;
    check->verdict = verdict_of(job, check);
    status = store_spot_record(job->postgres, check, &id, error);
    if (status == STATUS_OK && source >= 0) {
        (void)snprintf(event, sizeof event, "spot-check-%lld", (long long)id);
        status = store_spot_event(job->postgres, id, check->sku, span_from(event), error);
        if (status == STATUS_OK)
            status = publish(job, check, source, event, error);
    }
    if (status == STATUS_OK)
        status = postgres_script(job->postgres, "COMMIT", error);
    if (status == STATUS_OK)
        print_result(job, check, id, event);
    return status;
}

enum status spot_record(struct spot_job *job, const char *sku, struct error *error)
{
    SCOPED(pool_free) struct pool pool;
    char login[LOGIN_NAME_MAX_BYTES];
    int source = -1;
    login_name(login);
    struct spot_check check = {
        .actor = span_from(job->flags->actor != NULL ? job->flags->actor : login)};
    pool_init(&pool, SKU_BYTES_MAX);
    enum status status = take(job, sku, &pool, &check, error);
    if (status == STATUS_OK)
        status = source_of(job, &source, error);
    return status == STATUS_OK ? write_down(job, &check, source, error) : status;
}
