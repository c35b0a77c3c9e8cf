/*
 * Webhooks of the shops: POST /shopify/webhooks/{shop}.
 *
 *     route     bound to a shop by its path, and only where the shop has a secret: others
 *               are 404 without a word more. One signature header, or 401
 *     desk      threads that take what came in: the signature over the raw body, the few
 *               fields that are needed, what follows from them
 *     sending   events go to the broker, and the webhook is answered 200 once it has them
 *               all; what is to be looked up first is durable in Postgres by then
 *     looking   a thread a shop: look-ups that are owed become events or a newer catalogue;
 *               and every now and then whether the shop still sends what it is to send
 *
 * 503 where Postgres or the broker does not answer in time, well before the shop gives up:
 * it sends the same again, and whatever was published already is a repeat by its ids.
 *
 * Of a payload nothing lives longer than its request but what common/codec/webhook_json
 * names. Nothing of it is logged.
 */
#ifndef PARSTOCK_WORKERS_GATEWAY_WEBHOOK_H
#define PARSTOCK_WORKERS_GATEWAY_WEBHOOK_H

#include "common/codec/webhook_event.h"
#include "common/codec/webhook_json.h"
#include "common/codec/webhook_sign.h"
#include "common/domain/contract.h"
#include "common/io/kafka_out.h"
#include "common/io/postgres.h"
#include "common/io/store_webhooks.h"
#include "common/io/web_server.h"
#include "common/runtime/config.h"
#include "common/runtime/desk.h"
#include "common/runtime/metrics.h"

#include <pthread.h>
#include <stdatomic.h>

#define WEBHOOK_PATH "/shopify/webhooks/{}"
#define WEBHOOK_DEADLINE_MS 4000 /* the shop gives up after 5 s */
#define WEBHOOK_POOL_MAX ((size_t)64 << 20)
#define WEBHOOK_POOL_KEPT ((size_t)1 << 20) /* between two requests */

/* How a webhook ended; the words stand in metrics. */
enum webhook_outcome {
    WEBHOOK_TAKEN,
    WEBHOOK_REPEATED, /* taken before */
    WEBHOOK_UNNEEDED, /* of a topic that nothing needs */
    WEBHOOK_FORGED,
    WEBHOOK_MALFORMED,
    WEBHOOK_BUSY, /* 503 */
    WEBHOOK_OUTCOME_COUNT,
};

struct webhook_shop {
    const struct shop *shop;
    size_t index; /* in the contract */
    char name[128];
    struct webhook_secrets secrets; /* current.bytes NULL: the shop sends us nothing */
    struct metric *outcomes[WEBHOOK_OUTCOME_COUNT];
    struct metric *topics[WEBHOOK_TOPIC_COUNT];
    struct metric *missing; /* subscriptions */
    struct metric *owed;    /* look-ups */
};

struct webhook_door;

/* What a thread that takes requests needs for it. */
struct webhook_room {
    struct webhook_door *door;
    struct postgres *postgres;
    struct pool pool; /* of the request in hand */
    bool complained;
};

struct webhook_watch;

struct webhook_door {
    const struct config *config;
    const struct contract *contract;
    int first_owner;            /* of the server's owners: one a shop from here on */
    struct webhook_shop *shops; /* one a shop of the contract */
    struct kafka_out *out;      /* NULL: it has to be opened anew */
    pthread_rwlock_t sending;   /* of `out`: who sends reads it */
    atomic_bool broken;         /* the producer gave up for good */
    char topic[256];
    struct metric *rules[WEBHOOK_RULE_COUNT];
    struct desk *desk;
    atomic_bool closing;           /* of the watches */
    struct webhook_watch *watches; /* one a shop with a secret */
    size_t watch_count;
};

/* ---- webhook_door.c ------------------------------------------------------------------ */

/*
 * Reads the secrets and starts the threads. Where no shop has a secret nothing is started,
 * and every path is 404. STATUS_FATAL with exit code 78 for an empty secret.
 */
enum status webhook_door_open(const struct config *config,
                              const struct contract *contract, int first_owner,
                              struct webhook_door **out, struct error *error);

/* For the server's table; valid as long as the door is open. */
struct web_route webhook_door_route(struct webhook_door *door);

/* To be called once the server takes nothing more and before it is closed: answers what is
 * in hand, ends the threads. */
void webhook_door_close(struct webhook_door **slot);

/* ---- webhook_take.c: one request ------------------------------------------------------ */

void webhook_take(struct webhook_room *room, struct web_request *request);

/* ---- webhook_judge.c: a payload to events and look-ups -------------------------------- */

struct webhook_findings {
    size_t event_count;
    struct webhook_event *events;
    size_t look_count;
    struct webhook_look *looks;
};

/* What came, from whom. */
struct webhook_case {
    const struct webhook_shop *shop;
    enum webhook_topic topic;
    const struct webhook_body *body;
};

/* In the room's pool. STATUS_RETRY: Postgres is away, or no memory. */
enum status webhook_judge(struct webhook_room *room, const struct webhook_case *given,
                          struct webhook_findings *out, struct error *error);

/* An event of the shop's level of this item, or why there is none. */
enum webhook_rule webhook_judge_item(const struct webhook_item *item);

/* ---- webhook_send.c ------------------------------------------------------------------- */

struct webhook_letters {
    const struct webhook_event *events;
    size_t count;
    int64_t deadline_us; /* monotonic */
};

/* STATUS_OK once the broker has them all. STATUS_RETRY: not in time, or not at all. */
enum status webhook_send(struct webhook_door *door, const struct webhook_letters *letters,
                         struct error *error);

enum status webhook_send_open(struct webhook_door *door, struct error *error);
void webhook_send_close(struct webhook_door *door);

/* ---- webhook_watch.c: a thread a shop ------------------------------------------------- */

enum status webhook_watches_open(struct webhook_door *door, struct error *error);
void webhook_watches_close(struct webhook_door *door);

/* ---- webhook_look.c: look-ups that are owed ------------------------------------------- */

struct shopify;
struct shop_places;

struct webhook_looker {
    struct webhook_door *door;
    const struct webhook_shop *shop;
    struct postgres *postgres;
    struct shopify *shopify;
    const struct shop_places *places;
    struct pool *pool;
};

/* One page of each kind; *any_out: there may be more. Whatever fails is due again later. */
enum status webhook_look(struct webhook_looker *looker, bool *any_out,
                         struct error *error);

#endif
