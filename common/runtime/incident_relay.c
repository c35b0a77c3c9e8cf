#include "common/runtime/incident_relay.h"

#include "common/base/scope.h"
#include "common/io/kafka_out.h"
#include "common/io/store_incident_outbox.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define TOPIC_MAX 256

struct incident_relay {
    const struct config *config;
    const char *client_id;
    struct kafka_out *out;
    atomic_int pending; /* records without an answer */
    atomic_bool failed; /* one of them was not taken */
    atomic_bool broken; /* the producer must be opened anew */
};

/* From the producer's thread. */
static void acked(void *opaque, const struct error *error)
{
    struct incident_relay *relay = opaque;
    if (error != NULL)
        atomic_store(&relay->failed, true);
    if (error != NULL && error->status == STATUS_FATAL)
        atomic_store(&relay->broken, true);
    (void)atomic_fetch_sub(&relay->pending, 1);
}

static enum status open_producer(struct incident_relay *relay, struct error *error)
{
    const struct kafka_options kafka = config_kafka(relay->config, relay->client_id);
    return kafka_out_open(&kafka, acked, &relay->out, error);
}

enum status incident_relay_open(const struct config *config, const char *client_id,
                                struct incident_relay **out, struct error *error)
{
    struct incident_relay *relay = calloc(1, sizeof(*relay));
    *out = NULL;
    if (relay == NULL)
        return error_set(error, STATUS_FATAL, "incidents: out of memory");
    relay->config = config;
    relay->client_id = client_id;
    enum status status = open_producer(relay, error);
    if (status == STATUS_OK)
        *out = relay;
    else
        free(relay);
    return status;
}

void incident_relay_close(struct incident_relay **slot)
{
    struct incident_relay *relay = TAKE(*slot);
    if (relay == NULL)
        return;
    kafka_out_close(&relay->out); /* no answer comes after it */
    free(relay);
}

/* ---- a page ------------------------------------------------------------------------- */

static enum status send_row(struct incident_relay *relay, const struct outbox_row *row,
                            struct error *error)
{
    char topic[TOPIC_MAX];
    (void)snprintf(topic, sizeof(topic), "%s%s", relay->config->topic_prefix,
                   outbox_topic(row->kind));
    const struct kafka_send send = {.topic = topic,
                                    .partition = KAFKA_PARTITION_BY_KEY,
                                    .key = row->key,
                                    .value = row->value,
                                    .headers = row->headers,
                                    .opaque = relay};
    (void)atomic_fetch_add(&relay->pending, 1);
    enum status status = kafka_out_send(relay->out, &send, error);
    if (status != STATUS_OK)
        (void)atomic_fetch_sub(&relay->pending, 1);
    return status;
}

/* All of the page, or none that counts. */
static enum status await(struct incident_relay *relay, int wait_ms, struct error *error)
{
    kafka_out_flush(relay->out, wait_ms);
    if (atomic_load(&relay->pending) == 0 && !atomic_load(&relay->failed))
        return STATUS_OK;
    return error_set_code(error, STATUS_RETRY, "not_told",
                          "the broker did not take records of incidents; they are kept "
                          "and sent again");
}

static enum status send_page(struct incident_relay *relay, struct postgres *postgres,
                             int wait_ms, size_t *sent_out, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = store_incident_outbox_read(postgres, &rows, error);
    for (int row = 0; row < rows.count && status == STATUS_OK; row++) {
        const struct outbox_row sent = store_incident_outbox_row(&rows, row);
        status = send_row(relay, &sent, error);
    }
    if (status == STATUS_OK && rows.count > 0)
        status = await(relay, wait_ms, error);
    if (status == STATUS_OK && rows.count > 0)
        status = store_incident_outbox_drop(postgres, &rows, error);
    if (status == STATUS_OK)
        *sent_out = (size_t)rows.count;
    return status;
}

static enum status relay_page(struct incident_relay *relay, struct postgres *postgres,
                              int wait_ms, size_t *sent_out, struct error *error)
{
    struct error ignored = {0};
    bool held = false;
    enum status status = postgres_script(postgres, "BEGIN", error);
    if (status == STATUS_OK)
        status = store_incident_outbox_hold(postgres, &held, error);
    if (status == STATUS_OK && held)
        status = send_page(relay, postgres, wait_ms, sent_out, error);
    if (status == STATUS_OK)
        return postgres_script(postgres, "COMMIT", error);
    *sent_out = 0;
    (void)postgres_script(postgres, "ROLLBACK", &ignored);
    return status;
}

/* What an earlier step left under way counts against nothing that comes after it. */
static enum status make_ready(struct incident_relay *relay, int wait_ms,
                              struct error *error)
{
    if (atomic_load(&relay->pending) > 0) {
        kafka_out_flush(relay->out, wait_ms);
        if (atomic_load(&relay->pending) > 0)
            return await(relay, 0, error);
    }
    atomic_store(&relay->failed, false);
    if (atomic_exchange(&relay->broken, false))
        kafka_out_close(&relay->out);
    return relay->out != NULL ? STATUS_OK : open_producer(relay, error);
}

enum status incident_relay_step(struct incident_relay *relay, struct postgres *postgres,
                                int wait_ms, size_t *sent_out, struct error *error)
{
    bool due = false;
    *sent_out = 0;
    enum status status = store_incident_outbox_due(postgres, &due, error);
    if (status != STATUS_OK || !due)
        return status;
    status = make_ready(relay, wait_ms, error);
    if (status == STATUS_OK)
        status = relay_page(relay, postgres, wait_ms, sent_out, error);
    return status;
}
