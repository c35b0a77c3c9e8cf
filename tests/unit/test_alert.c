/* common/domain/alert: who carries it, what is said, how fast, what an answer means. */
#include "common/domain/alert.h"

#include "common/base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND_US INT64_C(1000000)

static const struct alert_route SLACK = {.name = {"team", 4},
                                         .kind = ALERT_SLACK,
                                         .max_messages = 3,
                                         .window_seconds = 60,
                                         .repeat_seconds = 600};

static void test_names(void **state)
{
    (void)state;
    enum alert_kind kind;
    enum alert_severity severity;
    for (int at = 0; at < ALERT_KIND_COUNT; at++) {
        assert_true(
            alert_kind_parse(span_from(alert_trait((enum alert_kind)at)->name), &kind));
        assert_int_equal(kind, at);
        assert_true(alert_trait(kind)->batch > 0);
    }
    assert_false(alert_kind_parse(SPAN_OF("email"), &kind));
    assert_true(alert_severity_parse(SPAN_OF("error"), &severity));
    assert_true(severity > ALERT_WARNING && severity < ALERT_CRITICAL);
    assert_false(alert_severity_parse(SPAN_OF("bad"), &severity));
}

/* ---- who carries it ---------------------------------------------------------------------- */

static void test_what_a_route_carries(void **state)
{
    (void)state;
    static const struct span CLASSES[] = {{"drift", 5}};
    static const struct span SHOPS[] = {{"demo", 4}};
    static const struct span CAUSES[] = {{"oversold", 8}};
    const struct alert_facts drift = {.class = SPAN_OF("drift"),
                                      .cause = SPAN_OF("oversold"),
                                      .shop = SPAN_OF("demo"),
                                      .severity = ALERT_ERROR};
    struct alert_facts other = drift;
    struct alert_route route = {.name = SPAN_OF("r")};
    assert_true(alert_carry(&route, &drift)->carries);
    route = (struct alert_route){.name = SPAN_OF("r"),
                                 .severities = 1u << ALERT_ERROR,
                                 .causes = {CAUSES, 1},
                                 .classes = {CLASSES, 1},
                                 .shops = {SHOPS, 1}};
    assert_true(alert_carry(&route, &drift)->carries);
    other.severity = ALERT_CRITICAL;
    assert_string_equal(alert_carry(&route, &other)->id, "severity");
    other = drift;
    other.cause = SPAN_OF("unknown");
    assert_string_equal(alert_carry(&route, &other)->id, "cause");
    other = drift;
    other.class = SPAN_OF("push_refused");
    assert_string_equal(alert_carry(&route, &other)->id, "class");
    other = drift;
    other.shop = SPAN_OF("outlet");
    assert_string_equal(alert_carry(&route, &other)->id, "shop");
    other.shop = (struct span){0};
    assert_true(alert_carry(&route, &other)->carries);
}

static void test_a_route_is_not_told_of_its_own_silence(void **state)
{
    (void)state;
    const struct alert_route route = {.name = SPAN_OF("team")};
    struct alert_facts facts = {.class = SPAN_OF("alert_undelivered"),
                                .route = SPAN_OF("team")};
    assert_true(alert_is_own(facts.class));
    assert_string_equal(alert_carry(&route, &facts)->id, "own_failure");
    facts.route = SPAN_OF("other");
    assert_true(alert_carry(&route, &facts)->carries);
    facts.class = SPAN_OF("drift"); /* whatever its evidence calls a route */
    facts.route = SPAN_OF("team");
    assert_true(alert_carry(&route, &facts)->carries);
}

/* ---- what comes in, and what is said ------------------------------------------------------- */

struct change {
    enum incident_state state;
    enum alert_severity severity;
    const char *rule;
};

static void test_the_intake_step_by_step(void **state)
{
    (void)state;
    static const struct change CHANGES[] = {
        {INCIDENT_OPENED, ALERT_WARNING, "opens"},
        {INCIDENT_UPDATED, ALERT_WARNING, "goes_on"},
        {INCIDENT_UPDATED, ALERT_INFO, "goes_on"},
        {INCIDENT_UPDATED, ALERT_CRITICAL, "grows_worse"},
        {INCIDENT_ACKNOWLEDGED, ALERT_CRITICAL, "acknowledged"},
        {INCIDENT_UPDATED, ALERT_CRITICAL, "goes_on"},
        {INCIDENT_RESOLVED, ALERT_CRITICAL, "ends"},
        {INCIDENT_UPDATED, ALERT_CRITICAL, "comes_back"},
        {INCIDENT_RESOLVED, ALERT_CRITICAL, "ends"},
        {INCIDENT_RESOLVED, ALERT_CRITICAL, "stays_over"},
        {INCIDENT_REOPENED, ALERT_WARNING, "comes_back"},
    };
    struct alert_standing standing = {0};
    for (size_t at = 0; at < COUNT_OF(CHANGES); at++) {
        const struct alert_news news = {.revision = (int64_t)at + 1,
                                        .state = CHANGES[at].state,
                                        .severity = CHANGES[at].severity,
                                        .carried = true};
        assert_string_equal(alert_take(&standing, &news)->id, CHANGES[at].rule);
        const struct alert_standing before = standing;
        assert_string_equal(alert_take(&standing, &news)->id, "repeat");
        assert_memory_equal(&before, &standing, sizeof(before));
    }
    assert_int_equal(standing.wanted, ALERT_TRIGGERED);
    assert_int_equal(standing.crossing, 11);
}

static void test_what_never_concerned_a_route_leaves_nothing(void **state)
{
    (void)state;
    struct alert_standing standing = {0};
    struct alert_news news = {.revision = 1, .state = INCIDENT_OPENED};
    assert_string_equal(alert_take(&standing, &news)->id, "not_carried");
    news.carried = true;
    news.is_past = true;
    assert_string_equal(alert_take(&standing, &news)->id, "over_unheard");
    assert_false(standing.exists);
    news.is_past = false;
    assert_string_equal(alert_take(&standing, &news)->id, "opens");
    news = (struct alert_news){.revision = 2, .state = INCIDENT_RESOLVED};
    assert_string_equal(alert_take(&standing, &news)->id, "ends"); /* carried or not */
}

/* What a receiver has been told, as it sees it. */
struct ear {
    bool open;
    int triggers;
};

static void hear(struct ear *ear, enum alert_kind kind, enum alert_action action)
{
    switch (action) {
    case ALERT_TRIGGER:
        ear->open = true;
        ear->triggers++;
        return;
    case ALERT_ACK:
        assert_true(ear->open && alert_trait(kind)->says_acknowledged);
        return;
    case ALERT_AGAIN:
        assert_true(ear->open);
        return;
    case ALERT_END:
        assert_true(ear->open); /* nobody hears of the end of what he never heard of */
        ear->open = false;
        return;
    case ALERT_REST:
    case ALERT_PASS:
        return;
    }
}

/*
 * Random stories of an incident and a route that is slow: whenever the route has caught up,
 * the receiver believes what is so; a crossing is said at most once, and each that lasts
 * until the route speaks is said.
 */
static void test_the_receiver_ends_up_with_the_truth(void **state)
{
    (void)state;
    static const enum incident_state STATES[] = {INCIDENT_UPDATED, INCIDENT_ACKNOWLEDGED,
                                                 INCIDENT_RESOLVED, INCIDENT_REOPENED};
    unsigned dice = 3;
    for (int story = 0; story < 5000; story++) {
        enum alert_kind kind = (enum alert_kind)(story % ALERT_KIND_COUNT);
        struct alert_standing standing = {0};
        struct ear ear = {0};
        int crossings = 0;
        for (int64_t revision = 1; revision <= 12; revision++) {
            dice = dice * 1103515245u + 12345u;
            const struct alert_news news = {
                .revision = revision,
                .state = revision == 1 ? INCIDENT_OPENED : STATES[(dice >> 16) % 4],
                .severity = (enum alert_severity)((dice >> 20) % 4),
                .carried = true};
            int64_t crossing = standing.crossing;
            (void)alert_take(&standing, &news);
            crossings += standing.crossing != crossing ? 1 : 0;
            if ((dice >> 24) % 3 == 0) /* the route is away meanwhile */
                continue;
            for (int steps = 0; steps < 4; steps++) {
                enum alert_action action = alert_next(kind, &standing, false)->action;
                hear(&ear, kind, action);
                alert_said(&standing, action);
            }
            assert_int_equal(alert_next(kind, &standing, false)->action, ALERT_REST);
            assert_int_equal(ear.open, standing.wanted != ALERT_OVER);
            assert_true(ear.triggers <= crossings);
        }
    }
}

static void test_said_again(void **state)
{
    (void)state;
    struct alert_standing standing = {.exists = true,
                                      .wanted = ALERT_TRIGGERED,
                                      .told = ALERT_TRIGGERED,
                                      .crossing = 1,
                                      .told_crossing = 1};
    const struct alert_route manager = {.kind = ALERT_ALERTMANAGER, .resend_seconds = 60};
    assert_int_equal(alert_again_seconds(&SLACK, &standing), 600);
    assert_int_equal(alert_again_seconds(&manager, &standing), 60);
    assert_int_equal(alert_next(ALERT_SLACK, &standing, true)->action, ALERT_AGAIN);
    assert_int_equal(alert_next(ALERT_SLACK, &standing, false)->action, ALERT_REST);
    standing.wanted = standing.told = ALERT_ACKNOWLEDGED; /* somebody has it */
    assert_int_equal(alert_again_seconds(&SLACK, &standing), 0);
    assert_int_equal(alert_next(ALERT_SLACK, &standing, true)->action, ALERT_REST);
    assert_int_equal(alert_next(ALERT_ALERTMANAGER, &standing, true)->action,
                     ALERT_AGAIN);
    standing.wanted = standing.told = ALERT_OVER;
    assert_int_equal(alert_again_seconds(&manager, &standing), 0);
}

static void test_one_of_many_ends_with_its_summary(void **state)
{
    (void)state;
    struct alert_standing standing = {.exists = true,
                                      .revision = 1,
                                      .wanted = ALERT_OVER,
                                      .told = ALERT_TRIGGERED,
                                      .crossing = 1,
                                      .told_crossing = 1,
                                      .in_summary = true};
    assert_string_equal(alert_next(ALERT_PAGERDUTY, &standing, false)->id, "one_of_many");
    const struct alert_news back = {
        .revision = 2, .state = INCIDENT_REOPENED, .carried = true};
    (void)alert_take(&standing, &back);
    assert_int_equal(alert_next(ALERT_PAGERDUTY, &standing, false)->action,
                     ALERT_TRIGGER);
}

/* ---- how fast ----------------------------------------------------------------------------- */

static void test_a_window(void **state)
{
    (void)state;
    struct alert_window window = {0};
    int64_t now_us = 1000 * SECOND_US;
    for (int sent = 0; sent < 3; sent++) {
        assert_int_equal(alert_tempo(&SLACK, &window, ALERT_TRIGGER, now_us)->pace,
                         ALERT_SENDS);
        alert_window_count(&SLACK, &window, now_us);
    }
    assert_string_equal(alert_tempo(&SLACK, &window, ALERT_TRIGGER, now_us)->id, "storm");
    assert_int_equal(alert_tempo(&SLACK, &window, ALERT_END, now_us)->pace, ALERT_HOLDS);
    struct alert_route pagerduty = SLACK;
    pagerduty.kind = ALERT_PAGERDUTY;
    assert_int_equal(alert_tempo(&pagerduty, &window, ALERT_TRIGGER, now_us)->pace,
                     ALERT_HOLDS);
    assert_int_equal(alert_tempo(&pagerduty, &window, ALERT_END, now_us)->pace,
                     ALERT_WAITS);
    window.holds = true;
    assert_int_equal(alert_tempo(&SLACK, &window, ALERT_TRIGGER, now_us)->pace,
                     ALERT_HOLDS);
    now_us += 60 * SECOND_US;
    assert_int_equal(alert_tempo(&SLACK, &window, ALERT_REST, now_us)->pace,
                     ALERT_SUMS_UP);
    window.holds = false;
    assert_string_equal(alert_tempo(&SLACK, &window, ALERT_TRIGGER, now_us)->id,
                        "new_window");
    alert_window_count(&SLACK, &window, now_us);
    assert_int_equal(window.sent, 1);
    struct alert_route manager = SLACK;
    manager.kind = ALERT_ALERTMANAGER;
    window.sent = 1000;
    assert_int_equal(alert_tempo(&manager, &window, ALERT_TRIGGER, now_us)->pace,
                     ALERT_SENDS);
}

/* ---- answers -------------------------------------------------------------------------------- */

static void test_answers(void **state)
{
    (void)state;
    static const struct {
        int code;
        enum alert_fate fate;
    } CASES[] = {{200, ALERT_DELIVERED}, {202, ALERT_DELIVERED}, {299, ALERT_DELIVERED},
                 {301, ALERT_AWAY},      {400, ALERT_REFUSED},   {401, ALERT_AWAY},
                 {403, ALERT_AWAY},      {404, ALERT_AWAY},      {405, ALERT_REFUSED},
                 {408, ALERT_AWAY},      {410, ALERT_AWAY},      {413, ALERT_REFUSED},
                 {422, ALERT_REFUSED},   {429, ALERT_AWAY},      {500, ALERT_AWAY},
                 {503, ALERT_AWAY},      {599, ALERT_AWAY},      {100, ALERT_AWAY},
                 {0, ALERT_AWAY},        {999, ALERT_AWAY}};
    for (size_t at = 0; at < COUNT_OF(CASES); at++) {
        const struct alert_answer answer = {.answered = true, .code = CASES[at].code};
        assert_int_equal(alert_verdict(&answer)->fate, CASES[at].fate);
    }
    const struct alert_answer none = {.code = 200};
    assert_string_equal(alert_verdict(&none)->id, "no_answer");
}

static void test_waits_grow_and_have_an_end(void **state)
{
    (void)state;
    int64_t before = 0;
    for (int64_t tries = 1; tries <= 100; tries++) {
        int64_t least = alert_wait_ms(tries, -1, 1023);
        int64_t most = alert_wait_ms(tries, -1, 0);
        assert_true(least > 0 && least < most && least >= most * 3 / 4);
        assert_true(most >= before && most <= 10000);
        before = most;
    }
    assert_int_equal(before, 10000);
    assert_int_equal(alert_wait_ms(1, 120000, 0),
                     120000); /* patience that is asked for */
    assert_int_equal(alert_wait_ms(100, 100, 0), 10000);
    assert_int_equal(alert_wait_ms(1, INT64_MAX, 0), 3600000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_what_a_route_carries),
        cmocka_unit_test(test_a_route_is_not_told_of_its_own_silence),
        cmocka_unit_test(test_the_intake_step_by_step),
        cmocka_unit_test(test_what_never_concerned_a_route_leaves_nothing),
        cmocka_unit_test(test_the_receiver_ends_up_with_the_truth),
        cmocka_unit_test(test_said_again),
        cmocka_unit_test(test_one_of_many_ends_with_its_summary),
        cmocka_unit_test(test_a_window),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_waits_grow_and_have_an_end),
    };
    return cmocka_run_group_tests_name("alert", tests, NULL, NULL);
}
