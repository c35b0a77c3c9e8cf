/*
 * parstock capacity: partitions, pods, sizes and ceilings by a user's own figures.
 */
#include "common/domain/capacity.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/json_text.h"
#include "common/runtime/config.h"
#include "common/runtime/output.h"
#include "workers/commands.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>

#define TEXT_BYTES_MAX ((size_t)1024 * 1024)

struct capacity_flags {
    struct capacity_inputs inputs;
    const char *plan;
};

#define NUMBER(name, field, help)                                                        \
    {                                                                                    \
        name, FLAG_INTEGER, offsetof(struct capacity_flags, inputs.field), "N", help     \
    }

static const struct flag FLAGS[] = {
    NUMBER("pairs", pairs, "pairs of SKU and location; default 1000000"),
    NUMBER("events", events, "stock changes a day; default 5000000"),
    NUMBER("event-bytes", event_bytes, "bytes of one; default 400"),
    NUMBER("peak", peak, "the busiest minute over the mean of a day; default 10"),
    NUMBER("orders", orders, "order lines a day, of all shops; default 50000"),
    NUMBER("shops", shops, "shops that show the stock; default 1"),
    {"plan", FLAG_TEXT, offsetof(struct capacity_flags, plan), "PLAN",
     "of each shop: standard, advanced, plus or enterprise; default standard"},
    NUMBER("idempotency-days", idempotency_days, "that the ledger keeps; default 35"),
    NUMBER("topic-days", topic_days, "that the topic keeps; default 14"),
    NUMBER("topic-replicas", topic_replicas, "of each record; default 3"),
    NUMBER("outage-seconds", outage_seconds,
           "of an outage that is to be caught up with; default 3600"),
    NUMBER("pod-events", pod_events,
           "events a second that a pod of apply is planned with; default 50000"),
};

static const struct command_spec SPEC = {
    .name = "capacity",
    .summary = "what your own figures ask for",
    .usage = "[--pairs N] [--events N] [--shops N] [--plan PLAN] .. [-o table|json]",
    .detail =
        "Computes partitions, pods, sizes and the shops' own ceilings from figures "
        "of yours; each line shows its formula. The rates in the formulas were "
        "measured on two cores (docs/scaling.md says where): measure your own with "
        "your own events before you buy anything.\n\n"
        "No prices are known here. A month costs apply_cores and postgres_cores "
        "times the price of a core, plus postgres_size and kafka_size times the "
        "price of a byte on fast disks, plus what your broker takes for kafka_write.",
    .uses = CONFIG_OUTPUT,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

/* ---- inputs --------------------------------------------------------------------------- */

struct bound {
    const char *flag;
    const char *name; /* in JSON */
    size_t offset;
    int64_t min;
    int64_t max;
};

#define BOUND(flag, field, min, max)                                                     \
    {                                                                                    \
        flag, #field, offsetof(struct capacity_inputs, field), min, max                  \
    }

static const struct bound BOUNDS[] = {
    BOUND("pairs", pairs, 1, 1000000000000),
    BOUND("events", events, 1, 1000000000000),
    BOUND("event-bytes", event_bytes, 1, 65536),
    BOUND("peak", peak, 1, 1000),
    BOUND("orders", orders, 0, 1000000000),
    BOUND("shops", shops, 1, 100),
    BOUND("idempotency-days", idempotency_days, 1, 3660),
    BOUND("topic-days", topic_days, 1, 3660),
    BOUND("topic-replicas", topic_replicas, 1, 15),
    BOUND("outage-seconds", outage_seconds, 0, 31622400),
    BOUND("pod-events", pod_events, 1, 10000000),
};

static int64_t *field_of(struct capacity_inputs *inputs, const struct bound *bound)
{
    return (int64_t *)(void *)((char *)inputs + bound->offset);
}

static enum status check_inputs(struct capacity_flags *flags, struct error *error)
{
    for (size_t at = 0; at < COUNT_OF(BOUNDS); at++) {
        const struct bound *bound = &BOUNDS[at];
        int64_t value = *field_of(&flags->inputs, bound);
        if (value < bound->min || value > bound->max) {
            (void)error_set(error, STATUS_REJECT, "--%s is %lld to %lld", bound->flag,
                            (long long)bound->min, (long long)bound->max);
            return error_exit(error, EXIT_USAGE);
        }
    }
    if (flags->plan != NULL)
        flags->inputs.plan = capacity_plan_find(span_from(flags->plan));
    if (flags->inputs.plan != NULL)
        return STATUS_OK;
    (void)error_set(error, STATUS_REJECT,
                    "--plan '%.40s' is none of standard, advanced, plus, enterprise",
                    flags->plan);
    return error_exit(error, EXIT_USAGE);
}

/* ---- output --------------------------------------------------------------------------- */

struct scale {
    double factor;
    const char *unit;
};

/* Bytes as a person reads them; everything else with thousands apart. */
static void value_text(const struct capacity_rule *rule, double value, char *room,
                       size_t size)
{
    static const struct scale SCALES[] = {
        {1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}};
    bool is_bytes = strncmp(rule->unit, "bytes", strlen("bytes")) == 0;
    const char *rest = rule->unit + (is_bytes ? strlen("bytes") : 0);
    for (size_t at = 0; is_bytes && at < COUNT_OF(SCALES); at++)
        if (value >= SCALES[at].factor) {
            (void)snprintf(room, size, "%.3g %s%s", value / SCALES[at].factor,
                           SCALES[at].unit, rest);
            return;
        }
    (void)snprintf(room, size,
                   value >= 100 || value == floor(value) ? "%.0f %s" : "%.2g %s", value,
                   rule->unit);
}

static void print_table(const struct capacity_inputs *inputs)
{
    printf("%-22s %18s  %s\n", "RESULT", "VALUE", "FORMULA");
    for (size_t at = 0; at < CAPACITY_RULE_COUNT; at++) {
        const struct capacity_rule *rule = &CAPACITY_RULES[at];
        char text[64];
        value_text(rule, rule->value(inputs), text, sizeof(text));
        printf("%-22s %18s  %s\n", rule->id, text, rule->formula);
    }
    for (size_t at = 0; at < CAPACITY_LIMIT_COUNT; at++)
        if (CAPACITY_LIMITS[at].holds(inputs))
            printf("\n%s: %s.\n", CAPACITY_LIMITS[at].id, CAPACITY_LIMITS[at].why);
}

static void comma(struct buf *out, size_t at)
{
    if (at > 0)
        buf_byte(out, ',');
}

static void add_inputs(struct buf *out, struct capacity_inputs *inputs)
{
    json_name(out, "inputs");
    buf_byte(out, '{');
    for (size_t at = 0; at < COUNT_OF(BOUNDS); at++)
        json_member_number(out, BOUNDS[at].name, *field_of(inputs, &BOUNDS[at]));
    json_member_text(out, "plan", span_from(inputs->plan->id));
    buf_byte(out, '}');
}

static void add_results(struct buf *out, const struct capacity_inputs *inputs)
{
    json_name(out, "results");
    buf_byte(out, '[');
    for (size_t at = 0; at < CAPACITY_RULE_COUNT; at++) {
        const struct capacity_rule *rule = &CAPACITY_RULES[at];
        comma(out, at);
        buf_byte(out, '{');
        json_member_text(out, "id", span_from(rule->id));
        json_name(out, "value");
        buf_format(out, "%.6g", rule->value(inputs));
        json_member_text(out, "unit", span_from(rule->unit));
        json_member_text(out, "formula", span_from(rule->formula));
        buf_byte(out, '}');
    }
    buf_byte(out, ']');
}

static void add_limits(struct buf *out, const struct capacity_inputs *inputs)
{
    size_t count = 0;
    json_name(out, "limits");
    buf_byte(out, '[');
    for (size_t at = 0; at < CAPACITY_LIMIT_COUNT; at++) {
        if (!CAPACITY_LIMITS[at].holds(inputs))
            continue;
        comma(out, count++);
        buf_byte(out, '{');
        json_member_text(out, "id", span_from(CAPACITY_LIMITS[at].id));
        json_member_text(out, "why", span_from(CAPACITY_LIMITS[at].why));
        buf_byte(out, '}');
    }
    buf_byte(out, ']');
}

static enum status print_json(struct capacity_inputs *inputs, struct error *error)
{
    SCOPED(buf_free) struct buf out;
    buf_init(&out, TEXT_BYTES_MAX);
    buf_byte(&out, '{');
    add_inputs(&out, inputs);
    add_results(&out, inputs);
    add_limits(&out, inputs);
    buf_text(&out, "}\n");
    if (out.failed)
        return error_set(error, STATUS_FATAL, "capacity: out of memory");
    fputs(out.bytes, stdout);
    return STATUS_OK;
}

static enum status work(struct capacity_flags *flags, const struct config *config,
                        struct error *error)
{
    enum output output = OUTPUT_TABLE;
    enum status status = output_parse(config, &output, error);
    if (status == STATUS_OK)
        status = check_inputs(flags, error);
    if (status != STATUS_OK)
        return status;
    if (output != OUTPUT_TABLE)
        return print_json(&flags->inputs, error);
    print_table(&flags->inputs);
    return STATUS_OK;
}

int capacity_main(int argc, char **argv)
{
    struct error error = {0};
    struct config config = {0};
    struct capacity_flags flags = {.inputs = capacity_defaults()};
    struct parsed parsed = {.argc = argc, .argv = argv};
    if (config_parse(&SPEC, &parsed, &config, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    if (work(&flags, &config, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    return 0;
}
