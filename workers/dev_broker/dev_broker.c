/*
 * parstock dev-broker: librdkafka's mock cluster as a process of its own, for first runs.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/kafka_mock.h"
#include "common/runtime/config.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "common/runtime/topic_table.h"
#include "workers/commands.h"

#include <stddef.h>
#include <stdio.h>

struct dev_broker_flags {
    int64_t brokers;
};

static const struct flag FLAGS[] = {
    {"brokers", FLAG_INTEGER, offsetof(struct dev_broker_flags, brokers), "N",
     "brokers of the cluster, 1 (default) or 3"},
};

static const struct command_spec SPEC = {
    .name = "dev-broker",
    .summary = "an in-memory broker for first runs",
    .usage = "[--brokers 1|3]",
    .detail =
        "Starts a small Kafka cluster inside this process, creates the topics, prints "
        "one "
        "line bootstrap.servers=HOST:PORT on standard output and runs until SIGTERM or "
        "SIGINT. Producers and consumer groups of other processes can use it.\n"
        "\n"
        "Its limits: everything is in memory and gone when it ends; it listens on random "
        "ports of 127.0.0.1 only; each partition keeps its newest 5 MB or 100000 batches "
        "and drops older ones silently; nothing is compacted; it answers no admin "
        "request "
        "(topics ensure finds the topics made already) and no look-up of offsets by "
        "time; "
        "a topic that is asked for under a wrong name comes into being. Never use it for "
        "anything but a trial.",
    .uses = CONFIG_TOPICS,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

static enum status create_topics(struct kafka_mock *mock, const struct config *config,
                                 struct error *error)
{
    struct topic_table table;
    topic_table_fill(config, &table);
    for (size_t i = 0; i < TOPIC_COUNT; i++) {
        enum status status =
            kafka_mock_topic(mock, table.topics[i].name, table.partitions, error);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status announce(const struct kafka_mock *mock, struct error *error)
{
    printf("bootstrap.servers=%s\n", kafka_mock_brokers(mock));
    if (fflush(stdout) == 0)
        return STATUS_OK;
    error_set(error, STATUS_FATAL, "standard output could not be written");
    return error_exit(error, EXIT_INTERNAL);
}

static enum status dev_broker_run(const struct config *config, int brokers,
                                  struct error *error)
{
    SCOPED(kafka_mock_close) struct kafka_mock *mock = NULL;
    struct kafka_options options = config_kafka(config, "dev-broker");
    enum status status = kafka_mock_open(&options, brokers, &mock, error);
    if (status == STATUS_OK)
        status = create_topics(mock, config, error);
    if (status == STATUS_OK)
        status = announce(mock, error);
    if (status != STATUS_OK)
        return status;
    log_info("broker up", LOG_TEXT("brokers", kafka_mock_brokers(mock)), LOG_END);
    while (!life_ending())
        life_wait_ms(60000);
    log_info("broker ends", LOG_END);
    return STATUS_OK;
}

static enum status dev_broker_check(const struct dev_broker_flags *flags, bool stray,
                                    struct error *error)
{
    if (stray || (flags->brokers != 1 && flags->brokers != 3)) {
        error_set(error, STATUS_REJECT,
                  stray ? "takes no arguments" : "--brokers is 1 or 3");
        return error_exit(error, EXIT_USAGE);
    }
    return STATUS_OK;
}

int dev_broker_main(int argc, char **argv)
{
    struct error error = {0};
    struct config config = {0};
    struct dev_broker_flags flags = {.brokers = 1};
    struct parsed parsed = {.argc = argc, .argv = argv};
    enum status status = config_parse(&SPEC, &parsed, &config, &flags, &error);
    if (parsed.done)
        return 0;
    if (status == STATUS_OK)
        status = dev_broker_check(&flags, parsed.first < argc, &error);
    if (status == STATUS_OK)
        status = log_open("dev-broker", config.log_level, &error);
    if (status == STATUS_OK)
        status = life_begin(&error);
    if (status == STATUS_OK)
        status = dev_broker_run(&config, (int)flags.brokers, &error);
    return status == STATUS_OK ? 0 : config_fail(&SPEC, &error);
}
