/*
 * One librdkafka consumer: which protocol of group membership it speaks, how it is opened,
 * and what to do when the library gives it up.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/kafka_conf.h"
#include "common/io/kafka_in_state.h"
#include "common/io/kafka_rules.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define REOPEN_AFTER_MS 2000
/* All lanes together; a fetch under way may add one answer of fetch.max.bytes a broker. */
#define FETCH_WAIT_MS 500 /* the library's own */
#define ASK_SPARE_MS 1500
#define QUEUED_KBYTES_ALL 4096
#define QUEUED_KBYTES_LEAST 512

int64_t kafka_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- settings ----------------------------------------------------------------------------- */

static const char *operators_value(const struct kafka_options *options, const char *name)
{
    const char *value = NULL;
    for (size_t at = 0; at < options->setting_count; at++)
        if (strcmp(options->settings[at].name, name) == 0)
            value = options->settings[at].value;
    return value;
}

/* A property that only the classic protocol knows, if the operator has set one. */
static const char *classic_only(const struct kafka_options *options)
{
    for (size_t at = 0; at < options->setting_count; at++)
        if (kafka_property_is_classic(options->settings[at].name))
            return options->settings[at].name;
    return NULL;
}

static enum status choose_protocol(struct kafka_in *in, struct error *error)
{
    const struct kafka_options *options = &in->options.kafka;
    const char *asked = operators_value(options, "group.protocol");
    const char *classic = classic_only(options);
    if (asked == NULL) {
        in->may_fall_back = classic == NULL;
        in->is_consumer_protocol = classic == NULL;
        return STATUS_OK;
    }
    in->is_consumer_protocol = strcmp(asked, "consumer") == 0;
    if (!in->is_consumer_protocol || classic == NULL)
        return STATUS_OK;
    (void)error_set(
        error, STATUS_FATAL,
        "Kafka property %s does not go with group.protocol=consumer: there the "
        "broker sets it (group.consumer.* of the broker); remove it, or set "
        "PARSTOCK_KAFKA__GROUP_PROTOCOL=classic",
        classic);
    return error_exit(error, EXIT_CONFIG);
}

struct group_default {
    const char *name;
    const char *value;
};

/*
 * A member that ends is noticed at the others' next heartbeat, so that its partitions stand
 * still for up to an interval; one that dies, after the session's time.
 */
static const struct group_default CLASSIC_DEFAULTS[] = {
    {"heartbeat.interval.ms", "300"},
    {"session.timeout.ms", "10000"},
    /* Hands partitions over one by one, as the consumer protocol does by itself. */
    {"partition.assignment.strategy", "cooperative-sticky"},
};

static enum status set_protocol(const struct kafka_in *in, rd_kafka_conf_t *conf,
                                struct error *error)
{
    const struct kafka_options *options = &in->options.kafka;
    enum status status = kafka_conf_set(
        conf, "group.protocol", in->is_consumer_protocol ? "consumer" : "classic", error);
    for (size_t at = 0; at < COUNT_OF(CLASSIC_DEFAULTS) && !in->is_consumer_protocol;
         at++)
        if (status == STATUS_OK &&
            operators_value(options, CLASSIC_DEFAULTS[at].name) == NULL)
            status = kafka_conf_set(conf, CLASSIC_DEFAULTS[at].name,
                                    CLASSIC_DEFAULTS[at].value, error);
    return status;
}

/*
 * The library measures a partition's queue where it is forwarded to: the limit holds for a
 * lane, whatever the number of its partitions.
 */
static enum status set_queue(const struct kafka_in *in, rd_kafka_conf_t *conf,
                             struct error *error)
{
    int kbytes = QUEUED_KBYTES_ALL / in->options.lanes;
    if (kbytes < QUEUED_KBYTES_LEAST)
        kbytes = QUEUED_KBYTES_LEAST;
    if (operators_value(&in->options.kafka, "queued.max.messages.kbytes") != NULL)
        return STATUS_OK;
    char text[16];
    (void)snprintf(text, sizeof(text), "%d", kbytes);
    return kafka_conf_set(conf, "queued.max.messages.kbytes", text, error);
}

/* A broker answers a connection's requests in turn, and keeps a fetch that finds nothing:
 * a question about a quiet topic waits behind it. */
static int ask_wait_of(const rd_kafka_conf_t *conf)
{
    char text[32] = "";
    size_t size = sizeof(text);
    int64_t fetch_ms = 0;
    if (rd_kafka_conf_get(conf, "fetch.wait.max.ms", text, &size) != RD_KAFKA_CONF_OK ||
        !span_to_int64(span_from(text), &fetch_ms))
        fetch_ms = FETCH_WAIT_MS;
    return (int)fetch_ms + ASK_SPARE_MS;
}

static enum status consumer_open(struct kafka_in *in, struct error *error)
{
    rd_kafka_conf_t *conf = NULL;
    enum status status = kafka_conf_new(&in->options.kafka, KAFKA_CONSUMER, &conf, error);
    if (status != STATUS_OK)
        return status;
    status = kafka_conf_set(conf, "group.id", in->options.group, error);
    if (status == STATUS_OK)
        status = set_protocol(in, conf, error);
    if (status == STATUS_OK)
        status = set_queue(in, conf, error);
    if (status != STATUS_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    in->ask_wait_ms = ask_wait_of(conf);
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR |
                                       RD_KAFKA_EVENT_OFFSET_COMMIT);
    return kafka_client_new(KAFKA_CONSUMER, conf, &in->consumer, error);
}

/* ---- opening ------------------------------------------------------------------------------ */

static enum status lane_open(struct kafka_in *in, struct kafka_lane *lane,
                             struct error *error)
{
    if (lane->pipe[0] < 0 && pipe2(lane->pipe, O_NONBLOCK | O_CLOEXEC) != 0)
        return error_set(error, STATUS_RETRY, "kafka: no pipe for a lane");
    rd_kafka_queue_t *queue = rd_kafka_queue_new(in->consumer);
    rd_kafka_queue_io_event_enable(queue, lane->pipe[1], "1", 1);
    (void)pthread_mutex_lock(&lane->lock);
    lane->queue = queue;
    (void)pthread_mutex_unlock(&lane->lock);
    return STATUS_OK;
}

enum status kafka_session_subscribe(struct kafka_in *in, struct error *error)
{
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, in->options.topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(in->consumer, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    return kafka_status(code, "subscribe", error);
}

enum status kafka_session_open(struct kafka_in *in, struct error *error)
{
    enum status status = STATUS_OK;
    if (in->trouble.status == STATUS_OK) /* the first one */
        status = choose_protocol(in, error);
    if (status == STATUS_OK)
        status = consumer_open(in, error);
    if (status != STATUS_OK)
        return status;
    in->is_joined = false;
    in->opened_ms = kafka_now_ms();
    in->is_away = false;
    (void)rd_kafka_poll_set_consumer(in->consumer);
    in->events = rd_kafka_queue_get_consumer(in->consumer);
    in->topic = rd_kafka_topic_new(in->consumer, in->options.topic, NULL);
    for (int lane = 0; lane < in->options.lanes && status == STATUS_OK; lane++)
        status = lane_open(in, &in->lanes[lane], error);
    if (status == STATUS_OK)
        status = kafka_session_subscribe(in, error);
    if (status == STATUS_OK)
        in->trouble = (struct error){0};
    return status;
}

void kafka_session_destroy(struct kafka_in *in)
{
    if (in->consumer == NULL)
        return;
    /* One that did not leave in time would not leave in destroy either, which waits. */
    bool is_given_up = !rd_kafka_consumer_closed(in->consumer);
    for (int at = 0; at < in->options.lanes; at++) {
        struct kafka_lane *lane = &in->lanes[at];
        (void)pthread_mutex_lock(&lane->lock);
        if (lane->queue != NULL)
            rd_kafka_queue_destroy(TAKE(lane->queue));
        (void)pthread_mutex_unlock(&lane->lock);
    }
    if (in->events != NULL)
        rd_kafka_queue_destroy(TAKE(in->events));
    if (in->topic != NULL)
        rd_kafka_topic_destroy(TAKE(in->topic));
    rd_kafka_destroy_flags(TAKE(in->consumer),
                           is_given_up ? RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE : 0);
}

/* ---- given up by the library -------------------------------------------------------------- */

enum cure {
    CURE_NONE,    /* a person must change something here: the process ends */
    CURE_CLASSIC, /* the broker does not know the consumer protocol */
    CURE_REOPEN, /* it passes, or is mended at the broker: another session, after a wait */
};

#define TEXT_NO_KIP848                                                                   \
    "the broker does not speak group.protocol=consumer (KIP-848; Apache Kafka 4.0 or "   \
    "newer, with 'consumer' in its group.coordinator.rebalance.protocols): leave "       \
    "PARSTOCK_KAFKA__GROUP_PROTOCOL unset, or set it to classic"

struct given_up {
    rd_kafka_resp_err_t code;
    enum cure cure;
    int exit_code;
    const char *text;
};

static const struct given_up GIVEN_UP[] = {
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, CURE_CLASSIC, EXIT_CONFIG, TEXT_NO_KIP848},
    {RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, CURE_CLASSIC, EXIT_CONFIG, TEXT_NO_KIP848},
    {RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, CURE_NONE, EXIT_CONFIG,
     "another process has taken this group.instance.id: give every worker its own "
     "PARSTOCK_KAFKA__GROUP_INSTANCE_ID (if none has, a broker that was killed forgot whose "
     "it is: start this worker again)"},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_ASSIGNOR, CURE_NONE, EXIT_CONFIG,
     "the broker lacks this assignor: look at PARSTOCK_KAFKA__GROUP_REMOTE_ASSIGNOR"},
    {RD_KAFKA_RESP_ERR_UNRELEASED_INSTANCE_ID, CURE_REOPEN, 0,
     "the group still counts an earlier process under this group.instance.id; joins when "
     "the broker lets go of it (its group.consumer.session.timeout.ms)"},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, CURE_REOPEN, 0,
     "the broker's access rules must let this user read the group"},
    {RD_KAFKA_RESP_ERR_GROUP_MAX_SIZE_REACHED, CURE_REOPEN, 0,
     "the group is full (group.max.size, group.consumer.max.size of the broker)"},
    {RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND, CURE_REOPEN, 0,
     "the group was removed; joins anew"},
    {RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL, CURE_REOPEN, 0,
     "members of the group use another assignment strategy; joins when they are gone"},
};

static const struct given_up OTHERWISE = {
    .cure = CURE_NONE, .exit_code = EXIT_INTERNAL, .text = "the client cannot go on"};

static const struct given_up *given_up_for(rd_kafka_resp_err_t code)
{
    for (size_t at = 0; at < COUNT_OF(GIVEN_UP); at++)
        if (GIVEN_UP[at].code == code)
            return &GIVEN_UP[at];
    return &OTHERWISE;
}

static void fall_back(struct kafka_in *in)
{
    in->is_consumer_protocol = false;
    in->may_fall_back = false;
    in->reopen_ms = kafka_now_ms();
    (void)error_set_code(&in->trouble, STATUS_RETRY, "CLASSIC_PROTOCOL",
                         "Kafka: the broker does not speak the consumer protocol "
                         "(KIP-848); the group uses the classic one");
}

static void end_session(struct kafka_in *in)
{
    in->is_unsound = false;
    kafka_group_drop_all(in);
    kafka_session_destroy(in);
    if (in->options.owner.trouble != NULL)
        in->options.owner.trouble(in->options.owner.self, &in->trouble);
}

void kafka_session_fail(struct kafka_in *in)
{
    if (!in->is_given_up) {
        in->reopen_ms = kafka_now_ms() + REOPEN_AFTER_MS;
        end_session(in);
        return;
    }
    in->is_given_up = false;
    char reason[256] = "";
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(in->consumer, reason, sizeof(reason));
    const struct given_up *given_up = given_up_for(code);
    enum status status = given_up->cure == CURE_REOPEN ? STATUS_RETRY : STATUS_FATAL;
    struct error error = {0};
    (void)error_set_code(&error, status, rd_kafka_err2name(code),
                         "Kafka, group %s: %s; %s", in->options.group,
                         rd_kafka_err2str(code), given_up->text);
    (void)error_exit(&error, given_up->exit_code);
    if (given_up->cure == CURE_CLASSIC && in->may_fall_back) {
        fall_back(in);
    } else if (status == STATUS_FATAL) {
        in->fatal = error;
        return;
    } else {
        in->trouble = error;
        in->reopen_ms = kafka_now_ms() + REOPEN_AFTER_MS;
    }
    end_session(in);
}
