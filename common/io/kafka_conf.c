#include "common/io/kafka_conf.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/kafka_rules.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define REASON_MAX 256
#define OF_CONSUMER (1u << KAFKA_CONSUMER)
#define OF_PRODUCER (1u << KAFKA_PRODUCER)
#define OF_ADMIN (1u << KAFKA_ADMIN)
#define OF_ALL (OF_CONSUMER | OF_PRODUCER | OF_ADMIN)

struct preset {
    unsigned roles;
    const char *name;
    const char *value;
};

/* Bounds and pace: the operator's properties come after these and may change them. */
static const struct preset DEFAULTS[] = {
    {OF_ALL, "log.connection.close", "false"},
    {OF_ALL, "reconnect.backoff.max.ms", "5000"},
    /* A full queue is looked at again soon, not after the library's whole second. */
    {OF_CONSUMER, "fetch.queue.backoff.ms", "10"},
    /* The library's own bounds would hold 64 MB of values, and as much again in
     * descriptors, before a first record is applied. queued.max.messages.kbytes is set by
     * kafka_session.c, which knows the lanes. */
    {OF_CONSUMER, "queued.min.messages", "10000"},
    {OF_CONSUMER, "fetch.max.bytes", "4194304"},
    {OF_CONSUMER, "fetch.message.max.bytes", "1048576"},
    {OF_CONSUMER, "check.crcs", "true"},
    {OF_PRODUCER, "compression.type", "lz4"},
    {OF_PRODUCER, "linger.ms", "5"},
    /* What is not taken by then is read from the tables again; a worker that lost its
     * partition has no older record under way for longer. */
    {OF_PRODUCER, "message.timeout.ms", "10000"},
    /* Room for what was fetched before a broker went away, so that it can be applied. */
    {OF_PRODUCER, "queue.buffering.max.messages", "50000"},
    {OF_PRODUCER, "queue.buffering.max.kbytes", "32768"},
};

/* Promises: set after the operator's properties. */
static const struct preset PROMISES[] = {
    {OF_CONSUMER, "enable.auto.commit", "false"},
    {OF_CONSUMER, "enable.auto.offset.store", "false"},
    {OF_CONSUMER, "auto.offset.reset", "error"},
    {OF_CONSUMER, "allow.auto.create.topics", "false"},
    {OF_CONSUMER, "isolation.level", "read_committed"},
    /* Says how far markers of transactions reach, for which there is no record. */
    {OF_CONSUMER, "enable.partition.eof", "true"},
    {OF_PRODUCER, "enable.idempotence", "true"},
    {OF_PRODUCER, "acks", "all"},
    {OF_PRODUCER, "partitioner", "murmur2_random"},
};

/* options->log of the last configuration. */
static void (*log_target)(int level, const char *facility, const char *text);
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

/* Lines of the library that say nothing, by facility and a part of their text. */
struct noise {
    const char *facility;
    const char *text;
};

static const struct noise NOISE[] = {
    /* The operator's properties are one set for consumers and producers. */
    {"CONFWARN", "will be ignored by"},
    /* The mock cluster's own client has no brokers to go to. */
    {"CONFWARN", "bootstrap.servers"},
    /* Repeated at every try; the FAIL line beside it says why, once in half a minute. */
    {"ERROR", "brokers are down"},
};

static bool log_is_noise(const char *facility, const char *text)
{
    for (size_t i = 0; i < COUNT_OF(NOISE); i++) {
        if (strcmp(facility, NOISE[i].facility) == 0 &&
            strstr(text, NOISE[i].text) != NULL)
            return true;
    }
    return false;
}

static void conf_log(const rd_kafka_t *client, int level, const char *facility,
                     const char *text)
{
    (void)client;
    if (log_is_noise(facility, text))
        return;
    pthread_mutex_lock(&log_lock);
    void (*target)(int, const char *, const char *) = log_target;
    pthread_mutex_unlock(&log_lock);
    if (target != NULL)
        target(level, facility, text);
}

static void conf_log_to(void (*target)(int, const char *, const char *))
{
    pthread_mutex_lock(&log_lock);
    log_target = target;
    pthread_mutex_unlock(&log_lock);
}

static void conf_release(rd_kafka_conf_t **slot)
{
    if (*slot != NULL)
        rd_kafka_conf_destroy(TAKE(*slot));
}

enum status kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                           struct error *error)
{
    char reason[REASON_MAX] = "";
    rd_kafka_conf_res_t result =
        rd_kafka_conf_set(conf, name, value, reason, sizeof(reason));
    if (result == RD_KAFKA_CONF_OK)
        return STATUS_OK;
    if (result == RD_KAFKA_CONF_UNKNOWN)
        error_set(error, STATUS_FATAL, "Kafka property %s is unknown to librdkafka %s",
                  name, rd_kafka_version_str());
    else if (kafka_property_is_secret(name)) /* the library's reason quotes the value */
        error_set(error, STATUS_FATAL, "Kafka property %s has a value that is not valid",
                  name);
    else
        error_set(error, STATUS_FATAL, "Kafka property %s: %s", name, reason);
    return error_exit(error, EXIT_CONFIG);
}

static enum status conf_presets(rd_kafka_conf_t *conf, enum kafka_role role,
                                const struct preset *presets, size_t count,
                                struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        if ((presets[i].roles & 1u << role) == 0)
            continue;
        enum status status =
            kafka_conf_set(conf, presets[i].name, presets[i].value, error);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status conf_operator(rd_kafka_conf_t *conf,
                                 const struct kafka_options *options, struct error *error)
{
    for (size_t i = 0; i < options->setting_count; i++) {
        const struct kafka_setting *setting = &options->settings[i];
        const char *why = kafka_property_refusal(setting->name, setting->value);
        if (why != NULL) {
            error_set(error, STATUS_FATAL, "Kafka property %s may not be set: %s",
                      setting->name, why);
            return error_exit(error, EXIT_CONFIG);
        }
        enum status status = kafka_conf_set(conf, setting->name, setting->value, error);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

enum status kafka_conf_new(const struct kafka_options *options, enum kafka_role role,
                           rd_kafka_conf_t **conf_out, struct error *error)
{
    SCOPED(conf_release) rd_kafka_conf_t *conf = rd_kafka_conf_new();
    conf_log_to(options->log);
    rd_kafka_conf_set_log_cb(conf, conf_log);
    enum status status = conf_presets(conf, role, DEFAULTS, COUNT_OF(DEFAULTS), error);
    if (status == STATUS_OK && options->client_id != NULL)
        status = kafka_conf_set(conf, "client.id", options->client_id, error);
    if (status == STATUS_OK)
        status = conf_operator(conf, options, error);
    if (status == STATUS_OK && options->brokers != NULL)
        status = kafka_conf_set(conf, "bootstrap.servers", options->brokers, error);
    if (status == STATUS_OK)
        status = conf_presets(conf, role, PROMISES, COUNT_OF(PROMISES), error);
    if (status == STATUS_OK)
        *conf_out = TAKE(conf);
    return status;
}

enum status kafka_client_new(enum kafka_role role, rd_kafka_conf_t *conf,
                             rd_kafka_t **out, struct error *error)
{
    char reason[REASON_MAX] = "";
    rd_kafka_type_t type = role == KAFKA_CONSUMER ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER;
    *out = rd_kafka_new(type, conf, reason, sizeof(reason));
    if (*out != NULL)
        return STATUS_OK;
    rd_kafka_conf_destroy(conf); /* the library takes it over only when it succeeds */
    error_set(error, STATUS_FATAL, "Kafka client: %s", reason);
    return error_exit(error, EXIT_CONFIG);
}

/* ---- errors ---------------------------------------------------------------------------
 */

struct remedy {
    rd_kafka_resp_err_t code;
    enum status status;
    int exit_code; /* 0: by status */
    const char *text;
};

#define HINT_TOPICS "run 'parstock topics ensure', and look at PARSTOCK_TOPIC_PREFIX"
#define HINT_BROKERS "is PARSTOCK_KAFKA_BROKERS right, and are the brokers up?"
#define HINT_ACCESS "the broker's access rules must let this user do it"
#define HINT_RECORD "the broker refuses this record"

/* What is absent here is weather: try again. A refusal for want of rights is waited for,
 * because whoever mends it does so at the broker. */
static const struct remedy REMEDIES[] = {
    {RD_KAFKA_RESP_ERR__TRANSPORT, STATUS_RETRY, 0, HINT_BROKERS},
    {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, STATUS_RETRY, 0, HINT_BROKERS},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, STATUS_RETRY, 0, HINT_BROKERS},
    {RD_KAFKA_RESP_ERR__RESOLVE, STATUS_RETRY, 0, HINT_BROKERS},
    {RD_KAFKA_RESP_ERR__SSL, STATUS_RETRY, 0,
     "look at PARSTOCK_KAFKA__SECURITY_PROTOCOL and PARSTOCK_KAFKA__SSL_*"},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, STATUS_RETRY, EXIT_NOT_ALLOWED,
     "look at PARSTOCK_KAFKA__SASL_*"},
    {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, STATUS_RETRY, EXIT_NOT_ALLOWED,
     "look at PARSTOCK_KAFKA__SASL_*"},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, STATUS_RETRY, 0, HINT_TOPICS},
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, STATUS_RETRY, 0, HINT_TOPICS},
    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, STATUS_RETRY, 0, HINT_TOPICS},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, STATUS_RETRY, EXIT_NOT_ALLOWED,
     HINT_ACCESS},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, STATUS_RETRY, EXIT_NOT_ALLOWED,
     HINT_ACCESS},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, STATUS_RETRY, EXIT_NOT_ALLOWED,
     HINT_ACCESS},
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, STATUS_REJECT, 0,
     "larger than the topic's max.message.bytes"},
    {RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE, STATUS_REJECT, 0, HINT_RECORD},
    {RD_KAFKA_RESP_ERR_INVALID_RECORD, STATUS_REJECT, 0, HINT_RECORD},
    {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, STATUS_REJECT, 0, HINT_RECORD},
    {RD_KAFKA_RESP_ERR__INVALID_ARG, STATUS_FATAL, 0, "a setting has no valid value"},
    {RD_KAFKA_RESP_ERR_INVALID_CONFIG, STATUS_FATAL, 0,
     "the broker refuses a topic's setting"},
    {RD_KAFKA_RESP_ERR_INVALID_PARTITIONS, STATUS_FATAL, 0,
     "look at PARSTOCK_TOPIC_PARTITIONS"},
    {RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR, STATUS_FATAL, 0,
     "PARSTOCK_TOPIC_REPLICAS is larger than the number of brokers"},
    {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, STATUS_FATAL, 0, "look at PARSTOCK_TOPIC_PREFIX"},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, STATUS_FATAL, 0,
     "the broker does not know this request"},
    {RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, STATUS_FATAL, 0,
     "the broker does not know this request"},
    {RD_KAFKA_RESP_ERR__FATAL, STATUS_FATAL, 0, "the client must be opened anew"},
    {RD_KAFKA_RESP_ERR__FENCED, STATUS_FATAL, 0, "the client must be opened anew"},
};

static const struct remedy ANY_OTHER = {.status = STATUS_RETRY,
                                        .text = "trying again may help"};

static const struct remedy *remedy_of(rd_kafka_resp_err_t code)
{
    for (size_t i = 0; i < COUNT_OF(REMEDIES); i++) {
        if (REMEDIES[i].code == code)
            return &REMEDIES[i];
    }
    return &ANY_OTHER;
}

enum status kafka_status(rd_kafka_resp_err_t code, const char *doing, struct error *error)
{
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return STATUS_OK;
    const struct remedy *remedy = remedy_of(code);
    error_set_code(error, remedy->status, rd_kafka_err2name(code), "Kafka, %s: %s; %s",
                   doing, rd_kafka_err2str(code), remedy->text);
    return error_exit(error, remedy->exit_code);
}
