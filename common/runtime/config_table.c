#include "common/runtime/config_table.h"

#include "common/base/check.h"
#include "common/io/kafka_in.h"

#include <inttypes.h>

#define IDENTIFIER_MAX 63 /* Postgres' NAMEDATALEN - 1 */
#define WEB_ADDRESS_MAX 1000
#define TOPIC_PREFIX_MAX 200 /* Kafka allows 249 for the whole name */

const struct setting SETTINGS[] = {
    {.variable = "PARSTOCK_CONTRACT",
     .flag = "contract",
     .kind = FLAG_TEXT,
     .uses = CONFIG_CONTRACT,
     .offset = offsetof(struct config, contract_path),
     .min = 1,
     .argument = "FILE",
     .help = "the contract file: sources, locations, shops, rules"},
    {.variable = "PARSTOCK_KAFKA_BROKERS",
     .flag = "kafka-brokers",
     .kind = FLAG_TEXT,
     .uses = CONFIG_KAFKA,
     .offset = offsetof(struct config, kafka_brokers),
     .min = 1,
     .argument = "HOST:PORT,...",
     .help = "bootstrap servers of the Kafka cluster"},
    {.variable = "PARSTOCK_GROUP_PREFIX",
     .flag = "group-prefix",
     .kind = FLAG_TEXT,
     .uses = CONFIG_KAFKA,
     .offset = offsetof(struct config, group_prefix),
     .text_default = "parstock-",
     .min = 1,
     .argument = "PREFIX",
     .help = "consumer groups are PREFIX and the worker's name"},
    {.variable = "PARSTOCK_TOPIC_PREFIX",
     .flag = "topic-prefix",
     .kind = FLAG_TEXT,
     .check = CHECK_TOPIC_PREFIX,
     .uses = CONFIG_KAFKA | CONFIG_TOPICS,
     .offset = offsetof(struct config, topic_prefix),
     .text_default = "inventory.",
     .argument = "PREFIX",
     .help = "topics are PREFIX and stock-changes, levels, ..."},
    {.variable = "PARSTOCK_TOPIC_PARTITIONS",
     .flag = "topic-partitions",
     .kind = FLAG_INTEGER,
     .uses = CONFIG_TOPICS,
     .offset = offsetof(struct config, topic_partitions),
     .integer_default = 12,
     .min = 1,
     .max = 10000,
     .argument = "N",
     .help = "partitions of a topic that is created; never changed afterwards"},
    {.variable = "PARSTOCK_TOPIC_REPLICAS",
     .flag = "topic-replicas",
     .kind = FLAG_INTEGER,
     .uses = CONFIG_TOPICS,
     .offset = offsetof(struct config, topic_replicas),
     .integer_default = -1,
     .min = -1,
     .max = 1000,
     .argument = "N",
     .help = "replicas of a topic that is created; -1: as the broker is set"},
    {.variable = "PARSTOCK_POSTGRES",
     .flag = "postgres",
     .kind = FLAG_TEXT,
     .secret = true,
     .uses = CONFIG_POSTGRES,
     .offset = offsetof(struct config, postgres),
     .min = 1,
     .argument = "DSN",
     .help = "libpq connection string or URI. One that holds a password belongs in the "
             "variable, or in the file that PARSTOCK_POSTGRES_FILE names: flags are seen "
             "by every user of the machine"},
    {.variable = "PARSTOCK_SCHEMA",
     .flag = "schema",
     .kind = FLAG_TEXT,
     .check = CHECK_IDENTIFIER,
     .uses = CONFIG_POSTGRES,
     .offset = offsetof(struct config, schema),
     .text_default = "parstock",
     .min = 1,
     .argument = "NAME",
     .help = "schema of parstock's tables"},
    {.variable = "PARSTOCK_ADMIN_LISTEN",
     .flag = "admin-listen",
     .kind = FLAG_TEXT,
     .uses = CONFIG_ADMIN,
     .offset = offsetof(struct config, admin_listen),
     .text_default = "127.0.0.1:9464",
     .min = 1,
     .argument = "HOST:PORT",
     .help = "where /livez, /readyz and /metrics are served; port 0 takes a free one and "
             "logs it"},
    {.variable = "PARSTOCK_GATEWAY_LISTEN",
     .flag = "gateway-listen",
     .kind = FLAG_TEXT,
     .uses = CONFIG_GATEWAY,
     .offset = offsetof(struct config, gateway_listen),
     .text_default = "127.0.0.1:8080",
     .min = 1,
     .argument = "HOST:PORT",
     .help = "where the gateway takes requests; port 0 takes a free one and logs it"},
    {.variable = "PARSTOCK_CONSOLE_LISTEN",
     .flag = "console-listen",
     .kind = FLAG_TEXT,
     .uses = CONFIG_CONSOLE,
     .offset = offsetof(struct config, console_listen),
     .text_default = "127.0.0.1:8088",
     .min = 1,
     .argument = "HOST:PORT",
     .help = "where the console serves its pages; port 0 takes a free one and logs it"},
    {.variable = "PARSTOCK_LANES",
     .flag = "lanes",
     .kind = FLAG_INTEGER,
     .uses = CONFIG_LANES,
     .offset = offsetof(struct config, lanes),
     .integer_default = 2,
     .min = 1,
     .max = KAFKA_LANES_MAX,
     .argument = "N",
     .help = "threads, each with partitions of its own"},
    {.variable = "PARSTOCK_KEY_MEMORY_MIB",
     .flag = "key-memory-mib",
     .kind = FLAG_INTEGER,
     .uses = CONFIG_LANES,
     .offset = offsetof(struct config, key_memory_mib),
     .integer_default = 128,
     .min = 1,
     .max = 65536,
     .argument = "N",
     .help =
         "MiB of filters over keys that were judged, two bytes a key; where they do not "
         "fit, repeats are looked for in the database"},
    {.variable = "PARSTOCK_WEBHOOK_ADDRESS",
     .flag = "webhook-address",
     .kind = FLAG_TEXT,
     .check = CHECK_WEB_ADDRESS,
     .uses = CONFIG_WEBHOOKS,
     .offset = offsetof(struct config, webhook_address),
     .min = 1,
     .argument = "URL",
     .help =
         "where the shops reach the gateway, e.g. https://stock.example.com; webhooks "
         "of shop NAME go to URL/shopify/webhooks/NAME"},
    {.variable = "PARSTOCK_WEBHOOK_CHECK_SECONDS",
     .flag = "webhook-check-seconds",
     .kind = FLAG_INTEGER,
     .uses = CONFIG_WEBHOOK_CHECK,
     .offset = offsetof(struct config, webhook_check_seconds),
     .integer_default = 300,
     .min = 1,
     .max = 86400,
     .argument = "N",
     .help = "seconds between two looks at whether the shops still send all webhooks"},
    {.variable = "PARSTOCK_OTLP_ENDPOINT",
     .flag = "otlp-endpoint",
     .kind = FLAG_TEXT,
     .check = CHECK_OTLP_ADDRESS,
     .uses = CONFIG_TRACES,
     .offset = offsetof(struct config, otlp_endpoint),
     .min = 1,
     .argument = "URL",
     .help = "collector that takes spans of sampled traces by OTLP/HTTP (JSON), e.g. "
             "http://127.0.0.1:4318; /v1/traces is added. Headers of the requests are a "
             "secret: PARSTOCK_OTLP_HEADERS, name=value,name=value. Default: no export"},
    {.flag = "output",
     .letter = 'o',
     .kind = FLAG_TEXT,
     .check = CHECK_OUTPUT,
     .uses = CONFIG_OUTPUT,
     .offset = offsetof(struct config, output),
     .text_default = "",
     .argument = "table|json|jsonl",
     .help = "form of the answer on standard output"},
    {.variable = "PARSTOCK_LOG",
     .flag = "log",
     .kind = FLAG_TEXT,
     .uses = CONFIG_ALWAYS,
     .offset = offsetof(struct config, log_level),
     .text_default = "info",
     .min = 1,
     .argument = "error|warn|info|debug",
     .help = "least level of the log on standard error, one JSON object a line"},
};

const size_t SETTINGS_COUNT = COUNT_OF(SETTINGS);

bool setting_is_used(const struct setting *setting, const struct command_spec *spec)
{
    return setting->uses == CONFIG_ALWAYS || (setting->uses & spec->uses) != 0;
}

static bool all_of(const char *text, const char *allowed)
{
    return text[strspn(text, allowed)] == '\0';
}

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static const char *past(const char *text, const char *head)
{
    size_t length = strlen(head);
    return strncmp(text, head, length) == 0 ? text + length : NULL;
}

static bool is_address_rest(const char *rest)
{
    return all_of(rest, LOWER UPPER DIGITS ".:-_~%/[]");
}

static bool is_otlp_address(const char *text)
{
    const char *rest = past(text, "https://");
    if (rest == NULL)
        rest = past(text, "http://");
    return rest != NULL && rest[0] != '\0' && strlen(text) <= WEB_ADDRESS_MAX &&
           text[strlen(text) - 1] != '/' && is_address_rest(rest);
}

static bool is_web_address(const char *text)
{
    static const char *const HEADS[] = {"https://", "http://127.0.0.1",
                                        "http://localhost", "http://[::1]"};
    const char *rest = NULL;
    for (size_t at = 0; at < COUNT_OF(HEADS) && rest == NULL; at++)
        rest = past(text, HEADS[at]);
    if (rest == NULL || strlen(text) > WEB_ADDRESS_MAX || text[strlen(text) - 1] == '/')
        return false;
    if (text[4] == ':' && rest[0] != '\0' && rest[0] != ':' && rest[0] != '/')
        return false; /* http://localhost.example.com */
    return is_address_rest(rest);
}

/* What is wrong with the text; NULL where nothing is. */
static const char *text_fault(enum setting_check check, const char *text)
{
    switch (check) {
    case CHECK_ANY:
        return NULL;
    case CHECK_TOPIC_PREFIX:
        if (strlen(text) <= TOPIC_PREFIX_MAX && all_of(text, LOWER UPPER DIGITS "._-"))
            return NULL;
        return "may hold letters, digits, '.', '_' and '-', at most 200 of them";
    case CHECK_IDENTIFIER:
        if (strlen(text) <= IDENTIFIER_MAX && all_of(text, LOWER DIGITS "_") &&
            strchr(DIGITS, text[0]) == NULL)
            return NULL;
        return "may hold lower-case letters, digits and '_', at most 63, no digit first";
    case CHECK_OUTPUT:
        if (strcmp(text, "table") == 0 || strcmp(text, "json") == 0 ||
            strcmp(text, "jsonl") == 0)
            return NULL;
        return "is one of table, json, jsonl";
    case CHECK_OTLP_ADDRESS:
        if (is_otlp_address(text))
            return NULL;
        return "is http[s]://HOST[:PORT][/PATH], without a query, a password and a slash "
               "at its end";
    case CHECK_WEB_ADDRESS:
        if (is_web_address(text))
            return NULL;
        return "is https://HOST[:PORT][/PATH] (http only for this machine itself), without "
               "a query and without a slash at its end";
    }
    UNREACHABLE("every check of a setting");
}

static enum status store_text(const struct setting *setting, const char *text,
                              const char *from, struct config *config,
                              struct error *error)
{
    const char *fault = text_fault(setting->check, text);
    if (text[0] == '\0' && setting->min > 0)
        fault = "must not be empty";
    if (fault != NULL)
        return error_set(error, STATUS_FATAL, "%s %s", from, fault);
    *(const char **)(void *)((char *)config + setting->offset) = text;
    return STATUS_OK;
}

static enum status store_integer(const struct setting *setting, const char *text,
                                 const char *from, struct config *config,
                                 struct error *error)
{
    int64_t value = 0;
    if (!span_to_int64(span_from(text), &value) || value < setting->min ||
        value > setting->max)
        return error_set(error, STATUS_FATAL,
                         "%s is an integer from %" PRId64 " to %" PRId64 ", not '%.40s'",
                         from, setting->min, setting->max, text);
    *(int64_t *)(void *)((char *)config + setting->offset) = value;
    return STATUS_OK;
}

enum status setting_store(const struct setting *setting, const char *text,
                          const char *from, struct config *config, struct error *error)
{
    ASSERT(setting->kind != FLAG_SWITCH);
    if (setting->kind == FLAG_INTEGER)
        return store_integer(setting, text, from, config, error);
    return store_text(setting, text, from, config, error);
}

void setting_store_default(const struct setting *setting, struct config *config)
{
    char *at = (char *)config + setting->offset;
    if (setting->kind == FLAG_INTEGER)
        *(int64_t *)(void *)at = setting->integer_default;
    else
        *(const char **)(void *)at = setting->text_default;
}
