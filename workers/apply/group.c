/*
 * The group's side of apply: partitions come and go, Kafka hears how far we are, and a
 * partition that was lost to a fence but is still assigned to us is taken again.
 */
#include "common/base/check.h"
#include "common/runtime/admin.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "workers/apply/apply.h"

#include <stdio.h>
#include <string.h>

#define POLL_MS 20          /* a signal to end waits for it */
#define REFRESH_WAIT_MS 600 /* longer than a broker keeps a fetch that finds nothing */
#define HINT_EVERY_US 1000000LL
#define REFRESH_EVERY_US 30000000LL
#define LOST_FOR_US 10000000LL
#define HINTS_MAX 256
#define TROUBLE_EVERY_US 10000000LL
#define TAKE_WAIT_FIRST_US 100000LL
#define TAKE_WAIT_MAX_US 3000000LL

static enum status take(struct apply *apply, int32_t partition, struct take *take_out,
                        struct error *error)
{
    enum status status = STATUS_OK;
    if (!postgres_alive(apply->postgres)) {
        const struct postgres_options options = apply_postgres_options(apply);
        postgres_close(&apply->postgres);
        status = postgres_open(&options, &apply->postgres, error);
    }
    if (status == STATUS_OK)
        status = store_take(apply->postgres,
                            &(struct partition_ref){span_from(apply->topic), partition},
                            span_from(apply->owner), take_out, error);
    if (status == STATUS_OK && !apply_tells(apply) && take_out->until_offset == INT64_MAX)
        take_out->until_offset = 0; /* of a partition that the shadow was not made with */
    return status;
}

/* While Postgres is away the group is served on, and Postgres asked at growing intervals. */
static enum status on_taken(void *self, int32_t partition, int lane, int64_t *offset_out)
{
    struct apply *apply = self;
    struct group *group = &apply->membership;
    struct error error = {0};
    struct take taken = {0};
    if (clock_monotonic_us() < group->take_after_us)
        return STATUS_RETRY;
    if (take(apply, partition, &taken, &error) != STATUS_OK) {
        life_ready("postgres", false, error.text);
        group->take_wait_us =
            group->take_wait_us == 0 ? TAKE_WAIT_FIRST_US : group->take_wait_us * 2;
        if (group->take_wait_us > TAKE_WAIT_MAX_US)
            group->take_wait_us = TAKE_WAIT_MAX_US;
        group->take_after_us = clock_monotonic_us() + group->take_wait_us;
        return STATUS_RETRY;
    }
    group->take_wait_us = 0;
    lane_take_part(&apply->lanes[lane], partition, &taken);
    *offset_out = taken.next_offset < 0 ? KAFKA_OFFSET_START : taken.next_offset;
    log_info("partition taken", LOG_TEXT("topic", apply->topic),
             LOG_INT("partition", partition), LOG_INT("epoch", taken.epoch),
             LOG_INT("next_offset", taken.next_offset), LOG_END);
    return STATUS_OK;
}

static void on_dropped(void *self, int32_t partition, int lane)
{
    struct apply *apply = self;
    lane_drop_part(&apply->lanes[lane], partition);
    log_info("partition dropped", LOG_TEXT("topic", apply->topic),
             LOG_INT("partition", partition), LOG_END);
}

/* The same again within seconds says nothing new. */
static bool is_said_lately(struct group *group, const char *code)
{
    int64_t now_us = clock_monotonic_us();
    struct said *oldest = &group->said[0];
    bool lately = false;
    (void)pthread_mutex_lock(&group->lock);
    for (size_t at = 0; at < COUNT_OF(group->said); at++) {
        struct said *said = &group->said[at];
        if (strncmp(said->code, code, sizeof(said->code) - 1) == 0) {
            lately = now_us - said->at_us < TROUBLE_EVERY_US;
            oldest = said;
            break;
        }
        if (said->at_us < oldest->at_us)
            oldest = said;
    }
    if (!lately) {
        oldest->at_us = now_us;
        (void)snprintf(oldest->code, sizeof(oldest->code), "%s", code);
    }
    (void)pthread_mutex_unlock(&group->lock);
    return lately;
}

static void on_trouble(void *self, const struct error *error)
{
    struct apply *apply = self;
    if (!is_said_lately(&apply->membership, error->code))
        log_warn("kafka", LOG_TEXT("error", error->text), LOG_TEXT("code", error->code),
                 LOG_END);
}

/*
 * Nothing is skipped unless a person has said so: what fell out of the topic unread is lost
 * to the levels until the next count of its SKUs.
 */
static bool on_gap(void *self, const struct kafka_gap *gap)
{
    struct apply *apply = self;
    bool is_another = gap->wanted > gap->end;
    bool goes_on = apply->accept_gap && !is_another;
    const char *remedy =
        is_another
            ? "the topic holds less than was judged: it was made anew or cut off; bring "
              "it back, or start on a PARSTOCK_SCHEMA of its own"
        : goes_on ? "skipped, as --accept-gap says; send a full count of every source"
                  : "partition stopped; once its loss is accepted, start one worker with "
                    "--accept-gap, and send a full count of every source";
    if (goes_on)
        metric_add(apply->membership.skipped, gap->first - gap->wanted);
    log_write(goes_on ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR,
              "records fell out of the topic before they were read",
              LOG_FIELDS(LOG_TEXT("topic", apply->topic),
                         LOG_INT("partition", gap->partition),
                         LOG_INT("wanted", gap->wanted), LOG_INT("first", gap->first),
                         LOG_INT("end", gap->end), LOG_TEXT("remedy", remedy), LOG_END));
    return goes_on;
}

static void on_library_line(int level, const char *facility, const char *text)
{
    log_write(
        level <= 3 ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "librdkafka",
        LOG_FIELDS(LOG_TEXT("facility", facility), LOG_TEXT("text", text), LOG_END));
}

/* ---- opening ----------------------------------------------------------------------------- */

static struct kafka_options kafka_options(struct apply *apply)
{
    for (size_t at = 0; at < apply->config.kafka_property_count; at++)
        apply->settings[at] =
            (struct kafka_setting){apply->config.kafka_properties[at].name,
                                   apply->config.kafka_properties[at].value};
    return (struct kafka_options){.brokers = apply->config.kafka_brokers,
                                  .settings = apply->settings,
                                  .setting_count = apply->config.kafka_property_count,
                                  .client_id = "parstock-apply",
                                  .log = on_library_line};
}

static void open_membership(struct group *group)
{
    (void)pthread_mutex_init(&group->lock, NULL);
    group->stopped =
        metrics_gauge("parstock_partitions_stopped", "",
                      "Partitions that stand still because records fell out of "
                      "the topic before they were read.");
    group->skipped = metrics_counter("parstock_gap_records_total", "",
                                     "Records skipped by --accept-gap.");
    group->lag_records =
        metrics_gauge("parstock_apply_lag_records", "",
                      "Records of the partitions held that are not judged yet.");
    group->lag_seconds = metrics_gauge_seconds(
        "parstock_apply_lag_seconds", "",
        "How long the oldest record not judged yet has been waiting, at most.");
}

enum status group_open(struct apply *apply, struct error *error)
{
    open_membership(&apply->membership);
    const struct kafka_options kafka = kafka_options(apply);
    enum status status = STATUS_OK;
    if (apply_tells(apply))
        status = kafka_out_open(&kafka, relay_acked, &apply->out, error);
    if (status != STATUS_OK)
        return status;
    const struct kafka_in_options options = {.kafka = kafka,
                                             .group = apply->group,
                                             .topic = apply->topic,
                                             .lanes = apply->lane_count,
                                             .owner = {.self = apply,
                                                       .taken = on_taken,
                                                       .dropped = on_dropped,
                                                       .gap = on_gap,
                                                       .trouble = on_trouble}};
    return kafka_in_open(&options, &apply->in, error);
}

/* ---- running ------------------------------------------------------------------------------ */

/* The group of a shadow leaves nothing behind. */
static void send_hints(struct apply *apply)
{
    struct lane_hint hints[HINTS_MAX];
    if (!apply_tells(apply))
        return;
    for (int lane = 0; lane < apply->lane_count; lane++) {
        size_t count = lane_hints(&apply->lanes[lane], hints, HINTS_MAX);
        for (size_t at = 0; at < count; at++)
            kafka_in_hint(apply->in, hints[at].partition, hints[at].next_offset);
    }
}

/* Two owners of one partition that do not know of each other settle it by epoch. */
static void take_back(struct apply *apply, int lane)
{
    struct error error = {0};
    struct take taken = {0};
    int32_t partition = lane_lost_part(&apply->lanes[lane], LOST_FOR_US);
    if (partition < 0)
        return;
    if (take(apply, partition, &taken, &error) != STATUS_OK)
        return;
    if (lane_take_back(&apply->lanes[lane], partition, &taken, &error) != STATUS_OK) {
        on_trouble(apply, &error);
        return;
    }
    log_warn("partition taken back", LOG_TEXT("topic", apply->topic),
             LOG_INT("partition", partition), LOG_INT("epoch", taken.epoch), LOG_END);
}

static void show_lag(struct apply *apply)
{
    struct lane_lag lag = {0};
    for (int lane = 0; lane < apply->lane_count; lane++)
        lane_add_lag(&apply->lanes[lane], &lag);
    metric_set(apply->membership.lag_records, lag.records);
    metric_set(apply->membership.lag_seconds, lag.seconds_us);
}

struct clocks {
    int64_t hint_us;
    int64_t refresh_us;
};

static void show_gaps(struct apply *apply)
{
    struct kafka_gap gap = {0};
    char why[160] = "";
    int count = kafka_in_gaps(apply->in, &gap);
    metric_set(apply->membership.stopped, count);
    if (count > 0)
        (void)snprintf(
            why, sizeof(why),
            "%d stopped; partition %d needs offset %lld, the topic begins at %lld: "
            "see --accept-gap",
            count, (int)gap.partition, (long long)gap.wanted, (long long)gap.first);
    life_ready("partitions", count == 0, why);
}

static void tick(struct apply *apply, struct clocks *clocks)
{
    int64_t now_us = clock_monotonic_us();
    struct error why = {0};
    admin_alive();
    if (now_us - clocks->hint_us > HINT_EVERY_US) {
        clocks->hint_us = now_us;
        send_hints(apply);
        show_lag(apply);
        for (int lane = 0; lane < apply->lane_count; lane++)
            take_back(apply, lane);
    }
    if (now_us - clocks->refresh_us > REFRESH_EVERY_US) {
        clocks->refresh_us = now_us;
        kafka_in_refresh(apply->in, REFRESH_WAIT_MS);
    }
    life_ready("kafka", kafka_in_health(apply->in, &why) == STATUS_OK, why.text);
    show_gaps(apply);
}

enum status group_run(struct apply *apply, struct error *error)
{
    struct clocks clocks = {.refresh_us = clock_monotonic_us()};
    while (!life_ending()) {
        enum status status = kafka_in_poll(apply->in, POLL_MS, error);
        if (status == STATUS_FATAL)
            return status;
        if (status != STATUS_OK)
            on_trouble(apply, error);
        tick(apply, &clocks);
    }
    return STATUS_OK;
}
