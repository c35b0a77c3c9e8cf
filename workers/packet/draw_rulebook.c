/*
 * The escalation rulebook: what is done about a difference, what stops the automation, and
 * who is told of what. Who is paged is asked of the code that decides it.
 */
#include "workers/packet/draw.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/policy_words.h"
#include "common/domain/alert.h"

#include <stdio.h>

#define WORDS_MAX ((size_t)16 * 1024 * 1024)

/* ---- rules -------------------------------------------------------------------------------- */

static void draw_rule(struct draw *draw, const struct policy_rule *rule, int64_t number,
                      bool is_builtin)
{
    SCOPED(buf_free) struct buf when;
    buf_init(&when, WORDS_MAX);
    policy_when_say(&rule->when, &when);
    draw_row(draw,
             (const struct report_cell[]){
                 cell_number(number), cell_text(rule->id), cell_text(buf_view(&when)),
                 cell_words(policy_action_name(rule->action)), cell_text(rule->why),
                 cell_text(rule->runbook),
                 cell_words(is_builtin ? "built in" : "contract file")});
}

static void draw_rules(struct draw *draw)
{
    static const struct report_column COLUMNS[] = {
        {"order", "Order", REPORT_NUMBER},   {"id", "Rule", REPORT_CODE},
        {"when", "When", REPORT_TEXT},       {"do", "Do", REPORT_WORD},
        {"why", "Why", REPORT_TEXT},         {"runbook", "Runbook", REPORT_TEXT},
        {"from", "Comes from", REPORT_WORD},
    };
    static const struct report_table TABLE =
        DRAW_TABLE("rules",
                   "Rules: the first that fits decides; where it names no runbook, "
                   "that of the cause holds",
                   DRAW_EVERYWHERE, COLUMNS);
    const struct policy *policy = &draw->data->contract->policy;
    int64_t number = 0;
    draw_table(draw, &TABLE);
    for (size_t at = 0; at < policy->count; at++)
        draw_rule(draw, &policy->rules[at], ++number, false);
    for (size_t at = 0; policy_builtin(at) != NULL; at++)
        draw_rule(draw, policy_builtin(at), ++number, true);
    draw_table_end(draw);
}

static void draw_bars(struct draw *draw)
{
    static const struct report_column COLUMNS[] = {{"id", "Bar", REPORT_CODE},
                                                   {"why", "Why", REPORT_WORD}};
    static const struct report_table TABLE =
        DRAW_TABLE("bars", "Bars: what no rule may write; a resync becomes an escalation",
                   DRAW_EVERYWHERE, COLUMNS);
    draw_table(draw, &TABLE);
    for (size_t at = 0; policy_bar(at) != NULL; at++)
        draw_row(draw, (const struct report_cell[]){cell_words(policy_bar(at)->id),
                                                    cell_words(policy_bar(at)->why)});
    draw_table_end(draw);
}

static void draw_causes(struct draw *draw)
{
    static const struct report_column COLUMNS[] = {
        {"cause", "Cause", REPORT_CODE},
        {"why", "A write of the level", REPORT_WORD},
        {"handoff", "Goes to", REPORT_WORD},
        {"runbook", "Runbook", REPORT_TEXT}};
    static const struct report_table TABLE =
        DRAW_TABLE("cause-runbooks", "Causes of a difference, and who takes them over",
                   DRAW_EVERYWHERE, COLUMNS);
    draw_table(draw, &TABLE);
    for (unsigned cause = 0; cause < CAUSE_COUNT; cause++) {
        const struct cause_kind *kind = cause_kind((enum finding_cause)cause);
        draw_row(draw, (const struct report_cell[]){
                           cell_words(kind->name), cell_words(kind->why),
                           cell_words(kind->handoff), cell_words(kind->runbook)});
    }
    draw_table_end(draw);
}

/* ---- guards --------------------------------------------------------------------------------- */

static void draw_guards(struct draw *draw)
{
    static const struct report_column COLUMNS[] = {
        {"key", "Guard", REPORT_CODE},
        {"levels", "At most", REPORT_NUMBER},
        {"share", "At most, of the levels compared", REPORT_SHARE},
        {"why", "Stops because", REPORT_WORD}};
    static const struct report_table TABLE = DRAW_TABLE(
        "guards", "Guards: each stops what it guards, and a person lets it go on",
        DRAW_EVERYWHERE, COLUMNS);
    const struct guard_limits *limits = &draw->data->contract->guards;
    const struct {
        const char *key;
        enum guard guard;
        int64_t levels; /* -1 = it is a share */
        int64_t share;
    } ROWS[] = {
        {"max_changed_levels", GUARD_CHANGED_LEVELS, limits->changed_levels, -1},
        {"max_changed_percent", GUARD_CHANGED_SHARE, -1, limits->changed_share},
        {"max_zeroed_levels", GUARD_ZEROED_LEVELS, limits->zeroed_levels, -1},
        {"max_zeroed_percent", GUARD_ZEROED_SHARE, -1, limits->zeroed_share},
        {"max_drifting_percent", GUARD_DRIFTING, -1, limits->drifting_share},
        {"max_rewrites_per_day", GUARD_SECOND_WRITER, limits->rewrites_per_day, -1},
    };
    draw_table(draw, &TABLE);
    for (size_t at = 0; at < COUNT_OF(ROWS); at++)
        draw_row(draw, (const struct report_cell[]){
                           cell_words(ROWS[at].key),
                           cell_number_if(ROWS[at].levels >= 0, ROWS[at].levels),
                           cell_share(ROWS[at].share),
                           cell_words(guard_kind(ROWS[at].guard)->why)});
    draw_table_end(draw);
}

/* ---- routes --------------------------------------------------------------------------------- */

static void say_severities(unsigned severities, struct buf *out)
{
    for (unsigned severity = ALERT_INFO; severity <= ALERT_CRITICAL; severity++) {
        if (severities != 0 && (severities & (1u << severity)) == 0)
            continue;
        buf_text(out, out->length > 0 ? ", " : "");
        buf_text(out, alert_severity_name((enum alert_severity)severity));
    }
}

static void say_texts(const struct text_list *list, struct buf *out)
{
    if (list->count == 0)
        buf_text(out, "all");
    for (size_t at = 0; at < list->count; at++) {
        buf_text(out, at > 0 ? ", " : "");
        buf_span(out, list->texts[at]);
    }
}

/* The address stays in the contract file: that of some receivers is a secret. */
static void draw_route(struct draw *draw, const struct alert_route *route)
{
    SCOPED(buf_free) struct buf severities;
    SCOPED(buf_free) struct buf causes;
    SCOPED(buf_free) struct buf classes;
    SCOPED(buf_free) struct buf shops;
    buf_init(&severities, WORDS_MAX);
    buf_init(&causes, WORDS_MAX);
    buf_init(&classes, WORDS_MAX);
    buf_init(&shops, WORDS_MAX);
    say_severities(route->severities, &severities);
    say_texts(&route->causes, &causes);
    say_texts(&route->classes, &classes);
    say_texts(&route->shops, &shops);
    draw_row(draw,
             (const struct report_cell[]){
                 cell_text(route->name), cell_words(alert_trait(route->kind)->name),
                 cell_text(buf_view(&severities)), cell_text(buf_view(&classes)),
                 cell_text(buf_view(&causes)), cell_text(buf_view(&shops)),
                 cell_number(route->late_seconds), cell_number(route->give_up_seconds),
                 cell_number_if(route->repeat_seconds > 0, route->repeat_seconds)});
}

static void draw_routes(struct draw *draw)
{
    static const struct report_column COLUMNS[] = {
        {"route", "Route", REPORT_TEXT},
        {"kind", "Kind", REPORT_WORD},
        {"severities", "Severities", REPORT_WORD},
        {"classes", "Classes", REPORT_TEXT},
        {"causes", "Causes", REPORT_TEXT},
        {"shops", "Shops", REPORT_TEXT},
        {"late_seconds", "Late after, s", REPORT_NUMBER},
        {"give_up_seconds", "Given up after, s", REPORT_NUMBER},
        {"repeat_seconds", "Repeated after, s", REPORT_NUMBER}};
    static const struct report_table TABLE =
        DRAW_TABLE("routes", "Alert routes", DRAW_EVERYWHERE, COLUMNS);
    const struct contract *contract = draw->data->contract;
    draw_table(draw, &TABLE);
    for (size_t at = 0; at < contract->alert_count; at++)
        draw_route(draw, &contract->alerts[at]);
    draw_table_end(draw);
}

static void say_carriers(const struct contract *contract,
                         const struct incident_kind *kind, struct buf *out)
{
    struct alert_facts facts = {.class = span_from(kind->id),
                                .cause = span_from(kind->cause)};
    bool known = alert_severity_parse(span_from(kind->severity), &facts.severity);
    ASSERT(known);
    for (size_t at = 0; at < contract->alert_count; at++) {
        const struct alert_route *route = &contract->alerts[at];
        if (!alert_carry(route, &facts)->carries)
            continue;
        buf_text(out, out->length > 0 ? ", " : "");
        buf_span(out, route->name);
        buf_format(out, " (%s)", alert_trait(route->kind)->name);
    }
    if (out->length == 0)
        buf_text(out, "nobody: the incident log alone has it");
}

static void draw_paging(struct draw *draw)
{
    static const struct report_column COLUMNS[] = {
        {"class", "Incident", REPORT_CODE},    {"severity", "Severity", REPORT_WORD},
        {"told", "Who is told", REPORT_TEXT},  {"handoff", "Goes to", REPORT_WORD},
        {"remediation", "First", REPORT_WORD}, {"runbook", "Runbook", REPORT_WORD}};
    static const struct report_table TABLE = DRAW_TABLE(
        "paging",
        "Who is told of which incident, at the severity and cause that its class "
        "has",
        DRAW_EVERYWHERE, COLUMNS);
    draw_table(draw, &TABLE);
    for (unsigned at = 0; at < INCIDENT_CLASS_COUNT; at++) {
        const struct incident_kind *kind = incident_kind((enum incident_class)at);
        SCOPED(buf_free) struct buf told;
        buf_init(&told, WORDS_MAX);
        say_carriers(draw->data->contract, kind, &told);
        draw_row(draw, (const struct report_cell[]){
                           cell_words(kind->id), cell_words(kind->severity),
                           cell_text(buf_view(&told)), cell_words(kind->handoff),
                           cell_words(kind->remediation), cell_words(kind->runbook)});
    }
    draw_table_end(draw);
}

void draw_rulebook(struct draw *draw)
{
    draw_paragraph(draw,
                   "What is done about a difference between a shop and what it should "
                   "show. Bars stand above all rules, guards over what is left.");
    draw_bars(draw);
    draw_rules(draw);
    draw_causes(draw);
    draw_guards(draw);
    draw_routes(draw);
    draw_paging(draw);
}
