/*
 * parstock topics ensure|check: the topics on the brokers as parstock declares them.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "workers/commands.h"
#include "workers/topics/topics_report.h"

#include <stdio.h>

#define STEP_MS 1000
#define VISIBLE_EVERY_MS 100

struct topics_flags {
    int64_t timeout_s;
};

static const struct flag FLAGS[] = {
    {"timeout", FLAG_INTEGER, offsetof(struct topics_flags, timeout_s), "SECONDS",
     "how long to wait for the brokers; default 30"},
};

static const struct command_spec SPEC = {
    .name = "topics",
    .summary = "create and check the topics",
    .usage = "ensure|check [-o table|json|jsonl]",
    .detail =
        "ensure creates the topics that are missing, waits until they can be used, and "
        "says "
        "where an existing one differs from what is declared. It may be run any number "
        "of "
        "times, by several at once. It never changes a topic that exists: more "
        "partitions "
        "would send a SKU's later events to another partition than its earlier ones.\n"
        "\n"
        "check changes nothing and ends with 1 where a topic is missing or differs in "
        "its "
        "partition count or cleanup.policy.",
    .operands = 1,
    .uses = CONFIG_KAFKA | CONFIG_TOPICS | CONFIG_OUTPUT,
    .needs = CONFIG_KAFKA,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

struct topics {
    struct kafka_admin *admin;
    struct topic_table table;
    struct topics_report report;
    int64_t deadline_us;
};

static int left_ms(const struct topics *topics)
{
    int64_t left = (topics->deadline_us - clock_monotonic_us()) / 1000;
    return left > 0 ? (int)left : 0;
}

/* In steps, so that Ctrl-C is heard, and a broker that comes up meanwhile is found. */
static enum status topics_look(struct topics *topics, struct error *error)
{
    struct kafka_topic *found = topics->report.found;
    for (size_t i = 0; i < TOPIC_COUNT; i++)
        found[i].name = topics->table.topics[i].name;
    for (;;) {
        enum status status =
            kafka_admin_topics(topics->admin, found, TOPIC_COUNT, STEP_MS, error);
        if (status != STATUS_RETRY || left_ms(topics) == 0 || life_ending())
            return status;
        life_wait_ms(VISIBLE_EVERY_MS);
    }
}

static size_t topics_missing(struct topics *topics, struct kafka_topic_plan *plans)
{
    size_t count = 0;
    for (size_t i = 0; i < TOPIC_COUNT; i++) {
        if (topics->report.found[i].partitions > 0)
            continue;
        plans[count++] = topic_plan(&topics->table, i);
    }
    return count;
}

/* Those that we made; another process may have been first. */
static void topics_created(struct topics *topics, const struct kafka_topic_plan *plans,
                           size_t count)
{
    for (size_t i = 0; i < TOPIC_COUNT * count; i++) {
        const struct kafka_topic_plan *plan = &plans[i % count];
        size_t topic = i / count;
        if (strcmp(plan->name, topics->table.topics[topic].name) == 0)
            topics->report.created[topic] = !plan->existed;
    }
}

static bool all_usable(const struct topics *topics)
{
    for (size_t i = 0; i < TOPIC_COUNT; i++) {
        if (!topics->report.found[i].usable)
            return false;
    }
    return true;
}

/* A topic is created before every broker has heard of it. */
static enum status topics_visible(struct topics *topics, struct error *error)
{
    for (;;) {
        enum status status = topics_look(topics, error);
        if (status != STATUS_OK || all_usable(topics))
            return status;
        if (left_ms(topics) == 0 || life_ending())
            return error_set(error, STATUS_RETRY,
                             "the topics were created, but not every partition has a "
                             "leader yet: look at the brokers, then run it again");
        life_wait_ms(VISIBLE_EVERY_MS);
    }
}

static enum status topics_create(struct topics *topics, struct error *error)
{
    struct kafka_topic_plan plans[TOPIC_COUNT];
    size_t count = topics_missing(topics, plans);
    if (count == 0)
        return STATUS_OK;
    int timeout_ms = left_ms(topics) > STEP_MS ? left_ms(topics) : STEP_MS;
    enum status status =
        kafka_admin_create(topics->admin, plans, count, timeout_ms, error);
    if (status == STATUS_OK) {
        topics_created(topics, plans, count);
        return topics_visible(topics, error);
    }
    if (strcmp(error->code, KAFKA_UNSUPPORTED) != 0)
        return status;
    error_set(
        error, STATUS_FATAL,
        "%s is missing, and this broker takes no admin requests (the embedded "
        "dev-broker does not: it makes its topics itself at start; start it with the "
        "same PARSTOCK_TOPIC_PREFIX)",
        plans[0].name);
    return error_exit(error, EXIT_CONFIG);
}

/* Settings are extra: a broker that does not tell them is no failure. */
static void topics_policies(struct topics *topics)
{
    struct error error = {0};
    int timeout_ms = left_ms(topics) > STEP_MS ? left_ms(topics) : STEP_MS;
    enum status status = kafka_admin_policies(topics->admin, topics->report.found,
                                              TOPIC_COUNT, timeout_ms, &error);
    if (status != STATUS_OK)
        (void)snprintf(topics->report.note, sizeof(topics->report.note),
                       "cleanup.policy was not compared: %s", error.text);
}

static enum status topics_work(struct topics *topics, bool ensure, struct error *error)
{
    enum status status = topics_look(topics, error);
    if (status == STATUS_OK && ensure)
        status = topics_create(topics, error);
    if (status == STATUS_OK)
        topics_policies(topics);
    return status;
}

static enum status topics_run(const struct config *config,
                              const struct topics_flags *flags, bool ensure,
                              struct error *error)
{
    static struct topics topics;
    enum output output = OUTPUT_TABLE;
    if (output_parse(config, &output, error) != STATUS_OK)
        return error->status;
    topics.deadline_us = clock_monotonic_us() + flags->timeout_s * 1000000;
    topic_table_fill(config, &topics.table);
    struct kafka_options options = config_kafka(config, "parstock-topics");
    enum status status = kafka_admin_open(&options, &topics.admin, error);
    if (status == STATUS_OK)
        status = topics_work(&topics, ensure, error);
    kafka_admin_close(&topics.admin);
    if (status != STATUS_OK)
        return status;
    bool same = topics_report_print(&topics.table, &topics.report, output);
    if (same || ensure)
        return STATUS_OK;
    error_set(error, STATUS_REJECT, "the topics are not as declared");
    return error_exit(error, EXIT_FOUND);
}

static enum status topics_verb(const struct topics_flags *flags, int count, char **words,
                               bool *ensure_out, struct error *error)
{
    bool ensure = count == 1 && strcmp(words[0], "ensure") == 0;
    bool check = count == 1 && strcmp(words[0], "check") == 0;
    *ensure_out = ensure;
    if ((ensure || check) && flags->timeout_s >= 1 && flags->timeout_s <= 3600)
        return STATUS_OK;
    error_set(error, STATUS_REJECT,
              ensure || check ? "--timeout is 1 to 3600 seconds"
                              : "say either 'topics ensure' or 'topics check'");
    return error_exit(error, EXIT_USAGE);
}

int topics_main(int argc, char **argv)
{
    struct error error = {0};
    struct config config = {0};
    struct topics_flags flags = {.timeout_s = 30};
    struct parsed parsed = {.argc = argc, .argv = argv};
    bool ensure = false;
    enum status status = config_parse(&SPEC, &parsed, &config, &flags, &error);
    if (parsed.done)
        return 0;
    if (status == STATUS_OK)
        status = topics_verb(&flags, argc - parsed.first, argv + parsed.first, &ensure,
                             &error);
    if (status == STATUS_OK)
        status = log_open("topics", config.log_level, &error);
    if (status == STATUS_OK)
        status = life_begin(&error);
    if (status == STATUS_OK)
        status = topics_run(&config, &flags, ensure, &error);
    return status == STATUS_OK ? 0 : config_fail(&SPEC, &error);
}
