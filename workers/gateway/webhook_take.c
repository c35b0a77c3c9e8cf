#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "common/runtime/shop_incident.h"
#include "workers/gateway/webhook.h"

#define RETRY_AFTER_S 5
#define WORK_LEAST_MS 1000 /* also for what was slow to come in */

/* One delivery in hand. */
struct taking {
    struct webhook_room *room;
    const struct webhook_shop *shop;
    const struct web_request *request;
    struct webhook_delivery delivery;
    struct webhook_body body;
    struct webhook_findings findings;
    int64_t deadline_us;
};

/* ---- Postgres ------------------------------------------------------------------------- */

static enum status have_postgres(struct webhook_room *room, struct error *error)
{
    if (room->postgres != NULL && postgres_alive(room->postgres))
        return STATUS_OK;
    postgres_close(&room->postgres);
    const struct postgres_options options = {
        .dsn = room->door->config->postgres,
        .schema = room->door->config->schema,
        .application_name = "parstock gateway",
        .statement_timeout_ms = WEBHOOK_DEADLINE_MS,
    };
    return postgres_open(&options, &room->postgres, error);
}

/* ---- what follows --------------------------------------------------------------------- */

/* A bulk operation has ended; the app was thrown out. */
static enum status tell_others(const struct taking *taking, struct error *error)
{
    struct postgres *postgres = taking->room->postgres;
    struct span shop = taking->shop->shop->name;
    bool news = false;
    if (taking->delivery.topic == WEBHOOK_BULK && taking->body.gid.length > 0)
        return store_wake(postgres, shop, taking->body.gid, error);
    if (taking->delivery.topic != WEBHOOK_UNINSTALLED)
        return STATUS_OK;
    const struct shop_incident incident = {.class = INCIDENT_UNINSTALLED,
                                           .shop = shop,
                                           .actor = "gateway",
                                           .detail = "the shop sent app/uninstalled",
                                           .at_us = clock_now_us()};
    enum status status = shop_incident_raise(postgres, &incident, &news, error);
    if (status == STATUS_OK && news)
        log_warn("the shop has thrown the app out", LOG_TEXT("shop", taking->shop->name),
                 LOG_END);
    return status;
}

/* Look-ups are durable before anything is sent: a repeat of the whole asks for them again,
 * and sends the same events. */
static enum status follow(struct taking *taking, struct error *error)
{
    struct webhook_room *room = taking->room;
    const struct webhook_case given = {
        .shop = taking->shop, .topic = taking->delivery.topic, .body = &taking->body};
    enum status status = webhook_judge(room, &given, &taking->findings, error);
    if (status == STATUS_OK)
        status =
            store_looks_add(room->postgres, taking->shop->shop->name,
                            taking->findings.looks, taking->findings.look_count, error);
    if (status == STATUS_OK)
        status = tell_others(taking, error);
    const struct webhook_letters letters = {.events = taking->findings.events,
                                            .count = taking->findings.event_count,
                                            .deadline_us = taking->deadline_us};
    if (status == STATUS_OK)
        status = webhook_send(room->door, &letters, error);
    return status == STATUS_OK
               ? store_webhook_note(room->postgres, &taking->delivery, error)
               : status;
}

static enum webhook_outcome work(struct taking *taking, struct error *error)
{
    bool seen = false;
    enum status status = have_postgres(taking->room, error);
    if (status == STATUS_OK)
        status =
            store_webhook_seen(taking->room->postgres, &taking->delivery, &seen, error);
    if (status == STATUS_OK && !seen)
        status = follow(taking, error);
    if (status != STATUS_OK)
        postgres_close(
            &taking->room->postgres); /* it may be in the middle of something */
    if (status != STATUS_OK)
        return WEBHOOK_BUSY;
    return seen ? WEBHOOK_REPEATED : WEBHOOK_TAKEN;
}

/* ---- what it is ----------------------------------------------------------------------- */

/* An id of the sender's, where it is one that can be kept. */
static struct span id_of(const struct web_request *request, const char *name)
{
    struct span id = http_head_value(&request->head, name, NULL);
    struct span none = {0};
    return id.length == 0 || id.length > WEBHOOK_ID_MAX ? none : id;
}

static bool is_signed(const struct taking *taking)
{
    struct span given =
        http_head_value(&taking->request->head, "X-Shopify-Hmac-Sha256", NULL);
    return webhook_sign_is_good(&taking->shop->secrets, taking->request->body, given);
}

static enum webhook_outcome take(struct taking *taking, struct error *error)
{
    const struct web_request *request = taking->request;
    enum webhook_topic topic = WEBHOOK_TOPIC_COUNT;
    if (!is_signed(taking))
        return WEBHOOK_FORGED;
    struct span name = http_head_value(&request->head, "X-Shopify-Topic", NULL);
    bool needed = webhook_topic_parse(name, &topic);
    enum status status =
        needed ? webhook_json_decode(topic, request->body, &taking->room->pool,
                                     &taking->body, error)
               : webhook_json_check(request->body, error);
    if (status == STATUS_OK && name.bytes == NULL)
        status =
            error_set(error, STATUS_REJECT, "X-Shopify-Topic is missing, or doubled");
    if (status != STATUS_OK)
        return status == STATUS_REJECT ? WEBHOOK_MALFORMED : WEBHOOK_BUSY;
    if (!needed)
        return WEBHOOK_UNNEEDED;
    metric_add(taking->shop->topics[topic], 1);
    taking->delivery =
        (struct webhook_delivery){.shop = taking->shop->shop->name,
                                  .topic = topic,
                                  .webhook_id = id_of(request, "X-Shopify-Webhook-Id"),
                                  .event_id = id_of(request, "X-Shopify-Event-Id"),
                                  .body = webhook_body_mark(request->body)};
    return work(taking, error);
}

/* ---- the answer ----------------------------------------------------------------------- */

static void answer(struct web_request *request, enum webhook_outcome outcome,
                   const struct error *error)
{
    static const struct http_answer TAKEN = {.status = 200};
    switch (outcome) {
    case WEBHOOK_FORGED:
        web_answer_problem(request, 401, "the signature is not that of this shop", 0);
        return;
    case WEBHOOK_MALFORMED:
        web_answer_problem(request, 400, error->text, 0);
        return;
    case WEBHOOK_BUSY:
        web_answer_problem(request, 503, "it could not be taken in time: send it again",
                           RETRY_AFTER_S);
        return;
    case WEBHOOK_TAKEN:
    case WEBHOOK_REPEATED:
    case WEBHOOK_UNNEEDED:
    case WEBHOOK_OUTCOME_COUNT:
        web_answer(request, &TAKEN);
        return;
    }
    UNREACHABLE("every outcome has an answer");
}

/* Once for every outage, and its end. */
static void note_trouble(struct webhook_room *room, enum webhook_outcome outcome,
                         const struct error *error)
{
    bool complained = room->complained;
    room->complained = outcome == WEBHOOK_BUSY;
    if (!room->complained)
        return;
    log_write(complained ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN,
              "a webhook is to be sent again",
              LOG_FIELDS(LOG_TEXT("code", error->code), LOG_TEXT("error", error->text),
                         LOG_END));
}

static int64_t deadline_of(const struct web_request *request)
{
    int64_t least_us = clock_monotonic_us() + WORK_LEAST_MS * 1000LL;
    int64_t end_us = request->began_us + WEBHOOK_DEADLINE_MS * 1000LL;
    return end_us > least_us ? end_us : least_us;
}

void webhook_take(struct webhook_room *room, struct web_request *request)
{
    struct error error = {0};
    const struct webhook_shop *shop = request->state;
    struct taking taking = {.room = room,
                            .shop = shop,
                            .request = request,
                            .deadline_us = deadline_of(request)};
    enum webhook_outcome outcome = take(&taking, &error);
    metric_add(shop->outcomes[outcome], 1);
    note_trouble(room, outcome, &error);
    answer(request, outcome, &error);
    if (room->pool.taken > WEBHOOK_POOL_KEPT) {
        pool_free(&room->pool);
        pool_init(&room->pool, WEBHOOK_POOL_MAX);
    }
    pool_reset(&room->pool);
}
