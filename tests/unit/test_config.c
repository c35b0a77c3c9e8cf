/* common/runtime/config: where settings come from, and what is refused. */
#include "common/runtime/config.h"

#include "common/base/buf.h"
#include "common/io/kafka_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct own {
    const char *sku;
    int64_t limit;
    bool all;
};

static const struct flag FLAGS[] = {
    {"sku", FLAG_TEXT, offsetof(struct own, sku), "SKU", "only this one"},
    {"limit", FLAG_INTEGER, offsetof(struct own, limit), "N", "at most so many"},
    {"all", FLAG_SWITCH, offsetof(struct own, all), NULL, "every one"},
};

static const struct command_spec SPEC = {
    .name = "sample show",
    .summary = "show samples",
    .usage = "[--sku SKU] NAME...",
    .operands = 3,
    .uses = CONFIG_CONTRACT | CONFIG_KAFKA | CONFIG_POSTGRES | CONFIG_ADMIN |
            CONFIG_OUTPUT | CONFIG_TOPICS | CONFIG_LANES | CONFIG_GATEWAY,
    .flags = FLAGS,
    .flag_count = sizeof(FLAGS) / sizeof(FLAGS[0]),
};

static struct config config;
static struct own own;
static struct parsed parsed;
static struct error error;
static char *arguments[32];
static int argument_count;

/* Runs config_parse on a line of words. */
static enum status parse_with(const struct command_spec *spec, const char *line)
{
    static char words[2048];
    (void)snprintf(words, sizeof(words), "sample %s", line);
    char *save = NULL;
    argument_count = 0;
    for (char *word = strtok_r(words, " ", &save); word != NULL;
         word = strtok_r(NULL, " ", &save))
        arguments[argument_count++] = word;
    arguments[argument_count] = NULL;
    own = (struct own){0};
    error = (struct error){0};
    parsed = (struct parsed){.argc = argument_count, .argv = arguments};
    return config_parse(spec, &parsed, &config, &own, &error);
}

static enum status parse(const char *line)
{
    return parse_with(&SPEC, line);
}

extern char **environ;

static int clean(void **state)
{
    (void)state;
    for (char **entry = environ; *entry != NULL;) {
        char name[256];
        size_t length = strcspn(*entry, "=");
        if (strncmp(*entry, "PARSTOCK_", 9) != 0 || length >= sizeof(name)) {
            entry++;
            continue;
        }
        memcpy(name, *entry, length);
        name[length] = '\0';
        unsetenv(name);
        entry = environ;
    }
    return 0;
}

static void test_defaults(void **state)
{
    (void)state;
    assert_int_equal(parse(""), STATUS_OK);
    assert_string_equal(config.topic_prefix, "inventory.");
    assert_string_equal(config.group_prefix, "parstock-");
    assert_string_equal(config.schema, "parstock");
    assert_string_equal(config.admin_listen, "127.0.0.1:9464");
    assert_false(config.admin_listen_asked);
    assert_string_equal(config.gateway_listen, "127.0.0.1:8080");
    assert_false(config.gateway_listen_asked);
    assert_string_equal(config.log_level, "info");
    assert_string_equal(config.output, "");
    assert_int_equal(config.topic_partitions, 12);
    assert_int_equal(config.topic_replicas, -1);
    assert_int_equal(config.lanes, 2);
    assert_null(config.postgres);
    assert_null(config.contract_path);
    assert_int_equal(parsed.first, argument_count);
}

static void test_a_flag_overrides_the_variable(void **state)
{
    (void)state;
    setenv("PARSTOCK_SCHEMA", "from_variable", 1);
    setenv("PARSTOCK_TOPIC_PARTITIONS", "6", 1);
    setenv("PARSTOCK_LANES", "", 1); /* empty counts as unset */
    assert_int_equal(parse(""), STATUS_OK);
    assert_string_equal(config.schema, "from_variable");
    assert_int_equal(config.topic_partitions, 6);
    assert_int_equal(config.lanes, 2);
    assert_int_equal(parse("--schema from_flag --topic-partitions=24"), STATUS_OK);
    assert_string_equal(config.schema, "from_flag");
    assert_int_equal(config.topic_partitions, 24);
}

static void test_flags_and_positionals_mix(void **state)
{
    (void)state;
    assert_int_equal(parse("one --sku A-1 two -ojson --all --limit -5 three"), STATUS_OK);
    assert_string_equal(own.sku, "A-1");
    assert_true(own.all);
    assert_int_equal(own.limit, -5);
    assert_string_equal(config.output, "json");
    assert_int_equal(argument_count - parsed.first, 3);
    assert_string_equal(arguments[parsed.first], "one");
    assert_string_equal(arguments[parsed.first + 1], "two");
    assert_string_equal(arguments[parsed.first + 2], "three");
}

static void test_two_dashes_end_the_flags(void **state)
{
    (void)state;
    assert_int_equal(parse("one --all -- --sku -x"), STATUS_OK);
    assert_null(own.sku);
    assert_int_equal(argument_count - parsed.first, 3);
    assert_string_equal(arguments[parsed.first], "one");
    assert_string_equal(arguments[parsed.first + 1], "--sku");
    assert_string_equal(arguments[parsed.first + 2], "-x");
}

static void test_a_lone_dash_is_a_positional(void **state)
{
    (void)state;
    assert_int_equal(parse("- --all"), STATUS_OK);
    assert_int_equal(argument_count - parsed.first, 1);
    assert_string_equal(arguments[parsed.first], "-");
}

struct refused {
    const char *line;
    const char *text; /* part of the error */
};

static void test_wrong_use_is_64(void **state)
{
    (void)state;
    static const struct refused CASES[] = {
        {"--skuu A", "did you mean --sku?"},
        {"--zzzzzzzz", "unknown flag --zzzzzzzz"},
        {"-z", "unknown flag -z"},
        {"--sku", "--sku needs a value"},
        {"--schema", "--schema needs a value"},
        {"--all=yes", "--all takes no value"},
        {"--limit 1x", "--limit is an integer"},
        {"--limit=", "--limit is an integer"},
        {"--limit 99999999999999999999", "--limit is an integer"},
        {"--topic-partitions 0", "from 1 to 10000"},
        {"--topic-partitions +1", "from 1 to 10000"},
        {"--lanes 17", "from 1 to 16"},
        {"-o yaml", "table, json, jsonl"},
        {"--schema=", "must not be empty"},
        {"--schema Ab", "lower-case"},
        {"--schema a;b", "lower-case"},
        {"--topic-prefix a/b", "may hold letters"},
        {"--kafka-property nothing", "NAME=VALUE"},
        {"--kafka-property sasl.password=x", "is a secret"},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        assert_int_equal(parse(CASES[i].line), STATUS_REJECT);
        assert_int_equal(error_exit_code(&error), EXIT_USAGE);
        if (strstr(error.text, CASES[i].text) == NULL)
            fail_msg("%s: '%s'", CASES[i].line, error.text);
    }
}

static void test_a_bad_variable_is_78(void **state)
{
    (void)state;
    setenv("PARSTOCK_TOPIC_REPLICAS", "two", 1);
    assert_int_equal(parse(""), STATUS_FATAL);
    assert_int_equal(error_exit_code(&error), EXIT_CONFIG);
    assert_non_null(strstr(error.text, "PARSTOCK_TOPIC_REPLICAS"));
}

static void test_what_a_command_does_not_use_is_not_its_flag(void **state)
{
    (void)state;
    static const struct command_spec NARROW = {
        .name = "narrow", .summary = "s", .uses = CONFIG_OUTPUT};
    setenv("PARSTOCK_TOPIC_REPLICAS", "two", 1);
    setenv("PARSTOCK_KAFKA__ACKS", "0", 1);
    assert_int_equal(parse_with(&NARROW, "-o json"), STATUS_OK);
    assert_int_equal(parse_with(&NARROW, "--schema x"), STATUS_REJECT);
    assert_int_equal(parse_with(&NARROW, "--kafka-property client.id=x"), STATUS_REJECT);
}

static void test_what_a_command_needs_must_be_there(void **state)
{
    (void)state;
    static const struct command_spec NEEDY = {.name = "needy",
                                              .summary = "s",
                                              .uses = CONFIG_POSTGRES | CONFIG_KAFKA,
                                              .needs = CONFIG_POSTGRES | CONFIG_KAFKA};
    assert_int_equal(parse_with(&NEEDY, "--kafka-brokers b:1"), STATUS_FATAL);
    assert_int_equal(error_exit_code(&error), EXIT_CONFIG);
    assert_non_null(strstr(error.text, "PARSTOCK_POSTGRES"));
    assert_int_equal(parse_with(&NEEDY, "--postgres service=x"), STATUS_FATAL);
    assert_non_null(strstr(error.text, "PARSTOCK_KAFKA_BROKERS"));
    assert_int_equal(parse_with(&NEEDY, "--postgres service=x --kafka-brokers b:1"),
                     STATUS_OK);
}

static void test_an_admin_port_that_was_asked_for(void **state)
{
    (void)state;
    assert_int_equal(parse("--admin-listen 127.0.0.1:0"), STATUS_OK);
    assert_true(config.admin_listen_asked);
    setenv("PARSTOCK_ADMIN_LISTEN", "127.0.0.1:1234", 1);
    assert_int_equal(parse(""), STATUS_OK);
    assert_true(config.admin_listen_asked);
}

/* ---- Kafka properties
 * ------------------------------------------------------------------- */

static const char *property(const char *name)
{
    for (size_t i = 0; i < config.kafka_property_count; i++) {
        if (strcmp(config.kafka_properties[i].name, name) == 0)
            return config.kafka_properties[i].value;
    }
    return NULL;
}

static void test_kafka_properties(void **state)
{
    (void)state;
    setenv("PARSTOCK_KAFKA__SECURITY_PROTOCOL", "SASL_SSL", 1);
    setenv("PARSTOCK_KAFKA__SASL_PASSWORD", "hush", 1);
    setenv("PARSTOCK_KAFKA__ISOLATION_LEVEL", "read_committed", 1);
    setenv("PARSTOCK_KAFKA__CLIENT_RACK", "", 1);
    assert_int_equal(parse("--kafka-property client.id=me=you"), STATUS_OK);
    assert_string_equal(property("security.protocol"), "SASL_SSL");
    assert_string_equal(property("sasl.password"), "hush");
    assert_string_equal(property("client.id"), "me=you");
    assert_null(property("client.rack"));
    assert_int_equal(parse("--kafka-property security.protocol=PLAINTEXT"), STATUS_OK);
    assert_string_equal(property("security.protocol"), "PLAINTEXT");
    assert_int_equal(config.kafka_property_count, 3);
}

static void test_kafka_properties_that_break_a_promise(void **state)
{
    (void)state;
    static const char *const REFUSED[] = {
        "enable.auto.commit=false",
        "auto.commit.enable=true",
        "auto.commit.interval.ms=1",
        "enable.auto.offset.store=false",
        "auto.offset.reset=earliest",
        "offset.store.method=file",
        "partitioner=random",
        "enable.idempotence=true",
        "acks=1",
        "request.required.acks=1",
        "max.in.flight=1",
        "max.in.flight.requests.per.connection=1",
        "queuing.strategy=lifo",
        "delivery.report.only.error=true",
        "transactional.id=x",
        "isolation.level=read_uncommitted",
        "group.id=x",
        "bootstrap.servers=x",
        "metadata.broker.list=x",
        "allow.auto.create.topics=true",
        "test.mock.num.brokers=1",
    };
    for (size_t i = 0; i < sizeof(REFUSED) / sizeof(REFUSED[0]); i++) {
        char line[128];
        char name[64];
        (void)snprintf(line, sizeof(line), "--kafka-property %s", REFUSED[i]);
        (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(REFUSED[i], "="),
                       REFUSED[i]);
        assert_int_equal(parse(line), STATUS_FATAL);
        assert_int_equal(error_exit_code(&error), EXIT_CONFIG);
        assert_non_null(strstr(error.text, name));
    }
    setenv("PARSTOCK_KAFKA__ENABLE_AUTO_COMMIT", "true", 1);
    assert_int_equal(parse(""), STATUS_FATAL);
    assert_int_equal(error_exit_code(&error), EXIT_CONFIG);
    assert_non_null(strstr(error.text, "enable.auto.commit"));
}

static void test_too_many_kafka_properties(void **state)
{
    (void)state;
    for (int i = 0; i <= CONFIG_KAFKA_PROPERTIES_MAX; i++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "PARSTOCK_KAFKA__P%d", i);
        setenv(name, "x", 1);
    }
    assert_int_equal(parse(""), STATUS_FATAL);
    assert_non_null(strstr(error.text, "more than"));
}

/* ---- secrets
 * ------------------------------------------------------------------------------ */

static const char *file_with(const char *bytes, size_t length)
{
    static char path[64];
    (void)snprintf(path, sizeof(path), "/tmp/parstock-secret-XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, length), length);
    close(file);
    return path;
}

static void test_a_secret_from_a_file(void **state)
{
    (void)state;
    const char *path = file_with("postgresql://h/db?password=p w\r\n", 32);
    setenv("PARSTOCK_POSTGRES_FILE", path, 1);
    assert_int_equal(parse(""), STATUS_OK);
    assert_string_equal(config.postgres, "postgresql://h/db?password=p w");
    setenv("PARSTOCK_POSTGRES", "also", 1);
    assert_int_equal(parse(""), STATUS_FATAL);
    assert_int_equal(error_exit_code(&error), EXIT_CONFIG);
    assert_non_null(strstr(error.text, "both set"));
    unlink(path);
}

static void test_a_kafka_secret_from_a_file(void **state)
{
    (void)state;
    const char *path = file_with("pa ss\n", 6);
    setenv("PARSTOCK_KAFKA__SASL_PASSWORD_FILE", path, 1);
    assert_int_equal(parse(""), STATUS_OK);
    assert_string_equal(property("sasl.password"), "pa ss");
    assert_null(property("sasl.password.file"));
    unlink(path);
}

static void test_files_that_hold_no_secret(void **state)
{
    (void)state;
    const char *value = "untouched";
    static char huge[65600];
    memset(huge, 'x', sizeof(huge));
    setenv("PARSTOCK_X_FILE", "/nonexistent/secret", 1);
    assert_int_equal(config_secret("PARSTOCK_X", &value, &error), STATUS_FATAL);
    assert_null(value);
    assert_non_null(strstr(error.text, "No such file"));
    const char *path = file_with("\n", 1);
    setenv("PARSTOCK_X_FILE", path, 1);
    assert_int_equal(config_secret("PARSTOCK_X", &value, &error), STATUS_FATAL);
    assert_non_null(strstr(error.text, "empty"));
    unlink(path);
    path = file_with("a\0b", 3);
    setenv("PARSTOCK_X_FILE", path, 1);
    assert_int_equal(config_secret("PARSTOCK_X", &value, &error), STATUS_FATAL);
    assert_non_null(strstr(error.text, "NUL"));
    unlink(path);
    path = file_with(huge, sizeof(huge));
    setenv("PARSTOCK_X_FILE", path, 1);
    assert_int_equal(config_secret("PARSTOCK_X", &value, &error), STATUS_FATAL);
    assert_non_null(strstr(error.text, "64 KiB"));
    assert_null(strstr(error.text, "xxx"));
    unlink(path);
    setenv("PARSTOCK_X_FILE", "/", 1);
    assert_int_equal(config_secret("PARSTOCK_X", &value, &error), STATUS_FATAL);
    unsetenv("PARSTOCK_X_FILE");
    assert_int_equal(config_secret("PARSTOCK_X", &value, &error), STATUS_OK);
    assert_null(value);
}

static void test_names_of_shop_variables(void **state)
{
    (void)state;
    char room[64];
    config_shop_variable(SPAN_OF("main-eu.2"), "_TOKEN", room, sizeof(room));
    assert_string_equal(room, "PARSTOCK_SHOP_MAIN_EU_2_TOKEN");
}

/* ---- help
 * --------------------------------------------------------------------------------- */

static void test_help_lists_flags_and_variables(void **state)
{
    (void)state;
    static const char *const PARTS[] = {"usage: parstock sample show",
                                        "--sku SKU",
                                        "only this one",
                                        "PARSTOCK_CONTRACT",
                                        "--kafka-brokers",
                                        "PARSTOCK_POSTGRES_FILE",
                                        "-o, --output",
                                        "default: 12",
                                        "PARSTOCK_KAFKA__*",
                                        "PARSTOCK_LOG",
                                        "exit codes:",
                                        "78"};
    struct buf out;
    for (int man = 0; man < 2; man++) {
        buf_init(&out, 65536);
        config_help(&SPEC, man == 1, &out);
        assert_false(out.failed);
        for (size_t i = 0; man == 0 && i < sizeof(PARTS) / sizeof(PARTS[0]); i++) {
            if (strstr(out.bytes, PARTS[i]) == NULL)
                fail_msg("no '%s'", PARTS[i]);
        }
        if (man == 1)
            assert_non_null(strstr(out.bytes, ".SH OPTIONS"));
        buf_free(&out);
    }
}

static void test_help_needs_no_settings(void **state)
{
    (void)state;
    setenv("PARSTOCK_LANES", "nonsense", 1);
    int saved = dup(STDOUT_FILENO);
    assert_non_null(freopen("/dev/null", "w", stdout));
    enum status status = parse("--nonsense --help");
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    assert_int_equal(status, STATUS_OK);
    assert_true(parsed.done);
}

#define TEST(function) cmocka_unit_test_setup(function, clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_defaults),
        TEST(test_a_flag_overrides_the_variable),
        TEST(test_flags_and_positionals_mix),
        TEST(test_two_dashes_end_the_flags),
        TEST(test_a_lone_dash_is_a_positional),
        TEST(test_wrong_use_is_64),
        TEST(test_a_bad_variable_is_78),
        TEST(test_what_a_command_does_not_use_is_not_its_flag),
        TEST(test_what_a_command_needs_must_be_there),
        TEST(test_an_admin_port_that_was_asked_for),
        TEST(test_kafka_properties),
        TEST(test_kafka_properties_that_break_a_promise),
        TEST(test_too_many_kafka_properties),
        TEST(test_a_secret_from_a_file),
        TEST(test_a_kafka_secret_from_a_file),
        TEST(test_files_that_hold_no_secret),
        TEST(test_names_of_shop_variables),
        TEST(test_help_lists_flags_and_variables),
        TEST(test_help_needs_no_settings),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
