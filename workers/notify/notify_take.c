/*
 * The intake. One lane, taken and polled on one thread: a partition that is dropped has no
 * effect any more once on_dropped returns.
 */
#include "workers/notify/notify.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/alert_json.h"
#include "common/io/store_alerts.h"
#include "common/runtime/admin.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"

#define POLL_MS 10
#define WAIT_MS 40
#define PARTITIONS_MAX 1024
#define POOL_BYTES_MAX ((size_t)512 << 20)
#define HINT_EVERY_US 1000000LL
#define REFRESH_EVERY_US 30000000LL
#define REFRESH_WAIT_MS 100

struct intake {
    struct notify *notify;
    struct pool pool; /* of a batch */
    size_t part_count;
    struct alert_partition parts[PARTITIONS_MAX];
    int tries; /* of Postgres */
    int64_t hint_us;
    int64_t refresh_us;
    struct metric *taken;
    struct metric *unreadable;
    struct metric *unrouted;
};

/* ---- partitions ------------------------------------------------------------------------- */

static struct alert_partition *part_of(struct intake *intake, int32_t partition)
{
    for (size_t at = 0; at < intake->part_count; at++)
        if (intake->parts[at].partition == partition)
            return &intake->parts[at];
    return NULL;
}

static bool have_postgres(struct intake *intake, struct error *error)
{
    struct notify *notify = intake->notify;
    const struct postgres_options options = {.dsn = notify->config->postgres,
                                             .schema = notify->config->schema,
                                             .application_name = "parstock notify"};
    if (notify->postgres != NULL && postgres_alive(notify->postgres))
        return true;
    postgres_close(&notify->postgres);
    return postgres_open(&options, &notify->postgres, error) == STATUS_OK;
}

static enum status on_taken(void *self, int32_t partition, int lane, int64_t *offset_out)
{
    struct intake *intake = self;
    struct error error = {0};
    struct alert_partition part = {.topic = span_from(intake->notify->topic),
                                   .partition = partition};
    (void)lane;
    ASSERT(intake->part_count < PARTITIONS_MAX);
    if (!have_postgres(intake, &error) ||
        store_alerts_take(intake->notify->postgres, &part, &error) != STATUS_OK) {
        life_ready("postgres", false, error.text);
        return STATUS_RETRY;
    }
    intake->parts[intake->part_count++] = part;
    *offset_out = part.next_offset < 0 ? KAFKA_OFFSET_START : part.next_offset;
    log_info("partition taken", LOG_TEXT("topic", intake->notify->topic),
             LOG_INT("partition", partition), LOG_INT("epoch", part.epoch),
             LOG_INT("next_offset", part.next_offset), LOG_END);
    return STATUS_OK;
}

static void on_dropped(void *self, int32_t partition, int lane)
{
    struct intake *intake = self;
    struct alert_partition *part = part_of(intake, partition);
    (void)lane;
    if (part != NULL)
        *part = intake->parts[--intake->part_count];
    log_info("partition dropped", LOG_TEXT("topic", intake->notify->topic),
             LOG_INT("partition", partition), LOG_END);
}

/* Whom a change concerns that is no longer there the incident's table tells; alerts of what
 * is open still come with its next change. */
static bool on_gap(void *self, const struct kafka_gap *gap)
{
    struct intake *intake = self;
    log_warn("changes of incidents fell out of the topic before they were read; what was "
             "not told yet is told with its next change",
             LOG_TEXT("topic", intake->notify->topic),
             LOG_INT("partition", gap->partition), LOG_INT("wanted", gap->wanted),
             LOG_INT("first", gap->first), LOG_END);
    return true;
}

static void on_trouble(void *self, const struct error *error)
{
    (void)self;
    log_debug("kafka", LOG_TEXT("error", error->text), LOG_TEXT("code", error->code),
              LOG_END);
}

/* ---- records to cells --------------------------------------------------------------------- */

/* A change that could be read. */
struct change {
    struct alert_incident incident;
    struct span value;
    struct span traceparent;
    int64_t revision;
    size_t place; /* of the incident on the board */
};

struct batch {
    struct alert_board board;
    size_t count;
    struct change changes[ALERT_BATCH_MAX];
};

struct span notify_header(const struct kafka_record *record, const char *wanted)
{
    struct span name;
    struct span value;
    for (size_t at = 0; kafka_record_header(record, at, &name, &value); at++)
        if (span_is(name, wanted))
            return value;
    return (struct span){0};
}

static bool revision_of(const struct kafka_record *record, int64_t *revision_out)
{
    struct span id = notify_header(record, "ce_id");
    return id.bytes != NULL && alert_revision_parse(id, revision_out);
}

static void unreadable(struct intake *intake, const struct kafka_record *record,
                       const char *why)
{
    metric_add(intake->unreadable, 1);
    log_error("record is no change of an incident and is passed over",
              LOG_TEXT("topic", intake->notify->topic),
              LOG_INT("partition", record->partition), LOG_INT("offset", record->offset),
              LOG_TEXT("why", why), LOG_END);
}

static size_t place_of(struct alert_board *board, const struct alert_incident *incident)
{
    size_t at = 0;
    while (at < board->count && !span_equal(board->ids[at], incident->id))
        at++;
    if (at == board->count) {
        board->ids[board->count] = incident->id;
        board->skus[board->count++] =
            incident->sku.bytes != NULL ? incident->sku : SPAN_OF("");
    }
    return at;
}

static void read_record(struct intake *intake, struct batch *batch,
                        const struct kafka_record *record)
{
    struct change *change = &batch->changes[batch->count];
    const char *why = "header ce_id";
    *change = (struct change){.value = record->value};
    if (!revision_of(record, &change->revision) ||
        !alert_incident_decode(record->value, &intake->pool, &change->incident, &why)) {
        unreadable(intake, record, why);
        return;
    }
    change->traceparent = notify_trace_carried(record, change->incident.id,
                                               change->revision, &intake->pool);
    change->place = place_of(&batch->board, &change->incident);
    batch->count++;
}

static struct alert_facts facts_of(const struct alert_incident *incident)
{
    return (struct alert_facts){.class = incident->class,
                                .cause = incident->cause,
                                .shop = incident->shop,
                                .severity = incident->severity,
                                .route = incident->route};
}

/* One change on one route's cell. */
static bool take_change(struct batch *batch, const struct change *change, size_t route)
{
    const struct alert_incident *incident = &change->incident;
    struct alert_board *board = &batch->board;
    const struct alert_facts facts = facts_of(incident);
    struct alert_cell *cell = &board->cells[change->place * board->route_count + route];
    const struct alert_news news = {
        .revision = change->revision,
        .state = incident->state,
        .severity = incident->severity,
        .carried = alert_carry(&board->routes[route], &facts)->carries,
        .is_past = board->is_resolved[change->place] &&
                   board->revisions[change->place] > change->revision};
    int64_t crossing = cell->standing.crossing;
    const struct alert_intake *rule = alert_take(&cell->standing, &news);
    if (rule->effect == ALERT_DROPS)
        return news.carried;
    cell->is_changed = true;
    cell->is_wanted = cell->is_wanted || rule->effect == ALERT_WANTS;
    cell->value = change->value;
    cell->traceparent = change->traceparent;
    if (cell->standing.crossing != crossing)
        cell->since_us =
            incident->state == INCIDENT_OPENED ? incident->opened_at_us : incident->at_us;
    return true;
}

static void take_all(struct intake *intake, struct batch *batch)
{
    for (size_t at = 0; at < batch->count; at++) {
        bool heard = false;
        for (size_t route = 0; route < batch->board.route_count; route++)
            heard = take_change(batch, &batch->changes[at], route) || heard;
        if (!heard)
            metric_add(intake->unrouted, 1);
    }
}

/* ---- a batch --------------------------------------------------------------------------------- */

static enum status write_batch(struct intake *intake, struct batch *batch,
                               struct alert_partition *part, int64_t next_offset,
                               struct error *error)
{
    struct postgres *postgres = intake->notify->postgres;
    enum status status = postgres_script(postgres, "BEGIN", error);
    if (status == STATUS_OK)
        status = store_alerts_advance(postgres, part, next_offset, error);
    if (status == STATUS_OK && part->lost)
        return postgres_script(postgres, "ROLLBACK", error);
    if (status == STATUS_OK && batch->count > 0 && batch->board.route_count > 0) {
        status = store_alerts_load(postgres, &batch->board, &intake->pool, error);
        if (status == STATUS_OK) {
            take_all(intake, batch);
            status = store_alerts_save(postgres, &batch->board, &intake->pool, error);
        }
    }
    if (status == STATUS_OK)
        status = postgres_script(postgres, "COMMIT", error);
    return status;
}

static bool is_next(const struct alert_partition *part, const struct kafka_record *record)
{
    return record->partition == part->partition && record->offset >= part->next_offset;
}

/* Returns the offset behind it. */
static int64_t read_next(struct intake *intake, struct batch *batch,
                         const struct kafka_record *record)
{
    if (record->is_end)
        return record->offset;
    read_record(intake, batch, record);
    return record->offset + 1;
}

static enum status take_batch(struct intake *intake, struct alert_partition *part,
                              const struct kafka_record *records, size_t count,
                              struct error *error)
{
    const struct contract *contract = intake->notify->contract;
    int64_t next_offset = part->next_offset;
    pool_reset(&intake->pool);
    struct batch *batch = pool_take(&intake->pool, sizeof(*batch));
    if (batch == NULL || !have_postgres(intake, error))
        return batch != NULL ? STATUS_RETRY
                             : error_set(error, STATUS_RETRY, "notify: out of memory");
    memset(batch, 0, sizeof(*batch));
    batch->board.routes = contract->alerts;
    batch->board.route_count = contract->alert_count;
    for (size_t at = 0; at < count; at++)
        if (is_next(part, &records[at]))
            next_offset = read_next(intake, batch, &records[at]);
    if (next_offset == part->next_offset)
        return STATUS_OK;
    enum status status = write_batch(intake, batch, part, next_offset, error);
    if (status == STATUS_OK && !part->lost)
        part->next_offset = next_offset;
    metric_add(intake->taken, status == STATUS_OK ? (int64_t)batch->count : 0);
    return status;
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void wait_for_postgres(struct intake *intake, const struct error *error)
{
    if (intake->tries == 0)
        log_warn("waiting", LOG_TEXT("for", "postgres"), LOG_TEXT("code", error->code),
                 LOG_TEXT("error", error->text), LOG_END);
    life_ready("postgres", false, error->text);
    postgres_close(&intake->notify->postgres);
    life_back_off(&intake->tries);
}

/* The records of one partition, until they are in or the partition is another's. The group
 * is served meanwhile, so that nobody takes us for dead. */
static enum status take_part(struct intake *intake, int32_t partition,
                             const struct kafka_record *records, size_t count,
                             struct error *error)
{
    while (!life_ending()) {
        struct alert_partition *part = part_of(intake, partition);
        struct error passing = {0};
        if (part == NULL || part->lost)
            return STATUS_OK;
        enum status status = take_batch(intake, part, records, count, &passing);
        if (status == STATUS_OK) {
            intake->tries = 0;
            life_ready("postgres", true, "");
            (void)atomic_fetch_add(&intake->notify->news, 1);
            return STATUS_OK;
        }
        if (status == STATUS_FATAL) {
            *error = passing;
            return status;
        }
        wait_for_postgres(intake, &passing);
        if (kafka_in_poll(intake->notify->in, 0, error) == STATUS_FATAL)
            return STATUS_FATAL;
        admin_alive();
    }
    return STATUS_OK;
}

static enum status take_some(struct intake *intake, struct error *error)
{
    struct kafka_record records[ALERT_BATCH_MAX];
    size_t count = kafka_in_take(intake->notify->in, 0, records, COUNT_OF(records));
    enum status status = STATUS_OK;
    for (size_t at = 0; at < count && status == STATUS_OK; at++) {
        size_t before = 0;
        while (records[before].partition != records[at].partition)
            before++;
        if (before == at) /* the first of its partition speaks for all */
            status = take_part(intake, records[at].partition, records, count, error);
    }
    for (size_t at = 0; at < count; at++)
        if (!records[at].is_end)
            kafka_record_release(&records[at]);
    return status;
}

static void look_after(struct intake *intake)
{
    struct notify *notify = intake->notify;
    int64_t now_us = clock_monotonic_us();
    struct error why = {0};
    admin_alive();
    if (now_us - intake->hint_us > HINT_EVERY_US) {
        intake->hint_us = now_us;
        for (size_t at = 0; at < intake->part_count; at++)
            if (intake->parts[at].next_offset >= 0)
                kafka_in_hint(notify->in, intake->parts[at].partition,
                              intake->parts[at].next_offset);
        if (have_postgres(intake, &why))
            life_ready("postgres", true, "");
        else
            life_ready("postgres", false, why.text);
    }
    if (now_us - intake->refresh_us > REFRESH_EVERY_US) {
        intake->refresh_us = now_us;
        kafka_in_refresh(notify->in, REFRESH_WAIT_MS);
    }
    life_ready("kafka", kafka_in_health(notify->in, &why) == STATUS_OK, why.text);
}

/* A fence that was lost to an owner who is gone by now is taken anew with the partition. */
static void take_back(struct intake *intake)
{
    struct error error = {0};
    for (size_t at = 0; at < intake->part_count; at++) {
        struct alert_partition *part = &intake->parts[at];
        if (!part->lost || !have_postgres(intake, &error) ||
            store_alerts_take(intake->notify->postgres, part, &error) != STATUS_OK)
            continue;
        int64_t from = part->next_offset < 0 ? KAFKA_OFFSET_START : part->next_offset;
        if (kafka_in_seek(intake->notify->in, part->partition, from, &error) != STATUS_OK)
            on_trouble(intake, &error);
    }
}

static enum status run(struct intake *intake, struct error *error)
{
    struct notify *notify = intake->notify;
    enum status status = STATUS_OK;
    while (!life_ending() && status != STATUS_FATAL) {
        status = kafka_in_poll(notify->in, POLL_MS, error);
        if (status == STATUS_FATAL)
            return status;
        look_after(intake);
        take_back(intake);
        kafka_in_wait(notify->in, 0, WAIT_MS);
        status = take_some(intake, error);
    }
    return status == STATUS_FATAL ? status : STATUS_OK;
}

enum status notify_take(struct notify *notify, struct error *error)
{
    static struct intake intake;
    const struct kafka_in_options options = {
        .kafka = config_kafka(notify->config, "parstock-notify"),
        .group = notify->group,
        .topic = notify->topic,
        .lanes = 1,
        .owner = {.self = &intake,
                  .taken = on_taken,
                  .dropped = on_dropped,
                  .gap = on_gap,
                  .trouble = on_trouble}};
    intake = (struct intake){.notify = notify, .refresh_us = clock_monotonic_us()};
    intake.taken = metrics_counter("parstock_notify_records_total", "outcome=\"taken\"",
                                   "Changes of incidents read.");
    intake.unreadable =
        metrics_counter("parstock_notify_records_total", "outcome=\"unreadable\"",
                        "Changes of incidents read.");
    intake.unrouted =
        metrics_counter("parstock_notify_unrouted_total", "",
                        "Changes of incidents that no route of the contract carries.");
    pool_init(&intake.pool, POOL_BYTES_MAX);
    enum status status = kafka_in_open(&options, &notify->in, error);
    if (status == STATUS_OK)
        status = run(&intake, error);
    kafka_in_close(&notify->in);
    postgres_close(&notify->postgres);
    pool_free(&intake.pool);
    return status;
}
