#include "common/runtime/shop_incident.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/incident_json.h"
#include "common/codec/json_text.h"
#include "common/io/store_refused.h"
#include "common/io/store_webhooks.h"

#define POOL_MAX ((size_t)8 << 20)
#define DETAIL_BYTES_MAX ((size_t)16 * 1024)

/* Too large for a stack; in the pool. */
struct work {
    struct pool *pool;
    struct incident_set set;
    struct incident_ends ends;
    struct incident_changes changes;
    struct outbox_row rows[INCIDENT_SET_MAX];
};

static struct shop_problem problem_of(const struct shop_incident *incident)
{
    return (struct shop_problem){.shop = incident->shop,
                                 .class = span_from(incident_kind(incident->class)->id),
                                 .text = span_from(incident->detail)};
}

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "out of memory for incidents");
}

static enum status tell(struct postgres *postgres, struct work *work, struct span shop,
                        struct error *error)
{
    const struct incident_changes *changes = &work->changes;
    for (size_t at = 0; at < changes->count; at++)
        if (!incident_json_record(&changes->items[at].incident,
                                  changes->items[at].sighting, work->pool,
                                  &work->rows[at]))
            return out_of_memory(error);
    return store_shop_outbox_add(postgres, shop, work->rows, changes->count, error);
}

static struct span evidence_of(const struct shop_incident *incident, struct pool *pool)
{
    SCOPED(buf_free) struct buf text = {0};
    buf_init(&text, DETAIL_BYTES_MAX);
    buf_byte(&text, '{');
    json_member_text(&text, "detail", span_from(incident->detail));
    json_member_time(&text, "found_at", incident->at_us);
    buf_byte(&text, '}');
    return pool_buf(pool, &text);
}

static enum status see(struct postgres *postgres, const struct shop_incident *incident,
                       struct work *work, struct error *error)
{
    const struct incident_subject subject = {.shop = incident->shop};
    /* No record shows it: the moment tells apart incidents of one shop. */
    const struct incident_origin origin = {.offset = incident->at_us,
                                           .recorded_at_us = incident->at_us};
    work->set.actor = incident->actor;
    bool taken = incident_set_add(&work->set, incident->class, &subject, &origin);
    ASSERT(taken);
    work->set.items[0].evidence = evidence_of(incident, work->pool);
    if (work->set.items[0].evidence.bytes == NULL)
        return out_of_memory(error);
    enum status status = postgres_script(postgres, "BEGIN", error);
    if (status == STATUS_OK)
        status =
            store_incidents_see(postgres, &work->set, work->pool, &work->changes, error);
    if (status == STATUS_OK)
        status = tell(postgres, work, incident->shop, error);
    return status == STATUS_OK ? postgres_script(postgres, "COMMIT", error) : status;
}

static enum status resolve(struct postgres *postgres,
                           const struct shop_incident *incident, struct work *work,
                           struct error *error)
{
    work->ends.actor = incident->actor;
    enum status status = postgres_script(postgres, "BEGIN", error);
    if (status == STATUS_OK)
        status = store_incidents_resolve(postgres, &work->ends, work->pool,
                                         &work->changes, error);
    if (status == STATUS_OK)
        status = tell(postgres, work, incident->shop, error);
    return status == STATUS_OK ? postgres_script(postgres, "COMMIT", error) : status;
}

static struct work *work_in(struct pool *pool)
{
    struct work *work = pool_take(pool, sizeof *work);
    if (work != NULL) {
        memset(work, 0, sizeof *work);
        work->pool = pool;
    }
    return work;
}

enum status shop_incident_raise(struct postgres *postgres,
                                const struct shop_incident *incident, bool *news_out,
                                struct error *error)
{
    bool is_open = false;
    *news_out = false;
    const struct shop_problem problem = problem_of(incident);
    enum status status = store_shop_incident_open(postgres, &problem, &is_open, error);
    if (status != STATUS_OK || is_open)
        return status;
    SCOPED(pool_free) struct pool pool;
    pool_init(&pool, POOL_MAX);
    struct work *work = work_in(&pool);
    if (work == NULL)
        return out_of_memory(error);
    *news_out = true;
    return see(postgres, incident, work, error);
}

enum status shop_incident_end(struct postgres *postgres,
                              const struct shop_incident *incident, bool *news_out,
                              struct error *error)
{
    *news_out = false;
    SCOPED(pool_free) struct pool pool;
    pool_init(&pool, POOL_MAX);
    struct work *work = work_in(&pool);
    if (work == NULL)
        return out_of_memory(error);
    const struct shop_problem problem = problem_of(incident);
    enum status status =
        store_shop_incident_ends(postgres, &problem, &pool, &work->ends, error);
    if (status != STATUS_OK || work->ends.count == 0)
        return status;
    *news_out = true;
    return resolve(postgres, incident, work, error);
}
