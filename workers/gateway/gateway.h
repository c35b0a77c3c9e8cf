/*
 * What the parts of the gateway share. A way in is a row of WAYS in gateway.c and a file: a
 * route, whose `admit` runs on the server's thread, and the work on it, on the crew's.
 */
#ifndef PARSTOCK_WORKERS_GATEWAY_GATEWAY_H
#define PARSTOCK_WORKERS_GATEWAY_GATEWAY_H

#include "common/io/listen.h"
#include "common/io/web_server.h"
#include "common/runtime/config.h"
#include "common/runtime/desk.h"
#include "common/runtime/publisher.h"
#include "common/runtime/source_tokens.h"

#define GATEWAY_TOPIC_MAX 256
#define GATEWAY_ID_MAX 1024
#define GATEWAY_RETRY_AFTER_S 2
#define GATEWAY_SHOP_OWNERS CONTRACT_SOURCES_MAX /* of the server; sources come before */
#define GATEWAY_ROUTES_MAX 4

struct gateway_flags {
    int64_t connections;
    int64_t body_mib;
    int64_t request_seconds;
};

struct gateway;
struct post_judge;

/* Scratch space of one thread of the crew. */
struct gateway_room {
    struct post_judge *judge;
};

/* Works on a request of its route: answers it, or sees to it that it will be. On the crew's
 * threads; may wait, though not for long. */
typedef void gateway_work(struct gateway *gateway, struct gateway_room *room,
                          struct web_request *request);

struct gateway {
    struct config config;
    struct gateway_flags flags;
    struct buf contract_text;
    struct contract *contract;
    struct source_tokens tokens;
    char topic[GATEWAY_TOPIC_MAX]; /* inventory.stock-changes, with the prefix */
    char id[GATEWAY_ID_MAX];       /* transactional, of this gateway alone */
    int listener;                  /* -1 while the default port is another program's */
    char address[LISTEN_TEXT_MAX]; /* that it has */
    struct web_route routes[GATEWAY_ROUTES_MAX];
    gateway_work *works[GATEWAY_ROUTES_MAX]; /* by route */
    size_t route_count;
    struct web_server *server;
    struct publisher *publisher;
    struct desk *desk;
    struct webhook_door *webhooks;
    bool told_of_mock;
};

/* changes.c: POST /v1/stock-changes */
struct web_route changes_route(struct gateway *gateway);
void changes_work(struct gateway *gateway, struct gateway_room *room,
                  struct web_request *request);

/* webhook.h: POST /shopify/webhooks/{shop}, with a crew of its own, so that no large post
 * makes a shop wait that gives up after 5 s. */
struct webhook_door;

/* A route's `take`, `self` being the gateway: the request goes to the crew. */
void gateway_take(void *self, struct web_request *request);

/* gateway_metrics.c */
void gateway_seen(void *self, const struct web_seen *seen); /* on the server's thread */
void gateway_count_events(const struct gateway *gateway, int source, size_t events);
void gateway_gauges(struct gateway *gateway);

#endif
