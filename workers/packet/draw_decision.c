/*
 * The decision, or plainly that there is none yet; and the digests by which all of it can be
 * told from something else.
 */
#include "workers/packet/draw.h"

#include "common/base/check.h"
#include "common/domain/incident.h"

#include <stdio.h>

/* ---- the decision ----------------------------------------------------------------------------- */

static void say(struct draw *draw, const char *name, struct span text)
{
    html_element(&draw->html, HTML_TAG_DT, name);
    html_open(&draw->html, HTML_TAG_DD);
    html_outside(&draw->html, text.length > 0 ? text : SPAN_OF("\u2013"));
    html_close(&draw->html, HTML_TAG_DD);
}

static void say_handoff(struct draw *draw, const struct verdict_handoff *handoff)
{
    char part[128];
    (void)snprintf(part, sizeof part, "%s: %lld of %lld", handoff->leads,
                   (long long)handoff->part, (long long)handoff->whole);
    say(draw, "Hand-off", span_from(handoff->to));
    say(draw, "What leads", span_from(part));
    say(draw, "Because", span_from(handoff->why));
}

/* Where it goes, in a sentence: the first thing that a reader must know of it. */
static void draw_way(struct draw *draw, const struct verdict_handoff *handoff)
{
    static const struct {
        const char *to;
        const char *text;
    } WAYS[] = {
        {"workflow-orchestration",
         "Queue delay and throttling lead: go to workflow orchestration (whoever runs the "
         "workers, their replicas and the shop's rate budget), with the evidence below."},
        {"observability",
         "Late or lost alerts lead: go to the observability runbooks below first. As long as "
         "people are told late, nothing else can be judged."},
        {"inventory", "Go to inventory: the shelves of these pairs must be counted."},
    };
    for (size_t at = 0; at < COUNT_OF(WAYS); at++)
        if (strcmp(handoff->to, WAYS[at].to) == 0)
            draw_paragraph(draw, WAYS[at].text);
}

static void say_rule(struct draw *draw, const struct verdict *verdict)
{
    char saw[2 * DRAW_VALUE_MAX + DRAW_PLACE_MAX + 64];
    char value[DRAW_VALUE_MAX];
    char limit[DRAW_VALUE_MAX];
    char place[DRAW_PLACE_MAX];
    struct span where = SPAN_OF("all places");
    draw_value(verdict->look.rule->unit, verdict->look.value, value);
    draw_value(verdict->look.rule->unit, verdict->look.limit, limit);
    if (verdict->look.place != NULL)
        where = draw_place(verdict->look.place, place);
    (void)snprintf(saw, sizeof saw, "%s, against %s, of %.*s", value, limit,
                   SPAN_ARGS(where));
    say(draw, "By rule", span_from(verdict->look.rule->id));
    say(draw, "It says", span_from(verdict->look.rule->why));
    say(draw, "It saw", span_from(saw));
}

static void draw_decided(struct draw *draw, const struct verdict *verdict)
{
    const struct week_decision *decision = &draw->data->decision;
    char at[DRAW_TIME_MAX];
    char number[32];
    draw_time(decision->at_us, at);
    (void)snprintf(number, sizeof number, "%lld", (long long)decision->number);
    html_open(&draw->html, HTML_TAG_DL);
    say(draw, "Verdict", span_from(week_verdict_name(decision->verdict)));
    say_rule(draw, verdict);
    say(draw, "Decided by", decision->by);
    say(draw, "At", span_from(at));
    say(draw, "Why", decision->why);
    say(draw, "Ruling of the week", span_from(number));
    say_handoff(draw, &verdict->handoff);
    html_close(&draw->html, HTML_TAG_DL);
}

static void draw_undecided(struct draw *draw, const struct verdict *verdict)
{
    html_open(&draw->html, HTML_TAG_P);
    html_element(&draw->html, HTML_TAG_STRONG, "Not decided yet.");
    html_text(&draw->html, SPAN_OF(" What the numbers so far would give, if somebody "
                                   "decided now with \u201cparstock week decide\u201d:"));
    html_close(&draw->html, HTML_TAG_P);
    html_open(&draw->html, HTML_TAG_DL);
    say(draw, "Would be", span_from(week_verdict_name(verdict->verdict)));
    say_rule(draw, verdict);
    say_handoff(draw, &verdict->handoff);
    html_close(&draw->html, HTML_TAG_DL);
}

/* Delays go to those who run the workers, alerts to those who watch: with the numbers. */
static void draw_handoff(struct draw *draw)
{
    static const struct report_column COLUMNS[] = {{"evidence", "Evidence", REPORT_WORD},
                                                   {"count", "Count", REPORT_NUMBER},
                                                   {"handoff", "Goes to", REPORT_WORD},
                                                   {"runbook", "Runbook", REPORT_WORD}};
    static const struct report_table TABLE =
        DRAW_TABLE("handoff", "Evidence for the hand-off", DRAW_EVERYWHERE, COLUMNS);
    const struct kpi_period *week = &draw->data->inputs.period;
    const struct incident_kind *late = incident_kind(INCIDENT_ALERT_LATE);
    const struct incident_kind *lost = incident_kind(INCIDENT_ALERT_UNDELIVERED);
    draw_table(draw, &TABLE);
    for (unsigned cause = 0; cause < CAUSE_COUNT; cause++) {
        const struct cause_kind *kind = cause_kind((enum finding_cause)cause);
        int64_t pairs = kpi_cause_sum(week, (enum finding_cause)cause);
        if (pairs > 0)
            draw_row(draw, (const struct report_cell[]){
                               cell_words(kind->name), cell_number(pairs),
                               cell_words(kind->handoff), cell_words(kind->runbook)});
    }
    draw_row(draw, (const struct report_cell[]){
                       cell_words("alerts told too late"),
                       cell_number(kpi_period_sum(week, KPI_ALERTS_LATE)),
                       cell_words("observability"), cell_words(late->runbook)});
    draw_row(draw, (const struct report_cell[]){
                       cell_words("alerts told to nobody"),
                       cell_number(kpi_period_sum(week, KPI_ALERTS_LOST)),
                       cell_words("observability"), cell_words(lost->runbook)});
    draw_table_end(draw);
}

void draw_decision(struct draw *draw)
{
    struct verdict verdict = verdict_judge(&draw->data->inputs);
    if (draw->data->is_decided)
        draw_decided(draw, &verdict);
    else
        draw_undecided(draw, &verdict);
    draw_way(draw, &verdict.handoff);
    draw_handoff(draw);
}

/* ---- digests -------------------------------------------------------------------------------- */

void draw_digests(struct draw *draw)
{
    static const struct report_column COLUMNS[] = {{"file", "File", REPORT_CODE},
                                                   {"bytes", "Bytes", REPORT_NUMBER},
                                                   {"sha256", "SHA-256", REPORT_CODE}};
    static const struct report_table TABLE = DRAW_TABLE(
        "digests-of-data", "Data that this page is drawn from", DRAW_EVERYWHERE, COLUMNS);
    draw_table(draw, &TABLE);
    for (size_t at = 0; at < PACKET_SOURCE_COUNT; at++) {
        const struct dir_entry *entry = &draw->data->sources[at];
        if (entry->name[0] != '\0')
            draw_row(draw, (const struct report_cell[]){cell_words(entry->name),
                                                        cell_number(entry->bytes),
                                                        cell_words(entry->sha256)});
    }
    draw_table_end(draw);
    html_open(&draw->html, HTML_TAG_DL);
    say(draw, "Canonical inputs", span_from(draw->data->inputs_digest));
    say(draw, "Contract file", span_from(draw->data->contract->digest));
    if (draw->data->is_decided) {
        say(draw, "Decided on inputs", draw->data->decision.inputs);
        say(draw, "Decided by contract", draw->data->decision.contract);
    }
    html_close(&draw->html, HTML_TAG_DL);
    draw_paragraph(draw,
                   "manifest.json names every file of the packet with its digest. "
                   "\u201cparstock packet verify\u201d checks them all, draws this page "
                   "and the tables anew from the data, and derives the verdict again.");
}
