/*
 * Settings: environment first, flags override. One table says for every setting its name,
 * default and help; --help of each command, the man pages and the README are printed from
 * it. Secrets are read from NAME or from the file named by NAME_FILE, never from a flag,
 * and are never printed.
 */
#ifndef PARSTOCK_RUNTIME_CONFIG_H
#define PARSTOCK_RUNTIME_CONFIG_H

#include "common/base/error.h"
#include "common/base/span.h"
#include "common/io/kafka_options.h"

#define CONFIG_KAFKA_PROPERTIES_MAX 128

struct config {
    const char *contract_path; /* PARSTOCK_CONTRACT */
    const char *kafka_brokers; /* PARSTOCK_KAFKA_BROKERS */
    struct kafka_setting kafka_properties[CONFIG_KAFKA_PROPERTIES_MAX];
    size_t kafka_property_count; /* PARSTOCK_KAFKA__* */
    const char *group_prefix;    /* PARSTOCK_GROUP_PREFIX, default "parstock-" */
    const char *topic_prefix;    /* PARSTOCK_TOPIC_PREFIX, default "inventory." */
    int64_t topic_partitions;    /* PARSTOCK_TOPIC_PARTITIONS, default 12 */
    int64_t topic_replicas;      /* PARSTOCK_TOPIC_REPLICAS, default -1 */
    const char *postgres;        /* PARSTOCK_POSTGRES (may hold a password: secret) */
    const char *schema;          /* PARSTOCK_SCHEMA, default "parstock" */
    const char *admin_listen;    /* PARSTOCK_ADMIN_LISTEN, default 127.0.0.1:9464 */
    bool admin_listen_asked;     /* set by the user: a taken port is an error */
    const char *gateway_listen;  /* PARSTOCK_GATEWAY_LISTEN, default 127.0.0.1:8080 */
    bool gateway_listen_asked;   /* set by the user: a taken port is an error */
    const char *console_listen;  /* PARSTOCK_CONSOLE_LISTEN, default 127.0.0.1:8088 */
    const char *log_level;       /* PARSTOCK_LOG, default info */
    const char *output;          /* -o / --output: table, json, jsonl; "" = by terminal */
    int64_t lanes;               /* PARSTOCK_LANES of apply: threads, default 2 */
    int64_t key_memory_mib;      /* PARSTOCK_KEY_MEMORY_MIB of apply, default 128 */
    const char *webhook_address; /* PARSTOCK_WEBHOOK_ADDRESS; NULL = not said */
    int64_t webhook_check_seconds; /* PARSTOCK_WEBHOOK_CHECK_SECONDS, default 300 */
    const char *otlp_endpoint;     /* PARSTOCK_OTLP_ENDPOINT; NULL = no spans leave */
};

/* Which of the common settings a command uses; others are not offered as its flags. */
#define CONFIG_CONTRACT 0x01u
#define CONFIG_KAFKA 0x02u
#define CONFIG_POSTGRES 0x04u
#define CONFIG_ADMIN 0x08u
#define CONFIG_OUTPUT 0x10u
#define CONFIG_TOPICS 0x20u
#define CONFIG_LANES 0x40u
#define CONFIG_GATEWAY 0x80u
#define CONFIG_WEBHOOKS 0x100u
#define CONFIG_WEBHOOK_CHECK 0x200u
#define CONFIG_CONSOLE 0x400u
#define CONFIG_TRACES 0x800u

enum flag_kind {
    FLAG_TEXT,
    FLAG_INTEGER,
    FLAG_SWITCH,
    FLAG_LIST, /* may come several times; of a command's own only */
};

#define FLAG_LIST_MAX 32

/* What a FLAG_LIST fills, in the order of the command line. */
struct flag_list {
    const char *texts[FLAG_LIST_MAX];
    size_t count;
};

/* A flag of one command's own, stored at `offset` in its own struct. */
struct flag {
    const char *name; /* without "--" */
    enum flag_kind kind;
    size_t offset;        /* of a const char *, int64_t, bool or struct flag_list */
    const char *argument; /* shown in help, e.g. "SKU"; NULL for switches */
    const char *help;
};

struct command_spec {
    const char *name;    /* "topics ensure" */
    const char *summary; /* one line */
    const char *usage;   /* after the name, e.g. "[--sku SKU] [--location L]" */
    const char *detail;  /* paragraphs for --help and the man page; may be NULL */
    int operands;        /* positional arguments that it takes at most */
    unsigned uses;       /* CONFIG_* */
    unsigned needs;      /* CONFIG_* that must be set, else exit 78 */
    const struct flag *flags;
    size_t flag_count;
};

/* What main was given (argv[0] is the command's own name), and what was found in it. */
struct parsed {
    int argc;
    char **argv; /* flags are moved in front of the positional arguments */
    bool done;   /* help was printed: nothing else is wanted */
    int first;   /* index into argv of the first positional argument */
};

/*
 * Reads the environment, then argv: fills `config`, the command's own flags in `own`
 * (NULL where it has none), and the rest of `parsed`. STATUS_REJECT with exit code 64 for
 * wrong use, STATUS_FATAL with 78 for a bad setting (also for a PARSTOCK_KAFKA__ property
 * that would break exactly-once or order). Texts point into the environment, argv, or
 * memory kept until the process ends.
 */
enum status config_parse(const struct command_spec *spec, struct parsed *parsed,
                         struct config *config, void *own, struct error *error);

/* A secret by NAME or NAME_FILE; NULL where neither is set. Kept until the process ends.
 */
enum status config_secret(const char *name, const char **value_out, struct error *error);

/* How this process reaches Kafka; the library's lines go to our log. The settings and
 * `client_id` must outlive the client that is opened with it. */
struct kafka_options config_kafka(const struct config *config, const char *client_id);

/* "PARSTOCK_SHOP_<NAME><suffix>": upper case, '-' and other signs as '_'. */
void config_shop_variable(struct span shop, const char *suffix, char *room, size_t size);

/* The same of a route of alerts: "PARSTOCK_ALERT_<NAME><suffix>". */
void config_alert_variable(struct span route, const char *suffix, char *room,
                           size_t size);

/* "PARSTOCK_SOURCE_<NAME><suffix>", alike. False: no variable can have so long a name. */
bool config_source_variable(struct span source, const char *suffix, char *room,
                            size_t size);

/* Prints "parstock NAME: text" and the remedy to stderr; returns the exit code. */
int config_fail(const struct command_spec *spec, const struct error *error);

/* The command's help as plain text (man = false) or as a man page. */
struct buf;
void config_help(const struct command_spec *spec, bool man, struct buf *out);

#endif
