/*
 * The group's side of apply: partitions come and go, Kafka hears how far we are, and a
 * partition that was lost to a fence but is still assigned to us is taken again.
 */
#include "common/base/check.h"
#include "common/runtime/admin.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "workers/apply/apply.h"

#define POLL_MS 100
#define HINT_EVERY_US 1000000LL
#define REFRESH_EVERY_US 30000000LL
#define LOST_FOR_US 10000000LL
#define HINTS_MAX 256

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
    return status;
}

static enum status on_taken(void *self, int32_t partition, int lane, int64_t *offset_out)
{
    struct apply *apply = self;
    struct error error = {0};
    struct take taken = {0};
    enum status status = take(apply, partition, &taken, &error);
    if (status != STATUS_OK) {
        life_ready("postgres", false, error.text);
        return STATUS_RETRY;
    }
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

static void on_trouble(void *self, const struct error *error)
{
    (void)self;
    log_warn("kafka", LOG_TEXT("error", error->text), LOG_TEXT("code", error->code),
             LOG_END);
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

enum status group_open(struct apply *apply, struct error *error)
{
    const struct kafka_options kafka = kafka_options(apply);
    enum status status = kafka_out_open(&kafka, relay_acked, &apply->out, error);
    if (status != STATUS_OK)
        return status;
    const struct kafka_in_options options = {.kafka = kafka,
                                             .group = apply->group,
                                             .topic = apply->topic,
                                             .lanes = apply->lane_count,
                                             .owner = {.self = apply,
                                                       .taken = on_taken,
                                                       .dropped = on_dropped,
                                                       .trouble = on_trouble}};
    return kafka_in_open(&options, &apply->in, error);
}

/* ---- running ------------------------------------------------------------------------------ */

static void send_hints(struct apply *apply)
{
    struct lane_hint hints[HINTS_MAX];
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
    lane_take_part(&apply->lanes[lane], partition, &taken);
    if (kafka_in_seek(apply->in, partition,
                      taken.next_offset < 0 ? KAFKA_OFFSET_START : taken.next_offset,
                      &error) != STATUS_OK)
        on_trouble(apply, &error);
    log_warn("partition taken back", LOG_TEXT("topic", apply->topic),
             LOG_INT("partition", partition), LOG_INT("epoch", taken.epoch), LOG_END);
}

struct clocks {
    int64_t hint_us;
    int64_t refresh_us;
};

static void tick(struct apply *apply, struct clocks *clocks)
{
    int64_t now_us = clock_monotonic_us();
    admin_alive();
    if (now_us - clocks->hint_us > HINT_EVERY_US) {
        clocks->hint_us = now_us;
        send_hints(apply);
        for (int lane = 0; lane < apply->lane_count; lane++)
            take_back(apply, lane);
    }
    if (now_us - clocks->refresh_us > REFRESH_EVERY_US) {
        clocks->refresh_us = now_us;
        kafka_in_refresh(apply->in, POLL_MS);
    }
    life_ready("kafka", kafka_in_partitions(apply->in) > 0,
               "the broker has not answered");
}

enum status group_run(struct apply *apply, struct error *error)
{
    struct clocks clocks = {.refresh_us =
                                clock_monotonic_us() - REFRESH_EVERY_US + 1000000};
    while (!life_ending()) {
        enum status status = kafka_in_poll(apply->in, POLL_MS, error);
        if (status != STATUS_OK)
            return status;
        tick(apply, &clocks);
    }
    return STATUS_OK;
}
