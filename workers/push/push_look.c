#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/incident_json.h"
#include "common/codec/json_text.h"
#include "common/domain/push_incident.h"
#include "common/io/store_oversold.h"
#include "common/io/store_refused.h"
#include "common/io/store_resolve_keep.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "common/runtime/trace_incidents.h"
#include "workers/push/push.h"

#define LOOK_EVERY_US 5000000
#define LOOK_BYTES_MAX ((size_t)16 << 20)
#define EVIDENCE_BYTES_MAX ((size_t)16 * 1024)

/* One look: everything of it lives in its pool. */
struct look {
    struct pusher *pusher;
    struct pool *pool;
    struct refused refused;
    struct oversold oversold;
    struct incident_set set;
    struct incident_ends ends;
    struct incident_changes changes;
    struct outbox_row rows[INCIDENT_SET_MAX];
    size_t opened;
    size_t ended;
    bool is_full; /* a page of something: there may be more */
};

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "push: out of memory for incidents");
}

/* ---- what is to be told ------------------------------------------------------------- */

static enum status tell(struct look *look, struct error *error)
{
    const struct incident_changes *changes = &look->changes;
    for (size_t at = 0; at < changes->count; at++)
        if (!incident_json_record(&changes->items[at].incident,
                                  changes->items[at].sighting, look->pool,
                                  &look->rows[at]))
            return out_of_memory(error);
    trace_incidents(changes);
    look->pusher->news.owed = true; /* others add rows too */
    return store_shop_outbox_add(look->pusher->postgres, look->pusher->lease.shop,
                                 look->rows, changes->count, error);
}

/* ---- pairs without an incident ------------------------------------------------------ */

static struct span evidence_of(const struct look *look, const struct refused_pair *pair,
                               struct span code)
{
    SCOPED(buf_free) struct buf text = {0};
    buf_init(&text, EVIDENCE_BYTES_MAX);
    buf_byte(&text, '{');
    json_member_text(&text, "fault", pair->fault);
    json_member_text(&text, "code", code);
    json_member_text(&text, "rule",
                     span_from(push_rule_by_code(PUSH_MATCH_USER_CODE, code)->id));
    json_member_number_or_null(&text, "write", pair->has_write, look->refused.write_id);
    json_member_number_or_null(&text, "quantity", pair->has_write, pair->quantity);
    json_member_number_or_null(&text, "desired", pair->has_desired, pair->desired);
    json_member_number_or_null(&text, "shown", pair->has_shown, pair->shown);
    json_member_time(&text, "found_at", pair->found_at_us);
    buf_byte(&text, '}');
    return pool_buf(look->pool, &text);
}

/* A pair and the moment at which something was found of it. */
struct moment {
    enum incident_class class;
    struct span sku;
    struct span location;
    int64_t at_us;
    struct span traceparent;
};

/* No record shows it: the moment tells apart incidents of one pair. */
static struct incident_sighting *sight(struct look *look, const struct moment *found)
{
    const struct incident_subject subject = {
        .shop = look->pusher->lease.shop, .sku = found->sku, .location = found->location};
    const struct incident_origin origin = {.offset = found->at_us,
                                           .recorded_at_us = found->at_us,
                                           .sku = found->sku,
                                           .location = found->location,
                                           .traceparent = found->traceparent};
    bool taken = incident_set_add(&look->set, found->class, &subject, &origin);
    ASSERT(taken); /* as many as a set has room for were asked for */
    return &look->set.items[look->set.count - 1];
}

static enum status add_sighting(struct look *look, const struct refused_pair *pair,
                                struct error *error)
{
    const struct span code = push_fault_code(pair->fault);
    struct incident_sighting *sighting =
        sight(look, &(struct moment){INCIDENT_PUSH_REFUSED, pair->sku, pair->location,
                                     pair->found_at_us, pair->traceparent});
    sighting->finding = push_finding(code);
    sighting->evidence = evidence_of(look, pair, code);
    return sighting->evidence.bytes != NULL ? STATUS_OK : out_of_memory(error);
}

static enum status open_new(struct look *look, struct error *error)
{
    struct postgres *postgres = look->pusher->postgres;
    enum status status = store_refused(postgres, &look->refused, error);
    for (size_t at = 0; at < look->refused.count && status == STATUS_OK; at++)
        status = add_sighting(look, &look->refused.pairs[at], error);
    if (status == STATUS_OK)
        status =
            store_incidents_see(postgres, &look->set, look->pool, &look->changes, error);
    if (status == STATUS_OK)
        status = tell(look, error);
    look->opened = look->refused.count;
    look->is_full = look->refused.count == INCIDENT_SET_MAX;
    return status;
}

/* ---- pairs that are oversold -------------------------------------------------------- */

static enum status add_oversold(struct look *look, const struct oversold_pair *pair,
                                struct error *error)
{
    SCOPED(buf_free) struct buf text = {0};
    buf_init(&text, EVIDENCE_BYTES_MAX);
    buf_byte(&text, '{');
    json_member_number(&text, "units", pair->units);
    json_member_time(&text, "found_at", pair->found_at_us);
    buf_byte(&text, '}');
    struct incident_sighting *sighting =
        sight(look, &(struct moment){pair->class, pair->sku, pair->location,
                                     pair->found_at_us, pair->traceparent});
    sighting->evidence = pool_buf(look->pool, &text);
    return sighting->evidence.bytes != NULL ? STATUS_OK : out_of_memory(error);
}

static enum status open_oversold(struct look *look, struct error *error)
{
    struct postgres *postgres = look->pusher->postgres;
    look->set.count = 0;
    enum status status = store_oversold(postgres, &look->oversold, error);
    for (size_t at = 0; at < look->oversold.count && status == STATUS_OK; at++)
        status = add_oversold(look, &look->oversold.pairs[at], error);
    if (status == STATUS_OK)
        status =
            store_incidents_see(postgres, &look->set, look->pool, &look->changes, error);
    if (status == STATUS_OK)
        status = tell(look, error);
    look->opened += look->oversold.count;
    look->is_full = look->is_full || look->oversold.count == INCIDENT_SET_MAX;
    return status;
}

/* ---- levels that a guard keeps from zero -------------------------------------------- */

static enum status end_these(struct look *look, struct error *error);

static enum status end_zeroing(struct look *look, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    const struct resolve_over over = {"zeroing_stopped", &look->pusher->lease.shop, 1,
                                      "no level of the shop waits to be zeroed any more"};
    look->ends.count = 0;
    enum status status = store_resolve_ends(look->pusher->postgres, &over, &rows, error);
    if (status == STATUS_OK)
        status = store_incidents_take_ends(&rows, look->pool, &look->ends, error);
    return status == STATUS_OK ? end_these(look, error) : status;
}

static enum status look_zeroing(struct look *look, struct error *error)
{
    bool is_over = false;
    look->set.count = 0;
    enum status status =
        push_look_zeroing(look->pusher, look->pool, &look->set, &is_over, error);
    if (status == STATUS_OK && is_over)
        return end_zeroing(look, error);
    if (status == STATUS_OK)
        status = store_incidents_see(look->pusher->postgres, &look->set, look->pool,
                                     &look->changes, error);
    if (status == STATUS_OK)
        status = tell(look, error);
    look->opened += look->set.count;
    return status;
}

/* ---- incidents without a pair ------------------------------------------------------- */

static enum status end_these(struct look *look, struct error *error)
{
    struct postgres *postgres = look->pusher->postgres;
    enum status status =
        store_incidents_resolve(postgres, &look->ends, look->pool, &look->changes, error);
    if (status == STATUS_OK)
        status = tell(look, error);
    look->ended += look->ends.count;
    look->is_full = look->is_full || look->ends.count == INCIDENT_SET_MAX;
    return status;
}

static enum status end_over(struct look *look, struct error *error)
{
    struct postgres *postgres = look->pusher->postgres;
    enum status status =
        store_refused_over(postgres, look->refused.shop, look->pool, &look->ends, error);
    if (status == STATUS_OK)
        status = end_these(look, error);
    if (status == STATUS_OK)
        status = store_oversold_over(postgres, &look->oversold, &look->ends, error);
    return status == STATUS_OK ? end_these(look, error) : status;
}

/* ---- one look ----------------------------------------------------------------------- */

static enum status compare(struct look *look, struct error *error)
{
    struct pusher *pusher = look->pusher;
    int64_t began_us = clock_monotonic_us();
    enum status status = postgres_script(pusher->postgres, "BEGIN", error);
    if (status == STATUS_OK)
        status = store_lease_renew(pusher->postgres, &pusher->lease, error);
    if (status != STATUS_OK)
        return status;
    if (pusher->lease.lost)
        return postgres_script(pusher->postgres, "ROLLBACK", error);
    status = open_new(look, error);
    if (status == STATUS_OK)
        status = open_oversold(look, error);
    if (status == STATUS_OK)
        status = look_zeroing(look, error);
    if (status == STATUS_OK)
        status = end_over(look, error);
    if (status == STATUS_OK)
        status = postgres_script(pusher->postgres, "COMMIT", error);
    if (status == STATUS_OK)
        pusher->lease_end_us = began_us + pusher->lease.length_ms * 1000;
    return status;
}

static void log_look(const struct look *look)
{
    if (look->opened + look->ended == 0)
        return;
    log_info("incidents", LOG_TEXT("shop", look->pusher->name),
             LOG_INT("opened", (int64_t)look->opened),
             LOG_INT("resolved", (int64_t)look->ended), LOG_END);
}

static bool settle(struct pusher *pusher, const struct look *look, enum status status,
                   const struct error *error)
{
    struct push_news *news = &pusher->news;
    if (status != STATUS_OK) {
        push_trouble(pusher, "postgres", error);
        return false;
    }
    if (pusher->lease.lost) {
        push_lost(pusher);
        return false;
    }
    log_look(look);
    news->look_us = look->is_full ? 0 : clock_monotonic_us() + LOOK_EVERY_US;
    long long seen = look->refused.write_id;
    if (!look->is_full) /* unless another write was refused meanwhile */
        (void)atomic_compare_exchange_strong(&pusher->crew->refused, &seen, 0);
    return true;
}

bool push_look(struct pusher *pusher)
{
    SCOPED(pool_free) struct pool pool;
    struct error error = {0};
    enum status status = STATUS_RETRY;
    pool_init(&pool, LOOK_BYTES_MAX);
    struct look *look = pool_take(&pool, sizeof(*look));
    if (look == NULL) {
        (void)out_of_memory(&error);
    } else {
        memset(look, 0, sizeof(*look));
        look->pusher = pusher;
        look->pool = &pool;
        look->refused.shop = pusher->lease.shop;
        look->refused.write_id = atomic_load(&pusher->crew->refused);
        look->refused.pool = &pool;
        look->oversold.shop = pusher->lease.shop;
        look->oversold.mode = pusher->shop->mode;
        look->oversold.pool = &pool;
        look->set.actor = look->ends.actor = "push";
        status = compare(look, &error);
    }
    return settle(pusher, look, status, &error);
}
