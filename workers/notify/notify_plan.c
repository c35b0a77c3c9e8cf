#include "workers/notify/notify.h"

#include "common/base/check.h"
#include "common/runtime/log.h"

#define SECOND_US INT64_C(1000000)
#define SUMMARY_PREFIX "sum-"

static bool is_summary(const struct alert_due *due)
{
    return strncmp(due->incident_id.bytes, SUMMARY_PREFIX, strlen(SUMMARY_PREFIX)) == 0;
}

/* Something is missing still: at once. Otherwise when it is to be said again. */
int64_t notify_next_due(const struct alert_route *route,
                        const struct alert_standing *standing, int64_t now_us)
{
    if (alert_next(route->kind, standing, false)->action != ALERT_REST)
        return now_us;
    int64_t again_s = alert_again_seconds(route, standing);
    return again_s > 0 ? now_us + again_s * SECOND_US : 0;
}

static struct alert_mark *mark(struct notify_plan *plan, const struct alert_due *due)
{
    ASSERT(plan->mark_count < ALERT_DUE_MAX);
    struct alert_mark *one = &plan->marks[plan->mark_count++];
    *one = (struct alert_mark){.due = due,
                               .standing = due->standing,
                               .told_severity = due->told_severity,
                               .told_since_us = due->told_since_us,
                               .attempts = due->attempts};
    return one;
}

/* Nothing is sent of it now; how it stands is noted. */
static void settle(struct notify_speaker *speaker, struct notify_plan *plan,
                   const struct alert_due *due, const struct alert_rule *rule)
{
    const struct alert_route *route = speaker->way.route;
    struct alert_mark *one = mark(plan, due);
    alert_said(&one->standing, rule->action);
    one->due_at_us = notify_next_due(route, &one->standing, speaker->state.now_us);
    if (rule->action != ALERT_PASS)
        return;
    plan->entries[plan->entry_count++] = (struct alert_entry){
        .due = due,
        .action = due->standing.wanted == ALERT_OVER ? "resolve" : "acknowledge",
        .how = "unsaid",
        .detail = span_from(rule->id)};
    metric_add(speaker->metrics.outcomes[NOTIFY_UNSAID], 1);
}

static enum alert_pace pace_of(struct notify_speaker *speaker,
                               const struct alert_due *due, enum alert_action action)
{
    if (is_summary(due))
        return ALERT_SENDS;
    return alert_tempo(speaker->way.route, &speaker->state.window, action,
                       speaker->state.now_us)
        ->pace;
}

/* False: the value can't be read, which the intake has seen to; it is passed over. */
static bool add_send(struct notify_speaker *speaker, struct notify_plan *plan,
                     const struct alert_due *due, enum alert_action action)
{
    struct notify_send *send = &plan->sends[plan->send_count];
    const char *why = NULL;
    *send = (struct notify_send){.due = due, .action = action};
    if (!alert_incident_decode(due->value, &speaker->pool, &send->incident, &why)) {
        log_error("alert can not be read", LOG_TEXT("route", speaker->name),
                  LOG_TEXT("why", why), LOG_END);
        return false;
    }
    plan->send_count++;
    return true;
}

/* True: go on with the next row. */
static bool place(struct notify_speaker *speaker, struct notify_plan *plan,
                  const struct alert_due *due, size_t batch)
{
    static const struct alert_rule PASS = {"unreadable", ALERT_PASS, ""};
    const struct alert_route *route = speaker->way.route;
    bool again = alert_again_seconds(route, &due->standing) > 0;
    const struct alert_rule *rule = alert_next(route->kind, &due->standing, again);
    if (rule->action == ALERT_REST || rule->action == ALERT_PASS) {
        settle(speaker, plan, due, rule);
        return true;
    }
    switch (pace_of(speaker, due, rule->action)) {
    case ALERT_SENDS:
        if (!add_send(speaker, plan, due, rule->action))
            settle(speaker, plan, due, &PASS);
        return plan->send_count < batch;
    case ALERT_HOLDS:
        speaker->state.window.holds = true;
        mark(plan, due)->held = true;
        return true;
    case ALERT_WAITS:
        mark(plan, due)->due_at_us =
            speaker->state.window.began_us + route->window_seconds * SECOND_US;
        return true;
    case ALERT_SUMS_UP:
        return false; /* first of all, in the next pass */
    }
    UNREACHABLE("every pace is placed");
}

enum status notify_plan(struct notify_speaker *speaker, const struct alert_due_page *page,
                        struct notify_plan *plan, struct error *error)
{
    size_t batch = alert_trait(speaker->way.route->kind)->batch;
    bool goes_on = true;
    (void)error;
    if (speaker->singly > 0)
        batch = 1;
    for (size_t at = 0; at < page->count && goes_on; at++)
        goes_on = place(speaker, plan, &page->items[at], batch);
    return STATUS_OK;
}
