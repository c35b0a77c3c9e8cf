#include "workers/notify/notify.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"

#include <stdio.h>
#include <sys/random.h>

#define SECOND_US INT64_C(1000000)
#define NEWS_MS 20           /* between two looks for news of the intake */
#define LOOK_EVERY_US 500000 /* at the table, without news */
#define CLOSE_EVERY_US 1000000
#define WAITING_EVERY_US 2000000

/* ---- the connection ----------------------------------------------------------------- */

static void trouble(struct notify_speaker *speaker, const struct error *error)
{
    log_write(speaker->tries == 0 ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "waiting",
              LOG_FIELDS(LOG_TEXT("route", speaker->name), LOG_TEXT("for", "postgres"),
                         LOG_TEXT("code", error->code), LOG_TEXT("error", error->text),
                         LOG_END));
    postgres_close(&speaker->postgres);
    life_back_off(&speaker->tries);
}

static bool have_postgres(struct notify_speaker *speaker)
{
    struct error error = {0};
    const struct postgres_options options = {.dsn = speaker->notify->config->postgres,
                                             .schema = speaker->notify->config->schema,
                                             .application_name = "parstock notify"};
    if (speaker->postgres != NULL && postgres_alive(speaker->postgres))
        return true;
    postgres_close(&speaker->postgres);
    enum status status = postgres_open(&options, &speaker->postgres, &error);
    if (status == STATUS_OK)
        status = store_alerts_routes(speaker->postgres, speaker->way.route, 1, &error);
    if (status == STATUS_OK)
        return true;
    trouble(speaker, &error);
    return false;
}

/* ---- what was delivered ---------------------------------------------------------------- */

static void count_delay(struct notify_speaker *speaker, int64_t waited_ms)
{
    histogram_add_us(speaker->metrics.delay, waited_ms * 1000);
}

/* From the crossing; what was there before the route was is not the route's delay. */
static int64_t waited_ms(const struct notify_speaker *speaker,
                         const struct alert_due *due)
{
    int64_t since_us =
        due->since_us > speaker->state.since_us ? due->since_us : speaker->state.since_us;
    int64_t waited_us = speaker->state.now_us - since_us;
    return waited_us > 0 ? waited_us / 1000 : 0;
}

static void mark_delivered(struct notify_speaker *speaker, struct notify_plan *plan,
                           const struct notify_send *send)
{
    const struct alert_route *route = speaker->way.route;
    struct alert_mark *mark = &plan->marks[plan->mark_count++];
    *mark = (struct alert_mark){.due = send->due,
                                .standing = send->due->standing,
                                .told_severity = send->due->told_severity,
                                .told_since_us = send->due->told_since_us};
    alert_said(&mark->standing, send->action);
    if (send->action == ALERT_TRIGGER) {
        mark->told_severity = send->due->standing.severity;
        mark->told_since_us = send->due->since_us;
    }
    mark->due_at_us = notify_next_due(route, &mark->standing, speaker->state.now_us);
}

/* Incidents about routes cause no others: a late word of lateness would never end. */
static enum status judge_delay(struct notify_speaker *speaker,
                               const struct notify_send *send, int64_t waited,
                               struct error *error)
{
    bool is_late = waited > speaker->way.route->late_seconds * 1000;
    count_delay(speaker, waited);
    if (alert_is_own(send->incident.class))
        return STATUS_OK;
    if (is_late) {
        metric_add(speaker->metrics.late, 1);
        return speaker->state.is_late
                   ? STATUS_OK
                   : notify_report_late(speaker, send->incident.id, waited, error);
    }
    if (!speaker->state.is_late)
        return STATUS_OK;
    speaker->state.is_late = false;
    return notify_report_over(speaker, INCIDENT_ALERT_LATE, "the next alert was in time",
                              error);
}

static enum status note_delivered(struct notify_speaker *speaker,
                                  struct notify_plan *plan,
                                  const struct notify_send *send, struct error *error)
{
    int64_t waited = send->action == ALERT_TRIGGER ? waited_ms(speaker, send->due) : 0;
    mark_delivered(speaker, plan, send);
    if (send->action == ALERT_AGAIN)
        return STATUS_OK;
    metric_add(speaker->metrics.outcomes[NOTIFY_DELIVERED], 1);
    plan->entries[plan->entry_count++] =
        (struct alert_entry){.due = send->due,
                             .action = alert_action_name(send->action),
                             .how = "single",
                             .waited_ms = waited,
                             .is_late = waited > speaker->way.route->late_seconds * 1000,
                             .attempts = send->due->attempts + 1};
    return send->action == ALERT_TRIGGER ? judge_delay(speaker, send, waited, error)
                                         : STATUS_OK;
}

static enum status delivered(struct notify_speaker *speaker, struct notify_plan *plan,
                             struct error *error)
{
    enum status status = STATUS_OK;
    if (speaker->state.tries > 0)
        log_info("route answers again", LOG_TEXT("route", speaker->name), LOG_END);
    speaker->state.tries = 0;
    speaker->state.retry_at_us = 0;
    speaker->complained = false;
    for (size_t at = 0; at < plan->send_count && status == STATUS_OK; at++)
        status = note_delivered(speaker, plan, &plan->sends[at], error);
    alert_window_count(speaker->way.route, &speaker->state.window, speaker->state.now_us);
    if (status == STATUS_OK && speaker->state.is_reported) {
        speaker->state.is_reported = false;
        status = notify_report_over(speaker, INCIDENT_ALERT_UNDELIVERED,
                                    "the route takes alerts again", error);
    }
    speaker->singly -= speaker->singly > 0 ? 1 : 0;
    return status;
}

/* ---- what was not ------------------------------------------------------------------------ */

static void complain(struct notify_speaker *speaker, const struct alert_verdict *verdict,
                     const char *detail)
{
    log_write(speaker->complained ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN,
              "alerts are not taken",
              LOG_FIELDS(LOG_TEXT("route", speaker->name), LOG_TEXT("rule", verdict->id),
                         LOG_TEXT("detail", detail),
                         LOG_INT("tries", speaker->state.tries), LOG_END));
    speaker->complained = true;
    metric_add(speaker->metrics.failures, 1);
}

/* Of many, one was meant: each by itself, so that one bad one holds up no other. */
static enum status refused(struct notify_speaker *speaker, struct notify_plan *plan,
                           const char *detail, struct error *error)
{
    if (plan->send_count > 1) {
        speaker->singly = plan->send_count;
        return STATUS_OK;
    }
    const struct notify_send *send = &plan->sends[0];
    mark_delivered(speaker, plan, send); /* not again: it would end alike */
    plan->marks[plan->mark_count - 1].due_at_us = 0;
    plan->entries[plan->entry_count++] =
        (struct alert_entry){.due = send->due,
                             .action = alert_action_name(send->action),
                             .how = "refused",
                             .waited_ms = waited_ms(speaker, send->due),
                             .attempts = send->due->attempts + 1,
                             .detail = span_from(detail)};
    metric_add(speaker->metrics.outcomes[NOTIFY_REFUSED], 1);
    speaker->singly -= speaker->singly > 0 ? 1 : 0;
    if (alert_is_own(send->incident.class))
        return STATUS_OK;
    return notify_report_undelivered(speaker, 1, send->incident.id, detail, error);
}

static enum status give_up(struct notify_speaker *speaker, const char *detail,
                           struct error *error)
{
    const struct alert_route *route = speaker->way.route;
    struct alert_silence silence = {.route = route->name,
                                    .give_up_seconds = route->give_up_seconds,
                                    .holds = alert_trait(route->kind)->is_throttled,
                                    .detail = span_from(detail)};
    enum status status =
        store_alert_give_up(speaker->postgres, &silence, &speaker->pool, error);
    if (status != STATUS_OK || silence.count == 0)
        return status;
    log_error("alerts could not be delivered", LOG_TEXT("route", speaker->name),
              LOG_INT("count", silence.count), LOG_TEXT("detail", detail), LOG_END);
    return notify_report_undelivered(speaker, silence.count, silence.first, detail,
                                     error);
}

static enum status away(struct notify_speaker *speaker, struct notify_plan *plan,
                        int64_t retry_after_ms, const char *detail, struct error *error)
{
    uint32_t dice = 0;
    if (getrandom(&dice, sizeof(dice), 0) != (ssize_t)sizeof(dice))
        dice = 0; /* no jitter then */
    speaker->state.tries++;
    speaker->state.retry_at_us =
        speaker->state.now_us +
        alert_wait_ms(speaker->state.tries, retry_after_ms, dice) * 1000;
    for (size_t at = 0; at < plan->send_count; at++) {
        const struct alert_due *due = plan->sends[at].due;
        plan->marks[plan->mark_count++] =
            (struct alert_mark){.due = due,
                                .standing = due->standing,
                                .told_severity = due->told_severity,
                                .told_since_us = due->told_since_us,
                                .due_at_us = due->due_at_us,
                                .attempts = due->attempts + 1};
    }
    /* First how they stand: giving up holds back some of them. */
    enum status status = store_alert_marks(speaker->postgres, speaker->way.route->name,
                                           plan->marks, plan->mark_count, error);
    plan->mark_count = 0;
    return status == STATUS_OK ? give_up(speaker, detail, error) : status;
}

/* ---- sending ------------------------------------------------------------------------------- */

static struct alert_message message_of(const struct notify_speaker *speaker,
                                       const struct notify_send *send)
{
    const struct alert_due *due = send->due;
    bool opens = send->action == ALERT_TRIGGER;
    return (struct alert_message){
        .route = speaker->way.route,
        .secret = speaker->way.secret,
        .action = send->action,
        .incident = &send->incident,
        .value = due->value,
        .revision = opens ? due->standing.crossing : due->standing.revision,
        .severity = opens ? due->standing.severity : due->told_severity,
        .since_us = opens || due->told_since_us == 0 ? due->since_us : due->told_since_us,
        .now_us = speaker->state.now_us};
}

/* A receiver that knows an alert by its severity must be told that the milder one is over. */
static bool replaces(const struct notify_send *send)
{
    const struct alert_due *due = send->due;
    return send->action == ALERT_TRIGGER &&
           due->told_severity != due->standing.severity &&
           (due->standing.told == ALERT_TRIGGERED ||
            due->standing.told == ALERT_ACKNOWLEDGED);
}

static size_t make_messages(const struct notify_speaker *speaker,
                            const struct notify_plan *plan,
                            struct alert_message *messages)
{
    bool is_resent = alert_trait(speaker->way.route->kind)->is_resent;
    size_t count = 0;
    for (size_t at = 0; at < plan->send_count; at++) {
        const struct notify_send *send = &plan->sends[at];
        messages[count++] = message_of(speaker, send);
        if (!is_resent || !replaces(send))
            continue;
        messages[count] = messages[count - 1];
        messages[count].action = ALERT_END;
        messages[count].severity = send->due->told_severity;
        messages[count++].since_us = send->due->told_since_us;
    }
    return count;
}

static enum status send_plan(struct notify_speaker *speaker, struct notify_plan *plan,
                             struct error *error)
{
    char *detail = pool_take(&speaker->pool, NOTIFY_DETAIL_MAX);
    struct alert_message *messages =
        pool_take(&speaker->pool, 2 * plan->send_count * sizeof(*messages));
    int64_t retry_after_ms = -1;
    int64_t began_us = clock_monotonic_us();
    if (detail == NULL || messages == NULL)
        return error_set(error, STATUS_RETRY, "notify: out of memory");
    size_t count = make_messages(speaker, plan, messages);
    char trace[TRACEPARENT_MAX];
    notify_trace_begin(speaker, plan, trace);
    speaker->way.traceparent = trace[0] != '\0' ? trace : NULL;
    const struct alert_verdict *verdict =
        notify_way_send(&speaker->way, messages, count, &retry_after_ms, detail);
    speaker->way.traceparent = NULL;
    int64_t took_us = clock_monotonic_us() - began_us;
    speaker->state.now_us += took_us;
    notify_trace_end(speaker, plan, verdict, took_us);
    switch (verdict->fate) {
    case ALERT_DELIVERED:
        return delivered(speaker, plan, error);
    case ALERT_REFUSED:
        complain(speaker, verdict, detail);
        return refused(speaker, plan, detail, error);
    case ALERT_AWAY:
        complain(speaker, verdict, detail);
        return away(speaker, plan, retry_after_ms, detail, error);
    }
    UNREACHABLE("every fate is settled");
}

/* ---- a pass ---------------------------------------------------------------------------------- */

static enum status note(struct notify_speaker *speaker, const struct notify_plan *plan,
                        struct error *error)
{
    struct span route = speaker->way.route->name;
    enum status status =
        store_alert_marks(speaker->postgres, route, plan->marks, plan->mark_count, error);
    if (status == STATUS_OK)
        status = store_alert_entries(speaker->postgres, route, plan->entries,
                                     plan->entry_count, error);
    return status;
}

static enum status say_due(struct notify_speaker *speaker, bool *busy,
                           struct error *error)
{
    struct alert_due_page *page = pool_take(&speaker->pool, sizeof(*page));
    struct notify_plan *plan = pool_take(&speaker->pool, sizeof(*plan));
    if (page == NULL || plan == NULL)
        return error_set(error, STATUS_RETRY, "notify: out of memory");
    plan->send_count = plan->mark_count = plan->entry_count = 0;
    enum status status =
        store_alert_due(speaker->postgres, &speaker->state, &speaker->pool, page, error);
    *busy = status == STATUS_OK && page->count > 0;
    if (status != STATUS_OK || page->count == 0)
        return status;
    status = notify_plan(speaker, page, plan, error);
    if (status == STATUS_OK && plan->send_count > 0)
        status = send_plan(speaker, plan, error);
    return status == STATUS_OK ? note(speaker, plan, error) : status;
}

static enum status sum_up(struct notify_speaker *speaker, struct error *error)
{
    char id[64];
    struct alert_summary summary = {.route = speaker->way.route->name,
                                    .since_us = speaker->state.now_us,
                                    .now_us = speaker->state.now_us};
    (void)snprintf(id, sizeof(id), "sum-%llx-%lld",
                   (unsigned long long)speaker->state.since_us,
                   (long long)++speaker->state.summaries);
    summary.id = span_from(id);
    enum status status =
        store_alert_sum_up(speaker->postgres, &summary, &speaker->pool, error);
    speaker->state.window = (struct alert_window){0};
    metric_add(speaker->metrics.outcomes[NOTIFY_SUMMARISED],
               summary.opened + summary.others);
    if (status == STATUS_OK && summary.opened + summary.others > 0)
        log_info("alerts are summed up", LOG_TEXT("route", speaker->name),
                 LOG_TEXT("summary", id), LOG_INT("opened", summary.opened),
                 LOG_INT("others", summary.others), LOG_END);
    return status;
}

static enum status look(struct notify_speaker *speaker, struct error *error)
{
    int64_t now_us = clock_monotonic_us();
    int64_t waiting = 0;
    enum status status = STATUS_OK;
    if (now_us >= speaker->close_us) {
        speaker->close_us = now_us + CLOSE_EVERY_US;
        status = store_alert_close(speaker->postgres, speaker->way.route->name, error);
    }
    if (status == STATUS_OK && now_us >= speaker->wait_us) {
        speaker->wait_us = now_us + WAITING_EVERY_US;
        status = store_alert_waiting(speaker->postgres, speaker->way.route->name,
                                     &waiting, error);
        metric_set(speaker->metrics.waiting, waiting);
    }
    return status;
}

static enum status speak(struct notify_speaker *speaker, bool *busy, struct error *error)
{
    struct alert_speaker *state = &speaker->state;
    enum status status = look(speaker, error);
    if (status != STATUS_OK || state->retry_at_us > state->now_us)
        return status;
    const struct alert_tempo *tempo =
        alert_tempo(speaker->way.route, &state->window, ALERT_REST, state->now_us);
    if (tempo->pace == ALERT_SUMS_UP && !state->sums_up) {
        *busy = true;
        status = sum_up(speaker, error);
    } else {
        if (state->sums_up) /* the next summary waits for this one */
            state->window.holds = false;
        status = say_due(speaker, busy, error);
    }
    if (status == STATUS_OK && *busy)
        status = store_alert_keep(speaker->postgres, state, error);
    return status;
}

/* True: there may be more to do at once. */
static bool pass(struct notify_speaker *speaker)
{
    struct error error = {0};
    bool busy = false;
    pool_reset(&speaker->pool);
    speaker->state = (struct alert_speaker){.route = speaker->way.route->name};
    enum status status = postgres_script(speaker->postgres, "BEGIN", &error);
    if (status == STATUS_OK)
        status = store_alert_hold(speaker->postgres, &speaker->state, &error);
    if (status == STATUS_OK && speaker->state.is_held)
        status = speak(speaker, &busy, &error);
    if (status == STATUS_OK)
        status = postgres_script(speaker->postgres, "COMMIT", &error);
    if (status != STATUS_OK) {
        trouble(speaker, &error);
        return false;
    }
    speaker->tries = 0;
    return busy && speaker->state.retry_at_us == 0;
}

/* News of the intake come in the same process mostly; others' are found by a look. */
static bool is_time(struct notify_speaker *speaker)
{
    unsigned long news = atomic_load(&speaker->notify->news);
    int64_t now_us = clock_monotonic_us();
    if (news == speaker->news && now_us < speaker->look_us)
        return false;
    speaker->news = news;
    speaker->look_us = now_us + LOOK_EVERY_US;
    return true;
}

void *notify_speak(void *self)
{
    struct notify_speaker *speaker = self;
    while (!life_ending()) {
        if (!is_time(speaker)) {
            life_wait_ms(NEWS_MS);
            continue;
        }
        while (!life_ending() && have_postgres(speaker) && pass(speaker))
            continue;
    }
    postgres_close(&speaker->postgres);
    return NULL;
}
