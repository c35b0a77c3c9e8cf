#include "common/base/check.h"
#include "common/domain/push_incident.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "workers/push/push.h"

#include <stdio.h>

#define KEY_LIFE_MS (23LL * 3600 * 1000) /* the shop keeps keys for 24 h */
#define RESENDS_MAX 8                    /* without a verdict; then the pairs are read */
#define REREAD_HOLD_MS 200 /* a pair that somebody else changes is not chased faster */

/*
 * Asked by the HTTP client right before the first byte leaves: an answer must be in, or
 * given up, while the lease is certainly ours.
 */
static bool lease_covers_call(void *self)
{
    const struct pusher *pusher = self;
    return clock_monotonic_us() + pusher->settings->timeout_ms * 1000 <
           pusher->lease_end_us;
}

static void log_call(const struct pusher *pusher, const char *problem, int64_t took_us)
{
    const struct push_rule *rule = pusher->decision.rule;
    const char *said = pusher->call.reply.message;
    const struct log_field fields[] = {
        LOG_TEXT("shop", pusher->name),
        LOG_INT("write", pusher->write.id),
        LOG_INT("pairs", (int64_t)pusher->write.count),
        LOG_TEXT("verdict", push_verdict_name(rule->verdict)),
        LOG_TEXT("rule", rule->id),
        LOG_INT("attempt", pusher->write.attempts + 1),
        LOG_INT("http_status", pusher->call.answer.http_status),
        LOG_INT("took_ms", took_us / 1000),
        LOG_TEXT("detail", problem[0] != '\0' ? problem : said),
        LOG_END,
    };
    bool fine = rule->verdict == PUSH_APPLIED || rule->verdict == PUSH_THROTTLED;
    log_write(fine ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "write", fields);
}

/* ---- the end of a write ------------------------------------------------------------- */

static void name_faults(struct pusher *pusher, const char **faults)
{
    for (size_t at = 0; at < pusher->write.count; at++) {
        const struct push_rule *rule = pusher->decision.fate_rules[at];
        const char *code = rule != NULL && rule->code != NULL ? rule->code : "USER_ERROR";
        (void)snprintf(pusher->faults[at], PUSH_FAULT_MAX, PUSH_QUARANTINED "%s", code);
        faults[at] = pusher->faults[at];
    }
}

static bool settle(struct pusher *pusher, const char *state, const char *detail)
{
    const char *faults[PUSH_PAIRS_MAX];
    name_faults(pusher, faults);
    const struct settlement settlement = {.state = state,
                                          .detail = detail,
                                          .fates = pusher->decision.fates,
                                          .faults = faults,
                                          .hold_ms = REREAD_HOLD_MS,
                                          .maybe_applied = pusher->maybe_applied ||
                                                           pusher->call.answer.has_group};
    struct error error = {0};
    if (store_settle(pusher->postgres, &pusher->lease, &pusher->write, &settlement,
                     &error) != STATUS_OK) {
        push_trouble(pusher, "postgres", &error);
        return false;
    }
    if (pusher->lease.lost) {
        push_lost(pusher);
        return false;
    }
    pusher->write.id = 0;
    return true;
}

/* No verdict is to be had: whatever came of it, the pairs are read before their next write. */
static void give_up(struct pusher *pusher, const char *why)
{
    for (size_t at = 0; at < pusher->write.count; at++) {
        pusher->decision.fates[at] = PUSH_FATE_REREAD;
        pusher->decision.fate_rules[at] = NULL;
    }
    log_warn("write ends without a verdict; its pairs are read again",
             LOG_TEXT("shop", pusher->name), LOG_INT("write", pusher->write.id),
             LOG_TEXT("why", why), LOG_END);
    (void)settle(pusher, "superseded", why);
}

static void after_applied(struct pusher *pusher)
{
    size_t count = pusher->write.count;
    if (!settle(pusher, "applied", pusher->decision.rule->id))
        return;
    metric_add(pusher->metrics.pairs_written, (int64_t)count);
    pusher->tries = 0;
    size_t limit = atomic_load(&pusher->crew->limit) * 2;
    atomic_store(&pusher->crew->limit, limit < PUSH_PAIRS_MAX ? limit : PUSH_PAIRS_MAX);
    push_says(pusher, true, "");
}

static void after_refused(struct pusher *pusher)
{
    const struct push_rule *rule = pusher->decision.rule;
    size_t count = pusher->write.count;
    int64_t id = pusher->write.id;
    if (!settle(pusher, "refused", rule->id))
        return;
    push_news_refused(pusher, id);
    if (pusher->decision.split)
        atomic_store(&pusher->crew->limit, count > 1 ? (count + 1) / 2 : 1);
    if (rule->verdict != PUSH_CONFIGURATION) {
        pusher->tries = 0;
        return;
    }
    struct error error = {0};
    const char *said = pusher->call.reply.message;
    error_set_code(&error, STATUS_FATAL, rule->id, "%s%s%s", rule->why,
                   said[0] != '\0' ? "; the shop says: " : "", said);
    push_trouble(pusher, "shop", &error);
}

/* ---- a write that stays open -------------------------------------------------------- */

static void wait_for_bucket(struct pusher *pusher)
{
    int64_t wait_ms = shopify_throttled_ms(pusher->shopify, SHOPIFY_SET_POINTS);
    if (pusher->call.retry_after_ms > wait_ms)
        wait_ms = pusher->call.retry_after_ms;
    if (wait_ms > COST_WAIT_MAX_MS)
        wait_ms = COST_WAIT_MAX_MS;
    metric_add(pusher->metrics.throttle, wait_ms * 1000);
    atomic_store(&pusher->crew->throttled, true);
    life_wait_ms(wait_ms);
}

static void after_open(struct pusher *pusher, const char *problem)
{
    const struct push_rule *rule = pusher->decision.rule;
    struct error error = {0};
    if (pusher->decision.unknown)
        pusher->maybe_applied = true;
    if (pusher->call.answer.transport != PUSH_TRANSPORT_NOT_SENT) {
        pusher->write.attempts++;
        pusher->resends++;
        if (store_try(pusher->postgres, pusher->write.id, pusher->decision.unknown,
                      rule->id, &error) != STATUS_OK) {
            push_trouble(pusher, "postgres", &error);
            return;
        }
    }
    if (rule->verdict == PUSH_THROTTLED) {
        wait_for_bucket(pusher);
        return;
    }
    if (pusher->resends >= RESENDS_MAX) {
        give_up(pusher, rule->id);
        return;
    }
    if (pusher->resends > 1 || rule->verdict != PUSH_UNKNOWN)
        push_says(pusher, false, problem[0] != '\0' ? problem : rule->why);
    life_back_off(&pusher->tries);
}

/* Not sent because too little of the lease was left: renewed by the next step. */
static bool was_too_late(const struct error *error)
{
    return strcmp(error->code, "too_late") == 0;
}

void push_deliver(struct pusher *pusher)
{
    if (pusher->write.age_ms > KEY_LIFE_MS) {
        give_up(pusher, "the key is older than the shop remembers");
        return;
    }
    if (!push_may_pay(pusher, SHOPIFY_SET_POINTS))
        return;
    struct error error = {0};
    int64_t began_us = clock_monotonic_us();
    push_trace_begin(pusher);
    pusher->call.traceparent = pusher->trace.is_there ? pusher->trace.header : NULL;
    pusher->call.body = pusher->write.body;
    pusher->call.may_send = lease_covers_call;
    pusher->call.self = pusher;
    enum status status = shopify_set(pusher->shopify, &pusher->call, &error);
    int64_t took_us = clock_monotonic_us() - began_us;
    if (status != STATUS_OK) {
        push_trouble(pusher, "shop", &error);
        return;
    }
    if (was_too_late(&error)) {
        pusher->lease_end_us = 0;
        return;
    }
    push_decide(&pusher->call.answer, pusher->write.count, pusher->maybe_applied,
                &pusher->decision);
    metric_add(pusher->metrics.verdicts[pusher->decision.rule->verdict], 1);
    histogram_add_us(pusher->metrics.call_seconds, took_us);
    log_call(pusher, error.text, took_us);
    push_trace_end(pusher, took_us);
    if (pusher->decision.next == PUSH_NEXT_WAIT)
        after_open(pusher, error.text);
    else if (pusher->decision.rule->verdict == PUSH_APPLIED)
        after_applied(pusher);
    else
        after_refused(pusher);
}
