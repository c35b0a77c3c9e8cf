/*
 * parstock apply: inventory.stock-changes to the ledger, the levels, the desired levels of
 * the shops, and the topics that follow from them.
 */
#include "workers/apply/apply.h"

#include "common/base/check.h"
#include "common/codec/contract_json.h"
#include "common/domain/judge.h"
#include "common/runtime/admin.h"
#include "common/runtime/contract_file.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "common/runtime/shadow.h"
#include "common/runtime/trace.h"
#include "workers/commands.h"

#include <stdio.h>
#include <unistd.h>

#define FLUSH_WAIT_MS 3000 /* what the broker has not got by then stays in the outbox */

struct apply_flags {
    bool explain;
    bool accept_gap;
    const char *shadow;
    int64_t round;
    int64_t rate;
    const char *sku;
    const char *source;
};

static const struct flag FLAGS[] = {
    {"explain", FLAG_SWITCH, offsetof(struct apply_flags, explain), NULL,
     "print the outcome rules as a table and end"},
    {"accept-gap", FLAG_SWITCH, offsetof(struct apply_flags, accept_gap), NULL,
     "go on where retention removed records before they were read: they are lost"},
    {"shadow", FLAG_TEXT, offsetof(struct apply_flags, shadow), "NAME",
     "judge into the shadow of that name and emit nothing; 'replay run' makes it and "
     "starts this"},
    {"round", FLAG_INTEGER, offsetof(struct apply_flags, round), "N",
     "of --shadow: names the consumer group"},
    {"rate", FLAG_INTEGER, offsetof(struct apply_flags, rate), "N",
     "of --shadow: judge at most N records a second (default 0: as fast as it goes)"},
    {"only-sku", FLAG_TEXT, offsetof(struct apply_flags, sku), "SKU",
     "of --shadow: leave out every other SKU (normalised)"},
    {"only-source", FLAG_TEXT, offsetof(struct apply_flags, source), "NAME",
     "of --shadow: leave out what any other source says"},
};

static const struct command_spec SPEC = {
    .name = "apply",
    .summary = "apply stock changes to the ledger and the levels",
    .usage = "[--explain] [--accept-gap]",
    .detail =
        "Consumes inventory.stock-changes in order per SKU, judges every event once, and "
        "commits ledger, levels, desired shop levels and outgoing records in one fenced "
        "transaction a batch. Any number may run; each partition has one owner at a time. "
        "While Kafka or Postgres is away it waits, not ready, and goes on when they return.\n"
        "A partition whose next record retention has removed stands still, and /readyz, the "
        "log and parstock_partitions_stopped say so; --accept-gap skips what is gone.\n"
        "The group speaks the consumer protocol (KIP-848) where the broker has it and the "
        "classic one otherwise; PARSTOCK_KAFKA__GROUP_PROTOCOL asks for one of them.",
    .uses = CONFIG_CONTRACT | CONFIG_KAFKA | CONFIG_POSTGRES | CONFIG_ADMIN |
            CONFIG_LANES | CONFIG_TRACES,
    .needs = CONFIG_CONTRACT | CONFIG_KAFKA | CONFIG_POSTGRES,
    .flags = FLAGS,
    .flag_count = sizeof(FLAGS) / sizeof(FLAGS[0]),
};

struct postgres_options apply_postgres_options(const struct apply *apply)
{
    return (struct postgres_options){.dsn = apply->config.postgres,
                                     .schema = apply->schema,
                                     .application_name = "parstock apply"};
}

struct relay_way apply_relay_way(const struct apply *apply)
{
    return (struct relay_way){.out = apply->out,
                              .topics = &apply->topics,
                              .source_topic = span_from(apply->topic),
                              .partition_count = kafka_in_partitions(apply->in)};
}

/* The rules that judge_rule numbers, as Markdown: the README's table is this output. */
static int explain_rules(void)
{
    puts("| rule | id | outcome | why |\n|---|---|---|---|");
    const struct rule *rule;
    for (size_t at = 0; (rule = judge_rule(at)) != NULL; at++)
        printf("| %d | %s | %s | %s |\n", rule->number, rule->id,
               outcome_name(rule->outcome), rule->why);
    return 0;
}

static void name_owner(struct apply *apply)
{
    char host[96] = "";
    (void)gethostname(host, sizeof(host) - 1);
    (void)snprintf(apply->owner, sizeof(apply->owner), "%s/%ld/%llx", host,
                   (long)getpid(), (unsigned long long)clock_now_us());
}

/* Nothing of the live state is touched: another schema, another group. */
static enum status name_shadow(struct apply *apply, struct error *error)
{
    (void)snprintf(apply->group, sizeof(apply->group), "%sreplay-%s-%s-%lld",
                   apply->config.group_prefix, apply->config.schema, apply->shadow,
                   (long long)apply->round);
    apply->schema = apply->shadow_schema;
    return shadow_schema(apply->config.schema, apply->shadow, apply->shadow_schema,
                         error);
}

static enum status apply_prepare(struct apply *apply, struct error *error)
{
    (void)snprintf(apply->topic, sizeof(apply->topic), "%sstock-changes",
                   apply->config.topic_prefix);
    apply->schema = apply->config.schema;
    (void)snprintf(apply->group, sizeof(apply->group), "%sapply",
                   apply->config.group_prefix);
    enum status status = apply->shadow != NULL ? name_shadow(apply, error) : STATUS_OK;
    if (status != STATUS_OK)
        return status;
    relay_topics_init(&apply->topics, apply->config.topic_prefix);
    name_owner(apply);
    status = contract_file_load(apply->config.contract_path, &apply->contract_text,
                                &apply->contract, error);
    ASSERT(apply->config.lanes > 0 && apply->config.lanes <= KAFKA_LANES_MAX);
    for (int lane = 0; lane < apply->config.lanes && status == STATUS_OK; lane++) {
        status = lane_open(&apply->lanes[lane], apply, lane, error);
        apply->lane_count++;
    }
    return status;
}

static enum status apply_run(struct apply *apply, struct error *error)
{
    enum status status = apply_prepare(apply, error);
    if (status == STATUS_OK)
        status = group_open(apply, error);
    for (int lane = 0; lane < apply->lane_count && status == STATUS_OK; lane++)
        status = lane_start(&apply->lanes[lane], error);
    if (status == STATUS_OK)
        status = group_run(apply, error);
    life_end();
    kafka_in_wake(apply->in);
    for (int lane = 0; lane < apply->lane_count; lane++)
        lane_join(&apply->lanes[lane]);
    for (int lane = 0; lane < apply->lane_count && status == STATUS_OK; lane++) {
        *error = apply->lanes[lane].fatal;
        status = error->status;
    }
    return status;
}

/* Lanes end before the group is left, so that no effect follows a given-up partition. */
static void apply_close(struct apply *apply)
{
    if (apply->out != NULL)
        kafka_out_flush(apply->out, FLUSH_WAIT_MS);
    for (int lane = 0; lane < apply->lane_count; lane++)
        lane_finish(&apply->lanes[lane]);
    kafka_in_close(&apply->in);
    kafka_out_close(&apply->out);
    for (int lane = 0; lane < apply->lane_count; lane++)
        lane_close(&apply->lanes[lane]);
    postgres_close(&apply->postgres);
    contract_free(&apply->contract);
    buf_free(&apply->contract_text);
}

static int apply_serve(struct apply *apply, struct error *error)
{
    struct admin *admin = NULL;
    struct trace_export *traces = NULL;
    enum status status = life_begin(error);
    if (status == STATUS_OK)
        status = log_open("apply", apply->config.log_level, error);
    if (status == STATUS_OK)
        status = admin_open(&apply->config, &admin, error);
    if (status == STATUS_OK)
        status = trace_open(&apply->config, "apply", &traces, error);
    if (status == STATUS_OK)
        status = apply_run(apply, error);
    apply_close(apply);
    trace_close(&traces);
    admin_close(&admin);
    return status == STATUS_OK ? 0 : config_fail(&SPEC, error);
}

static enum status check_flags(const struct apply_flags *flags, struct error *error)
{
    if (flags->shadow == NULL && (flags->sku != NULL || flags->source != NULL))
        return error_usage(error, "--only-sku and --only-source go with --shadow: the "
                                  "live state leaves nothing out");
    if (flags->shadow == NULL && flags->rate != 0)
        return error_usage(error,
                           "--rate goes with --shadow: the live state waits for nothing");
    if (flags->rate < 0)
        return error_usage(error, "--rate is not below zero");
    return STATUS_OK;
}

int apply_main(int argc, char **argv)
{
    static struct apply apply; /* too large for a stack */
    struct error error = {0};
    struct apply_flags flags = {0};
    struct parsed parsed = {.argc = argc, .argv = argv};
    if (argc == 2 && strcmp(argv[1], "--explain") == 0)
        return explain_rules();
    if (config_parse(&SPEC, &parsed, &apply.config, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    if (flags.explain)
        return explain_rules();
    if (check_flags(&flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    apply.accept_gap = flags.accept_gap;
    apply.shadow = flags.shadow;
    apply.round = flags.round;
    apply.rate = flags.rate;
    apply.choice = (struct batch_choice){span_from(flags.sku), span_from(flags.source)};
    return apply_serve(&apply, &error);
}
