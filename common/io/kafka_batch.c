#include "common/io/kafka_batch.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/kafka_conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ABORT_WAIT_MS 5000
#define FULL_WAIT_MS 5
#define CLUSTER_ID_WAIT_MS 2000

struct kafka_batch {
    rd_kafka_t *producer;
    bool is_joined;
    bool is_open; /* a transaction is */
    bool is_mock;
    bool is_away;
    struct error refused; /* the first record that the broker did not take */
};

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the library's events ----------------------------------------------------------------- */

static void delivered(rd_kafka_t *producer, const rd_kafka_message_t *message, void *self)
{
    (void)producer;
    struct kafka_batch *batch = self;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && batch->refused.status == STATUS_OK)
        (void)kafka_status(message->err, "publish", &batch->refused);
}

static void troubled(rd_kafka_t *producer, int code, const char *reason, void *self)
{
    (void)producer;
    (void)reason;
    struct kafka_batch *batch = self;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        batch->is_away = true;
}

/* ---- opening ------------------------------------------------------------------------------ */

struct own {
    const char *name;
    const char *value;
};

#define TEXT_OF(number) #number
#define NUMBER_TEXT(number) TEXT_OF(number)

static const struct own OWN[] = {
    {"transaction.timeout.ms", NUMBER_TEXT(KAFKA_BATCH_TIMEOUT_MS)},
    {"message.timeout.ms", NUMBER_TEXT(KAFKA_BATCH_TIMEOUT_MS)},
    /* a commit flushes: waiting for company would only delay it */
    {"linger.ms", "1"},
};

static enum status configure(struct kafka_batch *batch, rd_kafka_conf_t *conf,
                             const char *id, struct error *error)
{
    enum status status = kafka_conf_set(conf, "transactional.id", id, error);
    for (size_t at = 0; at < COUNT_OF(OWN) && status == STATUS_OK; at++)
        status = kafka_conf_set(conf, OWN[at].name, OWN[at].value, error);
    rd_kafka_conf_set_opaque(conf, batch);
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set_error_cb(conf, troubled);
    return status;
}

static enum status producer_open(struct kafka_batch *batch,
                                 const struct kafka_options *options, const char *id,
                                 struct error *error)
{
    rd_kafka_conf_t *conf = NULL;
    enum status status = kafka_conf_new(options, KAFKA_PRODUCER, &conf, error);
    if (status != STATUS_OK)
        return status;
    status = configure(batch, conf, id, error);
    if (status != STATUS_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    return kafka_client_new(KAFKA_PRODUCER, conf, &batch->producer, error);
}

enum status kafka_batch_open(const struct kafka_options *options, const char *id,
                             struct kafka_batch **out, struct error *error)
{
    SCOPED(kafka_batch_close) struct kafka_batch *batch = calloc(1, sizeof(*batch));
    if (batch == NULL)
        return error_set(error, STATUS_RETRY, "kafka: out of memory");
    enum status status = producer_open(batch, options, id, error);
    if (status == STATUS_OK)
        *out = TAKE(batch);
    return status;
}

void kafka_batch_close(struct kafka_batch **slot)
{
    struct kafka_batch *batch = TAKE(*slot);
    if (batch == NULL)
        return;
    if (batch->producer != NULL) {
        (void)rd_kafka_purge(batch->producer,
                             RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_destroy(batch->producer);
    }
    free(batch);
}

/* ---- errors ------------------------------------------------------------------------------- */

struct refusal {
    rd_kafka_resp_err_t code;
    const char *text;
};

static const struct refusal REFUSALS[] = {
    {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
     "the broker's access rules must let this user write under the transactional id"},
    {RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
     "the broker has no coordinator of transactions: look at its "
     "transaction.state.log.replication.factor, which must not be above the number of "
     "brokers"},
    {RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT,
     "the broker's transaction.max.timeout.ms must be 10 s at least"},
    {RD_KAFKA_RESP_ERR__FENCED,
     "another process has taken this transactional id: two gateways of one host name "
     "and listen address"},
};

static const char *advice_on(rd_kafka_resp_err_t code)
{
    for (size_t at = 0; at < COUNT_OF(REFUSALS); at++)
        if (REFUSALS[at].code == code)
            return REFUSALS[at].text;
    return NULL;
}

/* Takes the library's error over. What it says of the batch is the caller's to ask first. */
static enum status failure_take(rd_kafka_error_t *failure, const char *doing,
                                struct error *error)
{
    rd_kafka_resp_err_t code = rd_kafka_error_code(failure);
    bool fatal = rd_kafka_error_is_fatal(failure) != 0;
    const char *advice = advice_on(code);
    if (advice != NULL)
        (void)error_set_code(error, STATUS_RETRY, rd_kafka_err2name(code),
                             "Kafka, %s: %s; %s", doing, rd_kafka_err2str(code), advice);
    else
        (void)kafka_status(code, doing, error);
    rd_kafka_error_destroy(failure);
    error->status = fatal ? STATUS_FATAL : STATUS_RETRY;
    return error->status;
}

/* ---- joining ------------------------------------------------------------------------------ */

static bool asks_a_mock(rd_kafka_t *producer)
{
    char *id = rd_kafka_clusterid(producer, CLUSTER_ID_WAIT_MS);
    bool is_mock = id != NULL && strncmp(id, "mockCluster", strlen("mockCluster")) == 0;
    if (id != NULL)
        rd_kafka_mem_free(producer, id);
    return is_mock;
}

enum status kafka_batch_join(struct kafka_batch *batch, int timeout_ms,
                             struct error *error)
{
    if (batch->is_joined)
        return STATUS_OK;
    rd_kafka_error_t *failure = rd_kafka_init_transactions(batch->producer, timeout_ms);
    if (failure != NULL) {
        bool retriable = rd_kafka_error_is_retriable(failure) != 0;
        enum status status = failure_take(failure, "join transactions", error);
        if (!retriable)
            error->status = STATUS_FATAL;
        return retriable ? status : STATUS_FATAL;
    }
    batch->is_joined = true;
    batch->is_away = false;
    batch->is_mock = asks_a_mock(batch->producer);
    return STATUS_OK;
}

bool kafka_batch_is_mock(const struct kafka_batch *batch)
{
    return batch->is_mock;
}

static enum status judge_topic(const struct rd_kafka_metadata *metadata,
                               const char *topic, struct error *error)
{
    const struct rd_kafka_metadata_topic *found = NULL;
    for (int at = 0; at < metadata->topic_cnt && found == NULL; at++)
        if (strcmp(metadata->topics[at].topic, topic) == 0)
            found = &metadata->topics[at];
    if (found == NULL || found->partition_cnt == 0)
        return kafka_status(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, topic, error);
    for (int at = 0; at < found->partition_cnt; at++)
        if (found->partitions[at].leader < 0)
            return error_set(error, STATUS_RETRY, "Kafka, %s: partition %d has no leader",
                             topic, at);
    return STATUS_OK;
}

/* All topics are asked for: to ask for one by name may create it. */
enum status kafka_batch_probe(struct kafka_batch *batch, const char *topic,
                              int timeout_ms, struct error *error)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(batch->producer, 1, NULL, &metadata, timeout_ms);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_status(code, topic, error);
    enum status status = judge_topic(metadata, topic, error);
    rd_kafka_metadata_destroy(metadata);
    batch->is_away = false;
    return status;
}

bool kafka_batch_is_away(const struct kafka_batch *batch)
{
    return batch->is_away;
}

void kafka_batch_idle(struct kafka_batch *batch, int wait_ms)
{
    (void)rd_kafka_poll(batch->producer, wait_ms);
}

/* ---- one transaction ----------------------------------------------------------------------- */

enum status kafka_batch_begin(struct kafka_batch *batch, struct error *error)
{
    ASSERT(batch->is_joined && !batch->is_open);
    batch->refused = (struct error){0};
    rd_kafka_error_t *failure = rd_kafka_begin_transaction(batch->producer);
    if (failure != NULL)
        return failure_take(failure, "begin a transaction", error);
    batch->is_open = true;
    return STATUS_OK;
}

/* Only the reason that is already known is told; a failed abort makes it fatal. */
static enum status give_up(struct kafka_batch *batch, struct error *error)
{
    batch->is_open = false;
    (void)rd_kafka_purge(batch->producer, RD_KAFKA_PURGE_F_QUEUE);
    rd_kafka_error_t *failure =
        rd_kafka_abort_transaction(batch->producer, ABORT_WAIT_MS);
    if (failure == NULL)
        return error->status;
    rd_kafka_error_destroy(failure);
    error->status = STATUS_FATAL;
    return STATUS_FATAL;
}

enum status kafka_batch_add(struct kafka_batch *batch, const struct kafka_send *send,
                            int wait_ms, struct error *error)
{
    ASSERT(batch->is_open);
    int64_t end_ms = now_ms() + wait_ms;
    enum status status = kafka_produce(batch->producer, send, error);
    while (status == STATUS_RETRY && strcmp(error->code, "_QUEUE_FULL") == 0 &&
           now_ms() < end_ms) {
        (void)rd_kafka_poll(batch->producer, FULL_WAIT_MS);
        status = kafka_produce(batch->producer, send, error);
    }
    return status == STATUS_OK ? STATUS_OK : give_up(batch, error);
}

/* The first refused record says why; the library says only that the batch must end. */
static enum status aborted(struct kafka_batch *batch, struct error *error)
{
    if (batch->refused.status == STATUS_REJECT)
        *error = batch->refused;
    return give_up(batch, error);
}

enum status kafka_batch_commit(struct kafka_batch *batch, int wait_ms,
                               struct error *error)
{
    ASSERT(batch->is_open);
    int64_t end_ms = now_ms() + wait_ms;
    for (;;) {
        int64_t left_ms = end_ms - now_ms();
        rd_kafka_error_t *failure =
            rd_kafka_commit_transaction(batch->producer, left_ms > 1 ? (int)left_ms : 1);
        if (failure == NULL)
            break;
        bool retriable = rd_kafka_error_is_retriable(failure) != 0;
        bool must_abort = rd_kafka_error_txn_requires_abort(failure) != 0;
        (void)failure_take(failure, "commit", error);
        if (must_abort)
            return aborted(batch, error);
        if (retriable && now_ms() < end_ms)
            continue;
        /* nobody knows: whoever joins anew makes the broker decide */
        batch->is_open = false;
        error->status = STATUS_FATAL;
        return STATUS_FATAL;
    }
    batch->is_open = false;
    return STATUS_OK;
}
