/*
 * The week so far, or one before: the KPIs of the views beside the baseline, the verdict that
 * they come to, the rule that decides, and who takes it from here; what `parstock week show`
 * prints.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/runtime/kpi_table.h"
#include "common/runtime/week_view.h"
#include "workers/console/console.h"

#define SENTENCE_MAX ((size_t)16 * 1024)

/* ---- what it comes to ---------------------------------------------------------------------- */

static void show_sentence(struct console_call *call, const char *name, struct buf *words)
{
    field_text(call, name, buf_view(words));
    buf_clear(words);
}

static void show_verdict(struct console_call *call, const struct week_view *view)
{
    SCOPED(buf_free) struct buf words = {0};
    buf_init(&words, SENTENCE_MAX);
    html_open(&call->html, HTML_TAG_DL);
    week_view_head(&view->inputs, &words);
    show_sentence(call, "Judged", &words);
    week_view_verdict(&view->verdict, &words);
    show_sentence(call, "Verdict so far", &words);
    week_view_look(&view->verdict.look, &words);
    show_sentence(call, "The rule saw", &words);
    week_view_handoff(&view->verdict.handoff, &words);
    show_sentence(call, "Hand-off", &words);
    week_view_decision(&view->decision, &words);
    show_sentence(call, "Decision", &words);
    html_close(&call->html, HTML_TAG_DL);
}

/* ---- numbers ------------------------------------------------------------------------------- */

static void show_row(void *self, const struct kpi_row *row)
{
    struct console_call *call = self;
    bool is_whole = row->place == NULL;
    html_open(&call->html, HTML_TAG_TR);
    cell_text(call, is_whole ? SPAN_OF("all") : row->place->shop);
    cell_text(call, is_whole ? SPAN_OF("") : row->place->location);
    cell_number(call, !is_whole, row->days);
    cell_number(call, true, row->compared);
    cell_figure(call, row->mismatch);
    cell_figure(call, row->before);
    cell_text(call, span_from(row->trend));
    cell_number(call, true, row->oversold);
    cell_figure(call, row->resynced);
    cell_number(call, true, row->by_hand);
    html_close(&call->html, HTML_TAG_TR);
}

static const struct kpi_period *baseline_of(const struct week_inputs *inputs)
{
    return inputs->baseline.id != 0 ? &inputs->baseline.period : NULL;
}

static void show_places(struct console_call *call, const struct week_inputs *inputs)
{
    static const char *const COLUMNS[] = {
        "Shop",  "Location", "Days covered", "Compared", "Mismatch", "In the baseline",
        "Trend", "Oversold", "Resynced",     "By hand"};
    const struct kpi_row_visitor visitor = {.each = show_row, .self = call};
    table_begin(call, "By location", COLUMNS, COUNT_OF(COLUMNS));
    kpi_table_rows(&inputs->period, baseline_of(inputs), inputs->limits.coverage_share,
                   &visitor);
    table_end(call);
}

static void show_causes(struct console_call *call, const struct kpi_period *period)
{
    static const char *const COLUMNS[] = {"Shop", "Location", "Cause", "Pairs found"};
    table_begin(call, "What was found, by cause", COLUMNS, COUNT_OF(COLUMNS));
    for (size_t at = 0; at < period->place_count; at++) {
        const struct kpi_place *place = &period->places[at];
        for (size_t cause = 0; cause < CAUSE_COUNT; cause++) {
            if (place->causes[cause] == 0)
                continue;
            html_open(&call->html, HTML_TAG_TR);
            cell_text(call, place->shop);
            cell_text(call, place->location);
            cell_text(call, span_from(cause_kind((enum finding_cause)cause)->name));
            cell_number(call, true, place->causes[cause]);
            html_close(&call->html, HTML_TAG_TR);
        }
    }
    table_end(call);
}

static void show_counters(struct console_call *call, const struct week_inputs *inputs)
{
    static const char *const COLUMNS[] = {"Number", "What it counts", "This week",
                                          "In the baseline"};
    const struct kpi_period *before = baseline_of(inputs);
    table_begin(call, "All that was counted", COLUMNS, COUNT_OF(COLUMNS));
    for (size_t at = 0; at < KPI_COUNTER_COUNT; at++) {
        enum kpi_counter counter = (enum kpi_counter)at;
        html_open(&call->html, HTML_TAG_TR);
        cell_text(call, span_from(kpi_name(counter)));
        cell_text(call, span_from(kpi_what(counter)));
        cell_number(call, true, kpi_period_sum(&inputs->period, counter));
        cell_number(call, before != NULL,
                    before != NULL ? kpi_period_sum(before, counter) : 0);
        html_close(&call->html, HTML_TAG_TR);
    }
    table_end(call);
}

/* ---- rules --------------------------------------------------------------------------------- */

static void show_rule(struct console_call *call, const struct verdict_look *look,
                      bool decides)
{
    char value[KPI_TEXT_MAX];
    char limit[KPI_TEXT_MAX];
    const char *holds = look->holds ? "holds" : "";
    kpi_value_text(look->rule->unit, look->value, value);
    kpi_value_text(look->rule->unit, look->limit, limit);
    html_open(&call->html, HTML_TAG_TR);
    cell_text(call, span_from(decides ? "decides" : holds));
    cell_text(call, span_from(look->rule->id));
    cell_figure(call, value);
    cell_figure(call, limit);
    cell_text(call, span_from(week_verdict_name(look->rule->verdict)));
    cell_text(call, span_from(look->rule->why));
    html_close(&call->html, HTML_TAG_TR);
}

static void show_rules(struct console_call *call, const struct week_view *view)
{
    static const char *const COLUMNS[] = {"State",   "Rule",  "Number",
                                          "Against", "Means", "Why"};
    table_begin(call, "Rules, of which the first that holds decides", COLUMNS,
                COUNT_OF(COLUMNS));
    for (size_t at = 0; at < verdict_rule_count(); at++) {
        const struct verdict_look look = verdict_look(&view->inputs, at);
        show_rule(call, &look, look.rule == view->verdict.look.rule);
    }
    table_end(call);
}

/* ---- the page ------------------------------------------------------------------------------ */

/* A ruling that was changed is told, and the rest is shown all the same. */
static enum status show_view(struct console_call *call, struct postgres *postgres,
                             const struct week_question *question, struct error *error)
{
    struct week_view view;
    struct pool *pool = &call->room->pool;
    enum status status = week_view_read(postgres, question, pool, &view, error);
    if (status != STATUS_OK)
        return status;
    status = week_view_check(postgres, &view.decision, pool, error);
    if (status != STATUS_OK && status != STATUS_REJECT)
        return status;
    if (status == STATUS_REJECT)
        html_element(&call->html, HTML_TAG_P, error->text);
    show_verdict(call, &view);
    show_places(call, &view.inputs);
    show_causes(call, &view.inputs.period);
    show_rules(call, &view);
    show_counters(call, &view.inputs);
    return STATUS_OK;
}

void console_week(struct console_call *call)
{
    struct postgres *postgres = NULL;
    struct error error = {0};
    char room[CONSOLE_FIELD_MAX];
    struct week_question question = {.contract = call->console->contract};
    struct span name = {0};
    if (!console_field(call, "week", room, &name)) {
        page_trouble(call, 400, "The week can't be read.");
        return;
    }
    page_begin(call, "The week");
    if (name.length == 0)
        name = (struct span){0};
    enum status status = console_postgres(call, &postgres, &error);
    if (status == STATUS_OK)
        status = week_view_find(postgres, name, &question.monday, &error);
    if (status == STATUS_REJECT) {
        page_trouble(call, 400, error.text);
        return;
    }
    if (status == STATUS_OK)
        status = show_view(call, postgres, &question, &error);
    if (status == STATUS_REJECT) {
        page_trouble(call, 500, error.text);
    } else if (status != STATUS_OK) {
        console_away(call, &error);
    } else {
        form_ask(call, "/week", "week", "Another week, such as 2026-W48, or a day of it");
        page_send(call, 200);
    }
}
