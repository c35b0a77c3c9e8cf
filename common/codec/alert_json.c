#include "common/codec/alert_json.h"

#include "common/base/check.h"
#include "common/codec/incident_json.h"
#include "common/codec/json_text.h"
#include "common/codec/rfc3339.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>

#define SECOND_US INT64_C(1000000)
#define TEXT_BYTES_MAX ((size_t)64 * 1024)
#define PAGERDUTY_SUMMARY_MAX 1000 /* of 1024 characters */
#define PAGERDUTY_KEY_MAX 255
#define SLACK_TEXT_MAX 2800  /* of 3000 characters of a section */
#define RESENDS_BEFORE_END 4 /* as often may a resend fail before the receiver forgets */
#define FORGET_SECONDS_LEAST 240

/* ---- texts ----------------------------------------------------------------------------- */

/* At most `most` bytes, not within a character; the rest is told by an ellipsis. */
static struct span cut(struct span text, size_t most)
{
    if (text.length <= most)
        return text;
    size_t length = most;
    while (length > 0 && ((unsigned char)text.bytes[length] & 0xc0) == 0x80)
        length--;
    return (struct span){text.bytes, length};
}

static void add_upper(struct buf *out, const char *word)
{
    for (; *word != '\0'; word++)
        buf_byte(out, (char)toupper((unsigned char)*word));
}

static const char *lead_of(enum alert_action action)
{
    switch (action) {
    case ALERT_ACK:
        return "acknowledged: ";
    case ALERT_END:
        return "resolved: ";
    case ALERT_AGAIN:
        return "still open: ";
    case ALERT_TRIGGER:
    case ALERT_REST:
    case ALERT_PASS:
        return "";
    }
    UNREACHABLE("every action has a lead");
}

static void add_place(const struct alert_incident *incident, struct buf *out)
{
    const struct span places[] = {incident->shop, incident->location};
    const char *before = " at ";
    if (incident->sku.bytes != NULL) {
        buf_byte(out, ' ');
        buf_span(out, incident->sku);
    } else if (incident->route.bytes != NULL) {
        buf_text(out, " of route ");
        buf_span(out, incident->route);
    }
    for (size_t at = 0; at < COUNT_OF(places); at++) {
        if (places[at].bytes == NULL)
            continue;
        buf_text(out, before);
        buf_span(out, places[at]);
        before = ", ";
    }
}

void alert_json_title(const struct alert_message *message, struct buf *out)
{
    const struct alert_incident *incident = message->incident;
    buf_text(out, lead_of(message->action));
    if (message->action == ALERT_TRIGGER && incident->state == INCIDENT_REOPENED)
        buf_text(out, "again: ");
    add_upper(out, alert_severity_name(incident->severity));
    buf_byte(out, ' ');
    buf_span(out, incident->class);
    add_place(incident, out);
}

void alert_message_id(const struct alert_message *message,
                      char room[ALERT_MESSAGE_ID_MAX])
{
    struct span id = cut(message->incident->id, 200);
    int length =
        snprintf(room, ALERT_MESSAGE_ID_MAX, "%.*s/%lld/%s", SPAN_ARGS(id),
                 (long long)message->revision, alert_action_name(message->action));
    ASSERT(length > 0 && length < ALERT_MESSAGE_ID_MAX);
    if (message->action == ALERT_AGAIN)
        (void)snprintf(room + length, ALERT_MESSAGE_ID_MAX - (size_t)length, "/%lld",
                       (long long)(message->now_us / SECOND_US));
}

/* ---- plain webhook --------------------------------------------------------------------- */

static void webhook_body(const struct alert_message *message, struct buf *out)
{
    char id[ALERT_MESSAGE_ID_MAX];
    alert_message_id(message, id);
    buf_byte(out, '{');
    json_member_text(out, "specversion", SPAN_OF("1.0"));
    json_member_text(out, "id", span_from(id));
    json_member_text(out, "source", SPAN_OF("parstock/notify"));
    json_member_text(out, "type", SPAN_OF("inventory.alert.v1"));
    json_member_text(out, "subject", message->incident->id);
    json_member_time(out, "time", message->incident->at_us);
    json_member_text(out, "datacontenttype", SPAN_OF("application/json"));
    json_name(out, "data");
    buf_byte(out, '{');
    json_member_text(out, "action", span_from(alert_action_name(message->action)));
    json_member_text(out, "route", message->route->name);
    json_name(out, "incident");
    buf_span(out, message->value);
    buf_text(out, "}}");
}

/* ---- PagerDuty ------------------------------------------------------------------------- */

static void pagerduty_details(const struct alert_incident *incident, struct buf *out)
{
    json_name(out, "custom_details");
    buf_byte(out, '{');
    json_member_text(out, "incident_id", incident->id);
    json_member_text(out, "class", incident->class);
    json_member_text(out, "cause", incident->cause);
    json_member_text(out, "root_cause", incident->root_cause);
    json_member_text(out, "remediation", incident->remediation);
    json_member_text(out, "shop", incident->shop);
    json_member_text(out, "sku", incident->sku);
    json_member_text(out, "location", incident->location);
    json_member_text(out, "handoff", incident->handoff);
    json_member_text(out, "runbook", incident->runbook_url);
    json_member_number(out, "occurrences", incident->occurrences);
    buf_byte(out, '}');
}

static void pagerduty_payload(const struct alert_message *message, struct buf *out)
{
    struct buf title;
    const struct alert_incident *incident = message->incident;
    buf_init(&title, TEXT_BYTES_MAX);
    alert_json_title(message, &title);
    out->failed = out->failed || title.failed;
    json_name(out, "payload");
    buf_byte(out, '{');
    json_member_text(out, "summary", cut(buf_view(&title), PAGERDUTY_SUMMARY_MAX));
    json_member_text(out, "source",
                     incident->shop.bytes != NULL ? incident->shop : SPAN_OF("parstock"));
    json_member_text(out, "severity", span_from(alert_severity_name(incident->severity)));
    json_member_time(out, "timestamp", message->since_us);
    json_member_text(out, "component", SPAN_OF("inventory"));
    json_member_text(out, "group", incident->location);
    json_member_text(out, "class", incident->class);
    pagerduty_details(incident, out);
    buf_byte(out, '}');
    buf_free(&title);
}

static void pagerduty_body(const struct alert_message *message, struct buf *out)
{
    bool opens = message->action == ALERT_TRIGGER || message->action == ALERT_AGAIN;
    buf_byte(out, '{');
    json_member_text(out, "routing_key", span_from(message->secret));
    json_member_text(out, "event_action",
                     span_from(opens ? "trigger" : alert_action_name(message->action)));
    json_member_text(out, "dedup_key", cut(message->incident->id, PAGERDUTY_KEY_MAX));
    if (opens) {
        json_member_text(out, "client", SPAN_OF("parstock"));
        pagerduty_payload(message, out);
    }
    buf_byte(out, '}');
}

/* ---- Slack ------------------------------------------------------------------------------- */

/* Three characters mean something to it, wherever they stand. */
static void slack_escape(struct buf *out, struct span text)
{
    for (size_t at = 0; at < text.length; at++) {
        switch (text.bytes[at]) {
        case '&':
            buf_text(out, "&amp;");
            break;
        case '<':
            buf_text(out, "&lt;");
            break;
        case '>':
            buf_text(out, "&gt;");
            break;
        default:
            buf_byte(out, text.bytes[at]);
        }
    }
}

static void slack_line(struct buf *out, const char *name, struct span text)
{
    if (text.bytes == NULL)
        return;
    buf_format(out, "\n%s: ", name);
    slack_escape(out, cut(text, SLACK_TEXT_MAX / 4));
}

static void slack_text(const struct alert_message *message, struct buf *title,
                       struct buf *text)
{
    struct buf plain;
    const struct alert_incident *incident = message->incident;
    bool opens = message->action == ALERT_TRIGGER || message->action == ALERT_AGAIN;
    buf_init(&plain, TEXT_BYTES_MAX);
    alert_json_title(message, &plain);
    slack_escape(title, cut(buf_view(&plain), SLACK_TEXT_MAX / 4));
    title->failed = title->failed || plain.failed;
    buf_free(&plain);
    buf_byte(text, '*');
    buf_span(text, buf_view(title));
    buf_byte(text, '*');
    if (opens) {
        slack_line(text, "Found", incident->root_cause);
        slack_line(text, "To do", incident->remediation);
    }
    if (message->action == ALERT_ACK)
        slack_line(text, "By", incident->actor);
    if (message->action == ALERT_END)
        slack_line(text, "How", incident->ended);
}

static void slack_context(const struct alert_message *message, struct buf *out)
{
    char at[RFC3339_TEXT_MAX];
    rfc3339_format(message->since_us / SECOND_US * SECOND_US, at);
    buf_format(out, "since %s", at);
    buf_text(out, " | `parstock incidents show ");
    slack_escape(out, cut(message->incident->id, 200));
    buf_text(out, "` | ");
    slack_escape(out, cut(message->incident->runbook_url, 500));
}

static void slack_block(struct buf *out, const char *type, struct span text)
{
    buf_format(out, "{\"type\":\"%s\",", type);
    buf_text(out, strcmp(type, "section") == 0 ? "\"text\":" : "\"elements\":[");
    buf_text(out, "{\"type\":\"mrkdwn\",\"text\":");
    json_text(out, text);
    buf_text(out, strcmp(type, "section") == 0 ? "}}" : "}]}");
}

static void slack_body(const struct alert_message *message, struct buf *out)
{
    struct buf title;
    struct buf text;
    struct buf context;
    buf_init(&title, TEXT_BYTES_MAX);
    buf_init(&text, TEXT_BYTES_MAX);
    buf_init(&context, TEXT_BYTES_MAX);
    slack_text(message, &title, &text);
    slack_context(message, &context);
    buf_byte(out, '{');
    json_member_text(out, "text", buf_view(&title));
    json_name(out, "blocks");
    buf_byte(out, '[');
    slack_block(out, "section", buf_view(&text));
    buf_byte(out, ',');
    slack_block(out, "context", buf_view(&context));
    buf_text(out, "]}");
    out->failed = out->failed || title.failed || text.failed || context.failed;
    buf_free(&title);
    buf_free(&text);
    buf_free(&context);
}

/* ---- Alertmanager ------------------------------------------------------------------------ */

static void add_label(struct buf *out, const char *name, struct span text)
{
    if (text.length > 0)
        json_member_text(out, name, text);
}

/* What names the alert: nothing that changes while it is open. */
static void add_labels(const struct alert_message *message, struct buf *out)
{
    const struct alert_incident *incident = message->incident;
    json_name(out, "labels");
    buf_byte(out, '{');
    json_member_text(out, "alertname", SPAN_OF("ParstockIncident"));
    json_member_text(out, "service", SPAN_OF("parstock"));
    json_member_text(out, "severity", span_from(alert_severity_name(message->severity)));
    add_label(out, "class", incident->class);
    add_label(out, "incident_id", incident->id);
    add_label(out, "shop", incident->shop);
    add_label(out, "sku", incident->sku);
    add_label(out, "location", incident->location);
    buf_byte(out, '}');
}

static void add_annotations(const struct alert_message *message, struct buf *out)
{
    struct buf title;
    const struct alert_incident *incident = message->incident;
    struct alert_message plain = *message;
    plain.action = ALERT_TRIGGER; /* a repeat says what the first one said */
    buf_init(&title, TEXT_BYTES_MAX);
    alert_json_title(&plain, &title);
    json_name(out, "annotations");
    buf_byte(out, '{');
    json_member_text(out, "summary", buf_view(&title));
    add_label(out, "cause", incident->cause);
    add_label(out, "root_cause", incident->root_cause);
    add_label(out, "remediation", incident->remediation);
    add_label(out, "handoff", incident->handoff);
    add_label(out, "runbook_url", incident->runbook_url);
    buf_byte(out, '}');
    out->failed = out->failed || title.failed;
    buf_free(&title);
}

/* Open: forgotten if nothing is heard for several resends. Over: since now. */
static int64_t ends_at(const struct alert_message *message)
{
    int64_t forget_s = message->route->resend_seconds * RESENDS_BEFORE_END;
    if (message->action == ALERT_END)
        return message->now_us > message->since_us ? message->now_us : message->since_us;
    if (forget_s < FORGET_SECONDS_LEAST)
        forget_s = FORGET_SECONDS_LEAST;
    return message->now_us + forget_s * SECOND_US;
}

static void alertmanager_alert(const struct alert_message *message, struct buf *out)
{
    buf_byte(out, '{');
    add_labels(message, out);
    add_annotations(message, out);
    json_member_time(out, "startsAt", message->since_us);
    json_member_time(out, "endsAt", ends_at(message));
    buf_byte(out, '}');
}

void alert_json_batch(const struct alert_message *messages, size_t count, struct buf *out)
{
    buf_byte(out, '[');
    for (size_t at = 0; at < count; at++) {
        if (at > 0)
            buf_byte(out, ',');
        alertmanager_alert(&messages[at], out);
    }
    buf_byte(out, ']');
}

static void alertmanager_body(const struct alert_message *message, struct buf *out)
{
    alert_json_batch(message, 1, out);
}

/* ---- by kind ----------------------------------------------------------------------------- */

void alert_json_body(const struct alert_message *message, struct buf *out)
{
    static void (*const BODIES[ALERT_KIND_COUNT])(const struct alert_message *message,
                                                  struct buf *out) = {
        [ALERT_WEBHOOK] = webhook_body,
        [ALERT_PAGERDUTY] = pagerduty_body,
        [ALERT_ALERTMANAGER] = alertmanager_body,
        [ALERT_SLACK] = slack_body,
    };
    BODIES[message->route->kind](message, out);
}

void alert_sign(const char *secret, int64_t now_us, struct span body,
                char room[ALERT_SIGNATURE_MAX])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    size_t digest_length = 0;
    char before[32];
    int length =
        snprintf(before, sizeof(before), "%lld.", (long long)(now_us / SECOND_US));
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);
    char name[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", name, 0),
                                 OSSL_PARAM_construct_end()};
    ASSERT(context != NULL && EVP_MAC_init(context, (const unsigned char *)secret,
                                           strlen(secret), params) == 1);
    ASSERT(EVP_MAC_update(context, (const unsigned char *)before, (size_t)length) == 1);
    ASSERT(EVP_MAC_update(context, (const unsigned char *)body.bytes, body.length) == 1);
    ASSERT(EVP_MAC_final(context, digest, &digest_length, sizeof(digest)) == 1);
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(mac);
    length = snprintf(room, ALERT_SIGNATURE_MAX,
                      "t=%lld,v1=", (long long)(now_us / SECOND_US));
    for (size_t at = 0; at < 32; at++)
        length += snprintf(room + length, ALERT_SIGNATURE_MAX - (size_t)length, "%02x",
                           digest[at]);
}

/* ---- summaries ----------------------------------------------------------------------------- */

static void summary_words(const struct alert_summary *summary, struct buf *out)
{
    buf_format(out, "%lld incident%s", (long long)summary->opened,
               summary->opened == 1 ? "" : "s");
    for (size_t at = 0; at < summary->class_count; at++)
        buf_format(out, "%s%lld %.*s", at == 0 ? ": " : ", ",
                   (long long)summary->counts[at], SPAN_ARGS(summary->classes[at]));
    if (summary->others > 0)
        buf_format(out, "; %lld others acknowledged or resolved",
                   (long long)summary->others);
    for (size_t at = 0; at < summary->first_count; at++)
        buf_format(out, "%s%.*s", at == 0 ? "; first " : ", ",
                   SPAN_ARGS(summary->first[at]));
}

static void summary_remedy(const struct alert_summary *summary, struct buf *out)
{
    char since[RFC3339_TEXT_MAX];
    rfc3339_format(summary->since_us / SECOND_US * SECOND_US, since);
    buf_format(out,
               "They are too many to be told one by one. List them: parstock incidents "
               "list --state all --since %s",
               since);
}

static void summary_evidence(const struct alert_summary *summary, struct buf *out)
{
    buf_byte(out, '{');
    json_member_text(out, "route", summary->route);
    json_member_number(out, "occurrences", summary->opened);
    json_member_number(out, "others", summary->others);
    json_name(out, "first");
    buf_byte(out, '[');
    for (size_t at = 0; at < summary->first_count; at++) {
        if (at > 0)
            buf_byte(out, ',');
        json_text(out, summary->first[at]);
    }
    buf_text(out, "]}");
}

void alert_json_summary(const struct alert_summary *summary, struct buf *out)
{
    struct buf words;
    struct buf remedy;
    struct buf evidence;
    buf_init(&words, TEXT_BYTES_MAX);
    buf_init(&remedy, TEXT_BYTES_MAX);
    buf_init(&evidence, TEXT_BYTES_MAX);
    summary_words(summary, &words);
    summary_remedy(summary, &remedy);
    summary_evidence(summary, &evidence);
    const struct incident incident = {
        .id = summary->id,
        .state = INCIDENT_OPENED,
        .class = SPAN_OF("alert_summary"),
        .cause = SPAN_OF("unknown"),
        .root_cause = buf_view(&words),
        .remediation = buf_view(&remedy),
        .severity = span_from(alert_severity_name(summary->severity)),
        .evidence = buf_view(&evidence),
        .runbook_url = SPAN_OF("docs/alerts.md"),
        .handoff = SPAN_OF("none"),
        .actor = SPAN_OF("notify"),
        .opened_at_us = summary->since_us,
        .at_us = summary->now_us};
    incident_json_value(&incident, out);
    out->failed = out->failed || words.failed || remedy.failed || evidence.failed;
    buf_free(&words);
    buf_free(&remedy);
    buf_free(&evidence);
}
