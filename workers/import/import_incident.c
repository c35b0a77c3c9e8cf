/*
 * The incident of a feed that was stopped. Its record reaches the topic before the
 * transaction commits: one that is told twice has the same ce_id, one that is never told
 * would be lost.
 */
#include "common/base/check.h"
#include "common/base/pool.h"
#include "common/base/scope.h"
#include "common/codec/incident_json.h"
#include "common/codec/json_text.h"
#include "common/io/kafka_out.h"
#include "common/io/store_incidents.h"
#include "common/runtime/life.h"
#include "workers/import/import_guard.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define ACTOR "import"
#define POOL_MAX ((size_t)8 * 1024 * 1024)
#define EVIDENCE_MAX ((size_t)32 * 1024)
#define EXAMPLES 10
#define FILES_NAMED 20
#define TELL_WAIT_MS 30000
#define TOPIC_MAX 256

/* Large, and one at a time. */
struct work {
    struct pool pool;
    struct incident_set set;
    struct incident_ends ends;
    struct incident_changes changes;
};

static void work_free(struct work **slot)
{
    if (*slot != NULL)
        pool_free(&(*slot)->pool);
    free(*slot);
    *slot = NULL;
}

static struct work *work_new(void)
{
    struct work *work = calloc(1, sizeof(*work));
    if (work == NULL)
        return NULL;
    pool_init(&work->pool, POOL_MAX);
    work->set.actor = ACTOR;
    work->ends.actor = ACTOR;
    return work;
}

/* ---- telling subscribers ------------------------------------------------------------------------ */

static void acked(void *opaque, const struct error *error)
{
    atomic_int *told = opaque;
    if (error == NULL)
        (void)atomic_fetch_add(told, 1);
}

static enum status tell_all(struct work *work, const struct config *config,
                            struct kafka_out *out, struct error *error)
{
    char topic[TOPIC_MAX];
    atomic_int told = 0;
    (void)snprintf(topic, sizeof(topic), "%s%s", config->topic_prefix,
                   outbox_topic(OUTBOX_INCIDENT));
    for (size_t at = 0; at < work->changes.count; at++) {
        const struct incident_change *change = &work->changes.items[at];
        struct outbox_row row;
        if (!incident_json_record(&change->incident, change->sighting, &work->pool, &row))
            return error_set(error, STATUS_RETRY, "incidents: out of memory");
        const struct kafka_send send = {.topic = topic,
                                        .partition = KAFKA_PARTITION_BY_KEY,
                                        .key = row.key,
                                        .value = row.value,
                                        .headers = row.headers,
                                        .opaque = &told};
        enum status status = kafka_out_send(out, &send, error);
        if (status != STATUS_OK)
            return status;
    }
    kafka_out_flush(out, TELL_WAIT_MS);
    if ((size_t)atomic_load(&told) == work->changes.count)
        return STATUS_OK;
    return error_set(error, STATUS_RETRY,
                     "the broker did not take the record of the incident");
}

static enum status tell(struct work *work, const struct config *config,
                        struct error *error)
{
    SCOPED(kafka_out_close) struct kafka_out *out = NULL;
    const struct kafka_options options = config_kafka(config, "parstock-import");
    if (work->changes.count == 0)
        return STATUS_OK;
    enum status status = kafka_out_open(&options, acked, &out, error);
    return status == STATUS_OK ? tell_all(work, config, out, error) : status;
}

/* Commits what was seen or ended once subscribers were told; otherwise nothing was. */
static enum status end_work(struct import_guard *guard, struct work *work,
                            const struct config *config, enum status status,
                            struct error *error)
{
    struct error aside = {0};
    if (status == STATUS_OK)
        status = tell(work, config, error);
    if (status == STATUS_OK)
        return postgres_script(guard->postgres, "COMMIT", error);
    (void)postgres_script(guard->postgres, "ROLLBACK", &aside);
    return status;
}

/* ---- what is said ----------------------------------------------------------------------------------- */

static enum status add_example(void *self, const struct import_change *change,
                               struct error *error)
{
    struct buf *out = self;
    (void)error;
    if (!change->has_before)
        return STATUS_OK;
    if (out->bytes[out->length - 1] != '[')
        buf_byte(out, ',');
    buf_byte(out, '{');
    json_member_text(out, "sku", change->sku);
    json_member_text(out, "location", change->location);
    json_member_number(out, "before", change->before);
    json_member_number(out, "after", change->after);
    buf_byte(out, '}');
    return STATUS_OK;
}

static void add_files(struct buf *out, const struct guard_feed *feed)
{
    json_name(out, "files");
    buf_byte(out, '[');
    for (size_t at = 0; at < feed->file_count && at < FILES_NAMED; at++) {
        if (at > 0)
            buf_byte(out, ',');
        json_text_lossy(out, span_from(feed->files[at].path));
    }
    buf_byte(out, ']');
}

static enum status write_evidence(struct import_guard *guard,
                                  const struct guard_feed *feed, struct buf *out,
                                  struct error *error)
{
    const struct feed_effect *effect = &guard->effect;
    const struct import_changes examples = {
        .each = add_example, .self = out, .limit = EXAMPLES};
    buf_init(out, EVIDENCE_MAX);
    buf_byte(out, '{');
    json_member_text_lossy(out, "source", feed->name);
    json_member_text(out, "guard", span_from(feed_guard_row(guard->fired)->id));
    json_member_text(out, "guard_runbook",
                     span_from(feed_guard_row(guard->fired)->runbook));
    json_member_number(out, "named", effect->named);
    json_member_number(out, "changed", effect->changed);
    json_member_number(out, "zeroed", effect->zeroed);
    json_member_number(out, "stocked", effect->stocked);
    json_member_number(out, "known", effect->known);
    add_files(out, feed);
    json_name(out, "examples");
    buf_byte(out, '[');
    enum status status = store_import_changed(guard->postgres, &examples, error);
    buf_text(out, "]}");
    if (status == STATUS_OK && out->failed)
        status = error_set(error, STATUS_RETRY, "incidents: out of memory");
    return status;
}

static struct incident_sighting sighting_of(const struct guard_feed *feed)
{
    const int64_t now_us = clock_now_us();
    const struct incident_origin origin = {
        .topic = SPAN_OF("import"), .offset = now_us, .recorded_at_us = now_us};
    return (struct incident_sighting){.class = INCIDENT_IMPORT_GUARD,
                                      .subject = {.source = feed->name},
                                      .first = origin,
                                      .latest = origin,
                                      .occurrences = 1};
}

enum status guard_raise(struct import_guard *guard, const struct config *config,
                        const struct guard_feed *feed, struct error *error)
{
    SCOPED(work_free) struct work *work = work_new();
    SCOPED(buf_free) struct buf evidence = {0};
    if (work == NULL)
        return error_set(error, STATUS_RETRY, "incidents: out of memory");
    enum status status = write_evidence(guard, feed, &evidence, error);
    if (status == STATUS_OK)
        status = postgres_script(guard->postgres, "BEGIN", error);
    if (status != STATUS_OK)
        return status;
    work->set.items[0] = sighting_of(feed);
    work->set.items[0].evidence = buf_view(&evidence);
    work->set.count = 1;
    status = store_incidents_see(guard->postgres, &work->set, &work->pool, &work->changes,
                                 error);
    return end_work(guard, work, config, status, error);
}

static enum status find_open(struct import_guard *guard, const struct guard_feed *feed,
                             const char *reason, struct work *work, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    char problem[INCIDENT_PROBLEM_MAX];
    const struct incident_sighting sighting = sighting_of(feed);
    struct span name = {problem, incident_problem(&sighting, problem)};
    enum status status =
        store_import_incident(guard->postgres, name, span_from(reason), &rows, error);
    if (status == STATUS_OK)
        status = store_incidents_take_ends(&rows, &work->pool, &work->ends, error);
    return status;
}

enum status guard_resolve(struct import_guard *guard, const struct config *config,
                          const struct guard_feed *feed, const char *reason,
                          struct error *error)
{
    SCOPED(work_free) struct work *work = work_new();
    if (work == NULL)
        return error_set(error, STATUS_RETRY, "incidents: out of memory");
    enum status status = find_open(guard, feed, reason, work, error);
    if (status != STATUS_OK || work->ends.count == 0)
        return status;
    status = postgres_script(guard->postgres, "BEGIN", error);
    if (status != STATUS_OK)
        return status;
    status = store_incidents_resolve(guard->postgres, &work->ends, &work->pool,
                                     &work->changes, error);
    return end_work(guard, work, config, status, error);
}
