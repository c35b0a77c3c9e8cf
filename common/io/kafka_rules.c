#include "common/io/kafka_rules.h"

#include "common/base/check.h"

#include <stddef.h>
#include <string.h>

#define WHY_COMMIT                                                                       \
    "offsets live in Postgres, in the transaction that holds their effects; a commit "   \
    "by "                                                                                \
    "the library would skip events that were never applied"
#define WHY_RESET                                                                        \
    "the place to start at comes from Postgres; a reset by the library would skip or "   \
    "repeat events silently"
#define WHY_ORDER                                                                        \
    "events of one SKU must stay in order on the partition that murmur2 of the SKU "     \
    "names"
#define WHY_ONCE                                                                         \
    "the producer is idempotent with acks=all, or events would double or vanish"
#define WHY_BROKERS "set PARSTOCK_KAFKA_BROKERS instead"
#define WHY_TOPICS                                                                       \
    "topics are made by 'parstock topics ensure', with their partition count"

/* Every alias has its own row; `value` NULL means: whatever the value. */
struct refusal {
    const char *name;
    const char *value;
    const char *why;
};

static const struct refusal REFUSALS[] = {
    {"enable.auto.commit", NULL, WHY_COMMIT},
    {"auto.commit.enable", NULL, WHY_COMMIT},
    {"auto.commit.interval.ms", NULL, WHY_COMMIT},
    {"enable.auto.offset.store", NULL, WHY_COMMIT},
    {"offset.store.method", NULL, WHY_COMMIT},
    {"offset.store.path", NULL, WHY_COMMIT},
    {"offset.store.sync.interval.ms", NULL, WHY_COMMIT},
    {"auto.offset.reset", NULL, WHY_RESET},
    {"partitioner", NULL, WHY_ORDER},
    {"partitioner_cb", NULL, WHY_ORDER},
    {"msg_order_cmp", NULL, WHY_ORDER},
    {"queuing.strategy", NULL, WHY_ORDER},
    {"max.in.flight", NULL, WHY_ORDER},
    {"max.in.flight.requests.per.connection", NULL, WHY_ORDER},
    {"enable.idempotence", NULL, WHY_ONCE},
    {"acks", NULL, WHY_ONCE},
    {"request.required.acks", NULL, WHY_ONCE},
    {"delivery.report.only.error", NULL, WHY_ONCE},
    {"transactional.id", NULL,
     "the Postgres transaction is the commit point; a Kafka transaction would hide "
     "events "
     "behind a second one"},
    {"isolation.level", "read_uncommitted",
     "events of an aborted Kafka transaction would be applied; leave read_committed"},
    {"group.id", NULL, "the group is PARSTOCK_GROUP_PREFIX and the worker's name"},
    {"bootstrap.servers", NULL, WHY_BROKERS},
    {"metadata.broker.list", NULL, WHY_BROKERS},
    {"allow.auto.create.topics", NULL, WHY_TOPICS},
    {"test.mock.num.brokers", NULL,
     "events would go to a broker inside this process and vanish with it; "
     "use 'parstock dev-broker'"},
};

static const char *const SECRETS[] = {
    "sasl.password",
    "sasl.oauthbearer.config",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.assertion.private.key.passphrase",
    "sasl.oauthbearer.assertion.private.key.pem",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.password",
};

const char *kafka_property_refusal(const char *name, const char *value)
{
    for (size_t i = 0; i < COUNT_OF(REFUSALS); i++) {
        const struct refusal *refusal = &REFUSALS[i];
        if (strcmp(refusal->name, name) != 0)
            continue;
        if (refusal->value == NULL || strcmp(refusal->value, value) == 0)
            return refusal->why;
    }
    return NULL;
}

/* The broker sets these where the group speaks the consumer protocol (KIP-848). */
static const char *const CLASSIC[] = {
    "session.timeout.ms",
    "heartbeat.interval.ms",
    "partition.assignment.strategy",
    "group.protocol.type",
};

bool kafka_property_is_classic(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(CLASSIC); i++) {
        if (strcmp(CLASSIC[i], name) == 0)
            return true;
    }
    return false;
}

bool kafka_property_is_secret(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(SECRETS); i++) {
        if (strcmp(SECRETS[i], name) == 0)
            return true;
    }
    return false;
}
