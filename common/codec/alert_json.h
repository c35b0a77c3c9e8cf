/*
 * Alerts as bytes: a change of an incident read from its topic, and the same as Slack,
 * PagerDuty, Alertmanager and a plain webhook take it. Texts of the incident may hold
 * anything; what they become is escaped, and cut where the receiver has a limit. The caller
 * looks at buf.failed.
 *
 * Sources: Slack, incoming webhooks and block kit; PagerDuty, Events API v2; Alertmanager,
 * API v2 (POST /api/v2/alerts); CloudEvents 1.0, structured mode.
 */
#ifndef PARSTOCK_CODEC_ALERT_JSON_H
#define PARSTOCK_CODEC_ALERT_JSON_H

#include "common/base/pool.h"
#include "common/domain/alert.h"

/* A change of an incident, as the topic has it; texts in the pool, bytes NULL = null. */
struct alert_incident {
    struct span id;
    enum incident_state state;
    struct span class;
    struct span cause;
    struct span root_cause;
    struct span remediation;
    enum alert_severity severity;
    struct span shop;
    struct span sku;
    struct span location;
    struct span runbook_url;
    struct span handoff;
    struct span actor;
    struct span route; /* evidence.route */
    struct span ended; /* evidence.ended */
    int64_t opened_at_us;
    int64_t at_us;
    int64_t occurrences; /* evidence.occurrences; 0 = not said */
};

/* False: it is no such value (`why_out` says why), or out of memory. */
bool alert_incident_decode(struct span value, struct pool *pool,
                           struct alert_incident *incident_out, const char **why_out);

/* "<incident>/<revision>", as the header ce_id has it; false: it is none. */
bool alert_revision_parse(struct span ce_id, int64_t *revision_out);

struct alert_message {
    const struct alert_route *route;
    const char *secret;       /* PagerDuty's routing key; NULL = none */
    enum alert_action action; /* TRIGGER, ACK, END or AGAIN */
    const struct alert_incident *incident;
    struct span value; /* the incident as the topic has it */
    int64_t revision;
    enum alert_severity severity; /* under which it is told: identity at Alertmanager */
    int64_t since_us;             /* of the crossing */
    int64_t now_us;
};

/* The body of a request for one message. */
void alert_json_body(const struct alert_message *message, struct buf *out);

/* The body for several, where the kind takes them (Alertmanager). */
void alert_json_batch(const struct alert_message *messages, size_t count,
                      struct buf *out);

/* The id of a message: the same in every repeat of it. */
#define ALERT_MESSAGE_ID_MAX 320
void alert_message_id(const struct alert_message *message,
                      char room[ALERT_MESSAGE_ID_MAX]);

/* One line for people: "CRITICAL stock_oversold CUP-1 at demo, BER". */
void alert_json_title(const struct alert_message *message, struct buf *out);

/* "t=<unix seconds>,v1=<hex>": HMAC-SHA256 of "<unix seconds>.<body>" under the secret. */
#define ALERT_SIGNATURE_MAX 96
void alert_sign(const char *secret, int64_t now_us, struct span body,
                char room[ALERT_SIGNATURE_MAX]);

/* What was sent in a storm as one, as an incident of its own. */
#define ALERT_SUMMARY_FIRST_MAX 10
#define ALERT_SUMMARY_CLASSES_MAX 8

struct alert_summary {
    struct span id;
    struct span route;
    int64_t opened;
    int64_t others; /* acknowledged or ended meanwhile */
    int64_t since_us;
    int64_t now_us;
    enum alert_severity severity; /* the highest */
    size_t class_count;
    struct span classes[ALERT_SUMMARY_CLASSES_MAX];
    int64_t counts[ALERT_SUMMARY_CLASSES_MAX];
    size_t first_count;
    struct span first[ALERT_SUMMARY_FIRST_MAX]; /* ids */
    bool is_over;                               /* all that it told of is over */
};

/* A value as the topic's, of class "alert_summary". */
void alert_json_summary(const struct alert_summary *summary, struct buf *out);

#endif
