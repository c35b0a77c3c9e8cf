#include "common/domain/alert.h"

#include "common/base/check.h"

#define SECOND_US INT64_C(1000000)

/* ---- kinds -------------------------------------------------------------------------- */

static const struct alert_trait TRAITS[ALERT_KIND_COUNT] = {
    [ALERT_WEBHOOK] = {.name = "webhook",
                       .needs_secret = true,
                       .says_acknowledged = true,
                       .is_throttled = true,
                       .batch = 1},
    [ALERT_PAGERDUTY] = {.name = "pagerduty",
                         .url = "https://events.pagerduty.com/v2/enqueue",
                         .needs_secret = true,
                         .says_acknowledged = true,
                         .is_throttled = true,
                         .ends_each = true,
                         .batch = 1},
    [ALERT_ALERTMANAGER] = {.name = "alertmanager",
                            .is_resent = true,
                            .ends_each = true,
                            .batch = 256},
    [ALERT_SLACK] = {.name = "slack",
                     .url_is_secret = true,
                     .says_acknowledged = true,
                     .is_throttled = true,
                     .batch = 1},
};

static const char *const SEVERITIES[] = {
    [ALERT_INFO] = "info",
    [ALERT_WARNING] = "warning",
    [ALERT_ERROR] = "error",
    [ALERT_CRITICAL] = "critical",
};

const struct alert_trait *alert_trait(enum alert_kind kind)
{
    ASSERT((size_t)kind < ALERT_KIND_COUNT);
    return &TRAITS[kind];
}

bool alert_kind_parse(struct span text, enum alert_kind *kind_out)
{
    for (int kind = 0; kind < ALERT_KIND_COUNT; kind++) {
        if (!span_is(text, TRAITS[kind].name))
            continue;
        *kind_out = (enum alert_kind)kind;
        return true;
    }
    return false;
}

bool alert_severity_parse(struct span text, enum alert_severity *severity_out)
{
    for (size_t at = 0; at < COUNT_OF(SEVERITIES); at++) {
        if (!span_is(text, SEVERITIES[at]))
            continue;
        *severity_out = (enum alert_severity)at;
        return true;
    }
    return false;
}

const char *alert_severity_name(enum alert_severity severity)
{
    ASSERT((size_t)severity < COUNT_OF(SEVERITIES));
    return SEVERITIES[severity];
}

/* ---- which route carries it --------------------------------------------------------- */

bool alert_is_own(struct span class)
{
    return span_is(class, incident_kind(INCIDENT_ALERT_UNDELIVERED)->id) ||
           span_is(class, incident_kind(INCIDENT_ALERT_LATE)->id);
}

static bool lists(const struct text_list *list, struct span text)
{
    for (size_t at = 0; at < list->count; at++)
        if (span_equal(list->texts[at], text))
            return true;
    return list->count == 0;
}

const struct alert_carry *alert_carry(const struct alert_route *route,
                                      const struct alert_facts *facts)
{
    static const struct alert_carry OWN = {
        "own_failure", false,
        "That a route can not be reached is not told by that very route."};
    static const struct alert_carry SEVERITY = {"severity", false,
                                                "Its severities lack it."};
    static const struct alert_carry CAUSE = {"cause", false, "Its causes lack it."};
    static const struct alert_carry CLASS = {"class", false, "Its classes lack it."};
    static const struct alert_carry SHOP = {"shop", false, "Its shops lack it."};
    static const struct alert_carry CARRIED = {
        "carried", true,
        "All that it names fits. What concerns all shops concerns those of a route too."};
    if (alert_is_own(facts->class) && span_equal(facts->route, route->name))
        return &OWN;
    if (route->severities != 0 && (route->severities & (1u << facts->severity)) == 0)
        return &SEVERITY;
    if (!lists(&route->causes, facts->cause))
        return &CAUSE;
    if (!lists(&route->classes, facts->class))
        return &CLASS;
    if (facts->shop.bytes != NULL && !lists(&route->shops, facts->shop))
        return &SHOP;
    return &CARRIED;
}

/* ---- what came in ------------------------------------------------------------------- */

enum news_condition {
    IS_REPEAT,
    IS_FOREIGN,
    IS_UNHEARD_END,
    IS_NEW,
    IS_END,
    STAYS_OVER,
    COMES_BACK,
    GROWS_WORSE,
    IS_ACK,
    IS_MORE
};

static bool is_end(const struct alert_news *news)
{
    return news->state == INCIDENT_RESOLVED || news->is_past;
}

static bool news_fits(enum news_condition condition, const struct alert_standing *was,
                      const struct alert_news *news)
{
    switch (condition) {
    case IS_REPEAT:
        return was->exists && news->revision <= was->revision;
    case IS_FOREIGN:
        return !was->exists && !news->carried;
    case IS_UNHEARD_END:
        return !was->exists && is_end(news);
    case IS_NEW:
        return !was->exists;
    case IS_END:
        return is_end(news) && was->wanted != ALERT_OVER;
    case STAYS_OVER:
        return was->wanted == ALERT_OVER && (is_end(news) || !news->carried);
    case COMES_BACK:
        return was->wanted == ALERT_OVER;
    case GROWS_WORSE:
        return news->carried && news->severity > was->severity;
    case IS_ACK:
        return news->state == INCIDENT_ACKNOWLEDGED && was->wanted != ALERT_ACKNOWLEDGED;
    case IS_MORE:
        return true;
    }
    UNREACHABLE("every condition is judged");
}

static const struct {
    enum news_condition condition;
    struct alert_intake rule;
} INTAKE[] = {
    {IS_REPEAT,
     {"repeat", ALERT_DROPS,
      "The topic delivers at least once; what is known already says nothing."}},
    {IS_FOREIGN,
     {"not_carried", ALERT_DROPS, "The route does not carry it and has not yet."}},
    {IS_UNHEARD_END,
     {"over_unheard", ALERT_DROPS, "It is over, and the route never heard of it."}},
    {IS_NEW, {"opens", ALERT_WANTS, "The first that the route is to hear of it."}},
    {IS_END,
     {"ends", ALERT_WANTS,
      "Whoever heard of it hears of its end, also where a filter no longer fits."}},
    {STAYS_OVER, {"stays_over", ALERT_NOTES, "Over is over."}},
    {COMES_BACK, {"comes_back", ALERT_WANTS, "Armed again by its end."}},
    {GROWS_WORSE,
     {"grows_worse", ALERT_WANTS, "A higher severity is a line crossed anew."}},
    {IS_ACK, {"acknowledged", ALERT_WANTS, "Somebody has it."}},
    {IS_MORE,
     {"goes_on", ALERT_NOTES, "Once a crossing: more of the same is not said again."}},
};

static void apply_news(struct alert_standing *standing, enum news_condition condition,
                       const struct alert_news *news)
{
    bool crosses =
        condition == IS_NEW || condition == COMES_BACK || condition == GROWS_WORSE;
    standing->exists = true;
    standing->revision = news->revision;
    if (condition == IS_END)
        standing->wanted = ALERT_OVER;
    if (condition == IS_ACK)
        standing->wanted = ALERT_ACKNOWLEDGED;
    if (!crosses)
        return;
    standing->wanted =
        news->state == INCIDENT_ACKNOWLEDGED ? ALERT_ACKNOWLEDGED : ALERT_TRIGGERED;
    standing->crossing = news->revision;
    standing->severity = news->severity;
    standing->in_summary = false;
}

const struct alert_intake *alert_take(struct alert_standing *standing,
                                      const struct alert_news *news)
{
    size_t at = 0;
    while (!news_fits(INTAKE[at].condition, standing, news))
        at++; /* the last one fits all */
    if (INTAKE[at].rule.effect != ALERT_DROPS)
        apply_news(standing, INTAKE[at].condition, news);
    return &INTAKE[at].rule;
}

/* ---- what is said next ---------------------------------------------------------------- */

static const char *const ACTIONS[] = {
    [ALERT_REST] = "rest",       [ALERT_PASS] = "pass",   [ALERT_TRIGGER] = "trigger",
    [ALERT_ACK] = "acknowledge", [ALERT_END] = "resolve", [ALERT_AGAIN] = "again",
};

const char *alert_action_name(enum alert_action action)
{
    ASSERT((size_t)action < COUNT_OF(ACTIONS));
    return ACTIONS[action];
}

enum next_condition {
    OVER_UNTOLD,
    CROSSED,
    TOLD_AS_ONE_OF_MANY,
    ENDED,
    ACKED_ALOUD,
    ACKED_SILENTLY,
    DUE_AGAIN,
    NOTHING
};

static bool is_open(const struct alert_standing *now)
{
    return now->wanted != ALERT_OVER;
}

static bool is_untold(const struct alert_standing *now)
{
    return now->told_crossing != now->crossing;
}

/* Of an earlier crossing the route may know still. */
static bool knows(const struct alert_standing *now)
{
    return now->told == ALERT_TRIGGERED || now->told == ALERT_ACKNOWLEDGED;
}

static bool is_due_again(const struct alert_trait *trait,
                         const struct alert_standing *now, bool again)
{
    return again && is_open(now) && (now->wanted == ALERT_TRIGGERED || trait->is_resent);
}

static bool next_fits(enum next_condition condition, enum alert_kind kind,
                      const struct alert_standing *now, bool again)
{
    const struct alert_trait *trait = alert_trait(kind);
    bool differs = now->wanted != now->told;
    switch (condition) {
    case OVER_UNTOLD:
        return !is_open(now) && is_untold(now) && !knows(now);
    case CROSSED:
        return is_untold(now) && is_open(now);
    case TOLD_AS_ONE_OF_MANY:
        return now->in_summary && differs;
    case ENDED:
        return !is_open(now) && differs;
    case ACKED_ALOUD:
        return differs && trait->says_acknowledged;
    case ACKED_SILENTLY:
        return differs;
    case DUE_AGAIN:
        return is_due_again(trait, now, again);
    case NOTHING:
        return true;
    }
    UNREACHABLE("every condition is judged");
}

static const struct {
    enum next_condition condition;
    struct alert_rule rule;
} NEXT[] = {
    {OVER_UNTOLD,
     {"over_untold", ALERT_PASS,
      "It opened and ended before it could be told: nobody is called for what is over."}},
    {CROSSED, {"crossed", ALERT_TRIGGER, "A line was crossed that was not told yet."}},
    {TOLD_AS_ONE_OF_MANY,
     {"one_of_many", ALERT_PASS, "Told in a summary: the summary's own end counts."}},
    {ENDED, {"ended", ALERT_END, "What was told is over."}},
    {ACKED_ALOUD, {"acked", ALERT_ACK, "Somebody has it."}},
    {ACKED_SILENTLY, {"acked_silently", ALERT_PASS, "The receiver knows no such state."}},
    {DUE_AGAIN, {"again", ALERT_AGAIN, "Still open, and the time to say so has come."}},
    {NOTHING, {"nothing", ALERT_REST, "All is said."}},
};

const struct alert_rule *alert_next(enum alert_kind kind,
                                    const struct alert_standing *standing, bool again)
{
    size_t at = 0;
    while (!next_fits(NEXT[at].condition, kind, standing, again))
        at++; /* the last one fits all */
    return &NEXT[at].rule;
}

void alert_said(struct alert_standing *standing, enum alert_action action)
{
    switch (action) {
    case ALERT_TRIGGER:
        standing->told = ALERT_TRIGGERED;
        standing->told_crossing = standing->crossing;
        return;
    case ALERT_PASS:
        standing->told = standing->wanted;
        standing->told_crossing = standing->crossing;
        return;
    case ALERT_ACK:
        standing->told = ALERT_ACKNOWLEDGED;
        return;
    case ALERT_END: /* also of a crossing that came while it was on its way */
        standing->told = ALERT_OVER;
        standing->told_crossing = standing->crossing;
        return;
    case ALERT_AGAIN:
    case ALERT_REST:
        return;
    }
    UNREACHABLE("every action leaves something");
}

int64_t alert_again_seconds(const struct alert_route *route,
                            const struct alert_standing *standing)
{
    bool is_resent = alert_trait(route->kind)->is_resent;
    if (standing->told == ALERT_SILENT || standing->told == ALERT_OVER ||
        (standing->in_summary && !is_resent))
        return 0;
    if (is_resent)
        return route->resend_seconds;
    return standing->told == ALERT_TRIGGERED ? route->repeat_seconds : 0;
}

/* ---- how fast ------------------------------------------------------------------------- */

static bool is_limited(const struct alert_route *route)
{
    return alert_trait(route->kind)->is_throttled && route->max_messages > 0;
}

static bool is_over(const struct alert_route *route, const struct alert_window *window,
                    int64_t now_us)
{
    return window->began_us == 0 ||
           now_us - window->began_us >= route->window_seconds * SECOND_US;
}

const struct alert_tempo *alert_tempo(const struct alert_route *route,
                                      const struct alert_window *window,
                                      enum alert_action action, int64_t now_us)
{
    static const struct alert_tempo SUM_UP = {
        "window_over", ALERT_SUMS_UP, "What was held back is told as one, first of all."};
    static const struct alert_tempo FREE = {"no_limit", ALERT_SENDS,
                                            "The route has none, or groups by itself."};
    static const struct alert_tempo FIRST = {"new_window", ALERT_SENDS,
                                             "Nothing was sent in this window yet."};
    static const struct alert_tempo ROOM = {"room", ALERT_SENDS, "The window has room."};
    static const struct alert_tempo LATER = {
        "paced", ALERT_WAITS, "The receiver must hear each end; it can wait."};
    static const struct alert_tempo STORM = {
        "storm", ALERT_HOLDS, "More than a person reads: held for the summary."};
    bool ended = is_over(route, window, now_us);
    if (window->holds && ended)
        return &SUM_UP;
    if (!is_limited(route))
        return &FREE;
    if (ended)
        return &FIRST;
    if (window->sent < route->max_messages)
        return &ROOM;
    return action != ALERT_TRIGGER && alert_trait(route->kind)->ends_each ? &LATER
                                                                          : &STORM;
}

void alert_window_count(const struct alert_route *route, struct alert_window *window,
                        int64_t now_us)
{
    if (is_over(route, window, now_us)) {
        window->began_us = now_us;
        window->sent = 0;
    }
    window->sent++;
}

/* ---- what an answer means ---------------------------------------------------------------- */

/* Codes from..to, the first that fits. */
static const struct {
    int from;
    int to;
    struct alert_verdict verdict;
} VERDICTS[] = {
    {200, 299, {"taken", ALERT_DELIVERED, "The receiver has it."}},
    {408, 408, {"slow", ALERT_AWAY, "It gave up waiting for us."}},
    {425, 425, {"early", ALERT_AWAY, "It asks to come again."}},
    {429, 429, {"too_many", ALERT_AWAY, "It asks for patience, often says how much."}},
    {401,
     404,
     {"no_entry", ALERT_AWAY,
      "Address or secret are wrong: the same holds for every alert, so the route rests "
      "until a person mends it or the time is up."}},
    {407, 407, {"no_entry", ALERT_AWAY, "A proxy wants more than it was given."}},
    {410, 410, {"gone", ALERT_AWAY, "The address was taken back: as no_entry."}},
    {400, 499, {"refused", ALERT_REFUSED, "It does not take this message."}},
    {500, 599, {"broken", ALERT_AWAY, "It is in trouble itself."}},
    {300,
     399,
     {"moved", ALERT_AWAY, "Redirects are not followed: the address is wrong."}},
};

const struct alert_verdict *alert_verdict(const struct alert_answer *answer)
{
    static const struct alert_verdict NONE = {"no_answer", ALERT_AWAY,
                                              "Nobody can say whether it arrived."};
    static const struct alert_verdict ODD = {"odd", ALERT_AWAY, "No answer of HTTP."};
    if (!answer->answered)
        return &NONE;
    for (size_t at = 0; at < COUNT_OF(VERDICTS); at++)
        if (answer->code >= VERDICTS[at].from && answer->code <= VERDICTS[at].to)
            return &VERDICTS[at].verdict;
    return &ODD;
}

#define WAIT_FIRST_MS INT64_C(500)
#define WAIT_MAX_MS INT64_C(10000) /* what is back is to be found soon */
#define DOUBLINGS_MAX 5
#define RETRY_AFTER_MAX_MS INT64_C(3600000)

int64_t alert_wait_ms(int64_t tries, int64_t retry_after_ms, uint32_t dice)
{
    ASSERT(tries > 0);
    int64_t doublings = tries - 1 < DOUBLINGS_MAX ? tries - 1 : DOUBLINGS_MAX;
    int64_t wait_ms = WAIT_FIRST_MS << doublings;
    if (wait_ms > WAIT_MAX_MS)
        wait_ms = WAIT_MAX_MS;
    wait_ms -= (int64_t)(dice % 1024) * wait_ms / 4096; /* up to a quarter less */
    if (retry_after_ms > RETRY_AFTER_MAX_MS)
        retry_after_ms = RETRY_AFTER_MAX_MS;
    return wait_ms > retry_after_ms ? wait_ms : retry_after_ms;
}
