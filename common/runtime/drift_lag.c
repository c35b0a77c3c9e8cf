#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/runtime/drift_look.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"

#include <stdio.h>
#include <stdlib.h>

#define ASK_MS 5000
#define PARTITIONS_MAX 100000

static enum status ask_ends(struct drift_looker *looker, struct error *error)
{
    struct drift_lag *lag = &looker->lag;
    struct kafka_topic topic = {.name = lag->topic};
    enum status status = kafka_admin_topics(lag->admin, &topic, 1, ASK_MS, error);
    if (status != STATUS_OK || topic.partitions == 0)
        return status;
    ASSERT(topic.partitions <= PARTITIONS_MAX);
    int64_t *ends = realloc(lag->ends, (size_t)topic.partitions * sizeof *ends);
    if (ends == NULL)
        return error_set(error, STATUS_RETRY, "drift: out of memory");
    lag->ends = ends;
    status = kafka_admin_ends(lag->admin, &topic, ends, ASK_MS, error);
    if (status == STATUS_OK)
        lag->partitions = topic.partitions;
    return status;
}

/* Without a broker nothing is known to wait: a comparison goes on all the same. */
void drift_lag_mark(struct drift_looker *looker)
{
    struct drift_lag *lag = &looker->lag;
    const struct config *config = looker->config;
    struct error error = {0};
    lag->partitions = 0;
    if (config->kafka_brokers == NULL || life_ending())
        return;
    (void)snprintf(lag->topic, sizeof lag->topic, "%sstock-changes",
                   config->topic_prefix);
    const struct kafka_options options = config_kafka(config, "parstock-drift");
    enum status status = STATUS_OK;
    if (lag->admin == NULL)
        status = kafka_admin_open(&options, &lag->admin, &error);
    if (status == STATUS_OK)
        status = ask_ends(looker, &error);
    if (status != STATUS_OK)
        log_warn(
            "how far the stock changes have come can't be asked: delays of apply are "
            "not told from other causes in this comparison",
            LOG_TEXT("shop", looker->name), LOG_TEXT("error", error.text), LOG_END);
}

enum status drift_lag_fill(struct drift_looker *looker, struct error *error)
{
    const struct drift_lag *lag = &looker->lag;
    if (lag->partitions == 0)
        return STATUS_OK;
    const struct drift_marks marks = {span_from(lag->topic), lag->partitions, lag->ends};
    int64_t *unapplied = calloc((size_t)lag->partitions, sizeof *unapplied);
    if (unapplied == NULL)
        return error_set(error, STATUS_RETRY, "drift: out of memory");
    enum status status =
        store_drift_unapplied(looker->postgres, &marks, unapplied, error);
    for (size_t at = 0; status == STATUS_OK && at < looker->pairs.count; at++) {
        int32_t partition = hash_partition(looker->pairs.all[at].sku, lag->partitions);
        looker->looked.facts[at].unapplied = unapplied[partition];
    }
    free(unapplied);
    return status;
}

void drift_lag_end(struct drift_looker *looker)
{
    kafka_admin_close(&looker->lag.admin);
    free(looker->lag.ends);
    looker->lag.ends = NULL;
}
