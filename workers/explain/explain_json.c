/*
 * A location as a JSON object. The rows of the ledger pass by, so that `events` comes before
 * the numbers that they lead to.
 */
#include "common/base/scope.h"
#include "common/codec/drift_json.h"
#include "common/codec/incident_json.h"
#include "common/codec/traceparent.h"
#include "common/domain/judge.h"
#include "workers/explain/explain.h"

static void member_bool(struct buf *line, const char *name, bool value)
{
    json_name(line, name);
    buf_text(line, value ? "true" : "false");
}

static void member_time(struct buf *line, const char *name, bool present, int64_t us)
{
    json_name(line, name);
    if (present)
        json_time(line, us);
    else
        buf_text(line, "null");
}

/* Text that may be empty, where that means none. */
static void member_words(struct buf *line, const char *name, const char *text)
{
    json_member_text(line, name, text[0] != '\0' ? span_from(text) : (struct span){0});
}

static void open_list(struct buf *line, const char *name)
{
    json_name(line, name);
    buf_byte(line, '[');
}

static void open_item(struct buf *line)
{
    if (line->length > 0 && line->bytes[line->length - 1] == '}')
        buf_byte(line, ',');
    buf_byte(line, '{');
}

/* ---- the ledger ---------------------------------------------------------------------------- */

static void open_json(struct explain *explain)
{
    struct buf *line = &explain->line;
    if (explain->output == OUTPUT_JSON && explain->places_told > 0)
        buf_byte(line, ',');
    buf_byte(line, '{');
    json_member_text(line, "sku", explain->question.sku);
    json_member_text(line, "location",
                     explain->told.location.length > 0 ? explain->told.location
                                                       : (struct span){0});
    member_time(line, "at", explain->question.has_at, explain->question.at_us);
    member_time(line, "ledger_whole_since", explain->found.has_dropped,
                explain->found.whole_since_us);
    open_list(line, "events");
}

static void add_verdict(struct buf *line, const struct explain_event *event)
{
    const struct rule *rule = judge_rule_by_number(event->rule);
    json_member_text(line, "type",
                     span_from(event_type_name((enum event_type)event->type)));
    json_member_text(line, "outcome",
                     span_from(outcome_name((enum outcome)event->outcome)));
    json_member_text(line, "rule", span_from(rule != NULL ? rule->id : NULL));
    json_member_number(line, "rule_number", event->rule);
    json_member_text(line, "why", span_from(rule != NULL ? rule->why : NULL));
}

static void event_json(struct explain *explain, const struct explain_event *event)
{
    struct buf *line = &explain->line;
    int64_t change = event->after - (event->has_before ? event->before : 0);
    buf_text(line, explain->told.events > 0 ? ",{" : "{");
    json_member_time(line, "judged_at", event->judged_at_us);
    json_member_time(line, "occurred_at", event->occurred_at_us);
    json_member_text(line, "source", event->source);
    add_verdict(line, event);
    json_member_number(line, "quantity", event->quantity);
    json_member_number_or_null(line, "version", event->has_version, event->version);
    json_member_number_or_null(line, "before", event->has_before, event->before);
    json_member_number_or_null(line, "after", event->has_after, event->after);
    json_member_number_or_null(line, "change", event->has_after, change);
    json_member_text(line, "event_id", event->event_id);
    json_member_text(line, "reference", event->reference);
    json_member_text(line, "topic", event->topic);
    json_member_number(line, "partition", event->partition);
    json_member_number(line, "offset", event->offset);
    json_member_text(line, "trace_id", traceparent_trace_id(event->traceparent));
    buf_byte(line, '}');
}

/* ---- the level and its readings ------------------------------------------------------------ */

static void add_level(struct explain *explain)
{
    struct buf *line = &explain->line;
    const struct explain_told *told = &explain->told;
    const struct explain_level level = explain_level(explain);
    struct explain_place place = {0};
    if (!explain->question.has_at && told->place >= 0)
        place = store_explain_place(&explain->found, told->place);
    json_member_number_or_null(line, "quantity", level.exists, level.quantity);
    json_member_text(line, "source", level.source);
    member_time(line, "occurred_at", place.has_level, place.occurred_at_us);
    json_member_number_or_null(line, "version", place.has_version, place.version);
    member_bool(line, "sums", told->problem_count == 0);
    json_member_number(line, "problem_count", (int64_t)told->problem_count);
    open_list(line, "problems");
    for (size_t at = 0; at < told->problem_count && at < EXPLAIN_PROBLEMS_MAX; at++) {
        if (at > 0)
            buf_byte(line, ',');
        json_text(line, told->problems[at]);
    }
    buf_byte(line, ']');
}

static void add_reading(struct explain *explain, const struct explain_reading *item)
{
    struct buf *line = &explain->line;
    const struct reading *reading = &item->reading;
    const struct explain_level level = explain_level(explain);
    bool of_shop = explain_is_shop(explain, item->source);
    int64_t rank = 0;
    SCOPED(buf_free) struct buf why = {0};
    buf_init(&why, 4096);
    explain_reading_why(explain, item, &why);
    open_item(line);
    json_member_text(line, "source", item->source);
    member_words(line, "kind", of_shop ? "shop" : "source");
    bool ranked = explain_rank(explain, item->source, &rank);
    json_member_number_or_null(line, "rank", ranked, rank);
    member_bool(line, "rules", level.exists && span_equal(level.source, item->source));
    json_member_text(line, "why", buf_view(&why));
    json_member_number_or_null(line, "quantity", !of_shop, reading_quantity(reading));
    json_member_number_or_null(line, "count", reading->has_count, reading->count);
    member_time(line, "counted_at", reading->has_count, reading->counted_at_us);
    json_member_number_or_null(line, "version", reading->has_version, reading->version);
    json_member_number(line, "adjusted", reading->adjusted);
    member_time(line, "adjusted_at", reading->has_adjusted, reading->adjusted_at_us);
    member_time(line, "sees_orders_until", reading->has_sees_orders_until,
                reading->sees_orders_until_us);
    buf_byte(line, '}');
}

static void add_readings(struct explain *explain)
{
    struct explain_reading reading;
    open_list(&explain->line, "readings");
    for (size_t at = 0; at < explain_reading_count(explain); at++)
        if (explain_reading_at(explain, at, &reading))
            add_reading(explain, &reading);
    buf_byte(&explain->line, ']');
}

/* ---- shops ------------------------------------------------------------------------------------ */

static void add_shop(struct explain *explain, const struct explain_shop *shop)
{
    struct buf *line = &explain->line;
    const struct pair_decision *decision = explain_decision(explain, shop->view.shop);
    bool known = decision != NULL && decision->is_decided && decision->desired.known;
    open_item(line);
    json_member_text(line, "shop", shop->view.shop);
    json_member_number_or_null(line, "desired", shop->view.has_desired,
                               shop->view.desired);
    json_member_number_or_null(line, "shown", shop->view.has_shown, shop->view.shown);
    json_member_text(line, "state", shop->view.state);
    member_words(line, "why", explain_state_why(shop->view.state));
    member_time(line, "desired_at", shop->has_desired_at, shop->desired_at_us);
    member_time(line, "shown_at", shop->has_shown_at, shop->shown_at_us);
    member_time(line, "held_until", shop->has_held_until, shop->held_until_us);
    member_bool(line, "undecided", shop->undecided);
    json_member_number(line, "short", shop->short_units);
    json_member_number_or_null(line, "computed", known,
                               known ? decision->desired.quantity : 0);
    member_words(line, "note", explain_shop_note(explain, shop));
    buf_byte(line, '}');
}

static void add_claim(struct explain *explain, size_t shop,
                      const struct pair_claim *claim)
{
    struct buf *line = &explain->line;
    for (size_t at = 0; at < explain->contract->shop_count; at++) {
        const struct shop_units *units = &claim->units[at];
        if (units->ordered == 0 && units->cancelled == 0 && units->gone == 0)
            continue;
        open_item(line);
        json_member_text(line, "shop", explain->contract->shops[at].name);
        json_member_text(line, "sku", claim->sku);
        json_member_number(line, "per_unit", claim->per_unit);
        json_member_number(line, "ordered", units->ordered);
        json_member_number(line, "cancelled", units->cancelled);
        json_member_number(line, "missing", units->gone);
        json_member_number(line, "recent", units->recent);
        json_member_number(line, "taken",
                           pair_claim_share(explain->contract, shop, claim, at));
        buf_byte(line, '}');
    }
}

static void add_stocks(struct explain *explain, size_t shop,
                       const struct pair_decision *decision)
{
    struct buf *line = &explain->line;
    open_list(line, "stocks");
    for (size_t at = 0; at < decision->stock_count; at++) {
        const struct pair_stock *stock = &decision->stocks[at];
        bool exists = stock->level.source >= 0;
        open_item(line);
        json_member_text(line, "sku", stock->sku);
        json_member_number(line, "per_unit", stock->per_unit);
        json_member_number_or_null(line, "level", exists, stock->level.quantity);
        member_time(line, "unseen_after", exists, stock->unseen_after_us);
        json_member_number(line, "unseen", pair_unseen(explain->contract, shop, stock));
        open_list(line, "units");
        for (size_t claim = 0; claim < stock->claim_count; claim++)
            add_claim(explain, shop, &stock->claims[claim]);
        buf_text(line, "]}");
    }
    buf_byte(line, ']');
}

static void open_step(struct explain *explain, struct span shop, enum desired_rule rule)
{
    struct buf *line = &explain->line;
    open_item(line);
    json_member_text(line, "shop", shop);
    member_words(line, "rule", desired_rule_id(rule));
    member_words(line, "why", explain_step_why(explain, rule));
}

static void add_steps_of(struct explain *explain, struct span shop)
{
    struct buf *line = &explain->line;
    struct desired_step steps[DESIRED_STEPS_MAX];
    const struct pair_decision *decision = explain_decision(explain, shop);
    if (decision == NULL || !decision->is_decided)
        return;
    size_t count = desired_steps(&decision->input, steps);
    for (size_t at = 0; at < count; at++) {
        open_step(explain, shop, steps[at].rule);
        json_member_number(line, "change", steps[at].change);
        json_member_number(line, "result", steps[at].result);
        if (steps[at].rule == explain_stock_rule(explain, steps))
            add_stocks(explain, (size_t)contract_shop(explain->contract, shop), decision);
        buf_byte(line, '}');
    }
    if (count > 0)
        return;
    open_step(explain, shop, decision->desired.rule);
    buf_text(line, ",\"change\":null,\"result\":null}");
}

/* "desired", "desired_at", "desired_by" and the like. */
static void add_said(struct buf *line, const char *const names[3],
                     const struct explain_said *said)
{
    json_member_number_or_null(line, names[0], said->exists, said->quantity);
    member_time(line, names[1], said->exists, said->at_us);
    json_member_text(line, names[2], said->by);
}

/* Of a past moment: what was written down last. */
static void add_past(struct explain *explain)
{
    static const char *const DESIRED[] = {"desired", "desired_at", "desired_by"};
    static const char *const SHOWN[] = {"shown", "shown_at", "shown_by"};
    struct buf *line = &explain->line;
    for (int row = explain->told.past.first; row < explain->told.past.end; row++) {
        const struct explain_past past = store_explain_past(&explain->found, row);
        open_item(line);
        json_member_text(line, "shop", past.shop);
        add_said(line, DESIRED, &past.desired);
        add_said(line, SHOWN, &past.shown);
        buf_byte(line, '}');
    }
}

static void add_shops(struct explain *explain)
{
    const struct explain_told *told = &explain->told;
    int end = explain->question.has_at ? told->shops.first : told->shops.end;
    open_list(&explain->line, "shops");
    for (int row = told->shops.first; row < end; row++) {
        const struct explain_shop shop = store_explain_shop(&explain->found, row);
        add_shop(explain, &shop);
    }
    if (explain->question.has_at)
        add_past(explain);
    buf_byte(&explain->line, ']');
    open_list(&explain->line, "steps");
    for (int row = told->shops.first; row < end; row++)
        add_steps_of(explain, store_explain_shop(&explain->found, row).view.shop);
    buf_byte(&explain->line, ']');
}

/* ---- writes and incidents ---------------------------------------------------------------------- */

static void add_write(struct buf *line, const struct explain_write *write)
{
    open_item(line);
    json_member_text(line, "shop", write->shop);
    json_member_number(line, "write", write->id);
    json_member_number_or_null(line, "from", write->has_from, write->from);
    json_member_number(line, "to", write->to);
    json_member_text(line, "state", write->state);
    json_member_text(line, "detail", write->detail);
    json_member_number(line, "attempts", write->attempts);
    json_member_time(line, "created_at", write->created_at_us);
    member_time(line, "settled_at", write->has_settled_at, write->settled_at_us);
    json_member_text(line, "key", write->key);
    json_member_text(line, "trace_id", traceparent_trace_id(write->traceparent));
    buf_byte(line, '}');
}

static void add_writes(struct explain *explain)
{
    open_list(&explain->line, "writes");
    for (int row = explain->told.writes.first; row < explain->told.writes.end; row++) {
        const struct explain_write write = store_explain_write(&explain->found, row);
        add_write(&explain->line, &write);
    }
    buf_byte(&explain->line, ']');
}

/* Members of each kind by name; those with NULL the kind does not have. */
static const struct {
    const char *list;
    const char *time;
    const char *id;
    const char *word;
    const char *detail;
    const char *actor;
    const char *first;
    const char *second;
} OTHERS[EXPLAIN_KIND_COUNT] = {
    [EXPLAIN_MOVEMENT] = {"movements", "at", NULL, "kind", NULL, NULL, "units", NULL},
    [EXPLAIN_ACTION] = {"actions", "acted_at", "finding_id", "action", "rule", "actor",
                        "desired", "shown"},
    [EXPLAIN_CHECK] = {"spot_checks", "counted_at", "event_id", "verdict", "note",
                       "actor", "counted", "books"},
};

static void member_if(struct buf *line, const char *name, struct span text)
{
    if (name != NULL)
        json_member_text(line, name, text.length > 0 ? text : (struct span){0});
}

static void add_other(struct buf *line, const struct explain_other *other)
{
    open_item(line);
    json_member_time(line, OTHERS[other->kind].time, other->at_us);
    json_member_text(line, "shop", other->shop);
    member_if(line, OTHERS[other->kind].id, other->id);
    member_if(line, OTHERS[other->kind].word, other->word);
    member_if(line, OTHERS[other->kind].detail, other->detail);
    member_if(line, OTHERS[other->kind].actor, other->actor);
    json_member_number_or_null(line, OTHERS[other->kind].first, other->has_first,
                               other->first);
    if (OTHERS[other->kind].second != NULL)
        json_member_number_or_null(line, OTHERS[other->kind].second, other->has_second,
                                   other->second);
    buf_byte(line, '}');
}

static void add_others(struct explain *explain, enum explain_kind kind)
{
    open_list(&explain->line, OTHERS[kind].list);
    for (int row = explain->told.others.first; row < explain->told.others.end; row++) {
        const struct explain_other other = store_explain_other(&explain->found, row);
        if (other.kind == kind)
            add_other(&explain->line, &other);
    }
    buf_byte(&explain->line, ']');
}

static void incident_json(struct explain *explain, const struct incident_view *view)
{
    struct buf *out = &explain->line;
    buf_byte(out, '{');
    incident_json_members(&view->incident, out);
    json_member_number(out, "occurrences", view->incident.occurrences);
    json_member_number(out, "revision", view->incident.revision);
    json_member_time(out, "last_seen_at", view->last_seen_at_us);
    buf_byte(out, '}');
}

static void finding_json(struct explain *explain, const struct drift_finding *finding)
{
    struct buf *out = &explain->line;
    buf_byte(out, '{');
    drift_json_members(finding, out);
    buf_byte(out, '}');
}

static void add_notes(struct explain *explain, const char *name,
                      const struct explain_note *notes)
{
    struct buf *line = &explain->line;
    open_list(line, name);
    for (const struct explain_note *at = notes; at != NULL; at = at->next) {
        if (at->location.bytes != NULL &&
            !span_equal(at->location, explain->told.location))
            continue;
        if (line->bytes[line->length - 1] == '}')
            buf_byte(line, ',');
        buf_span(line, at->text);
    }
    buf_byte(line, ']');
}

static void close_json(struct explain *explain)
{
    buf_byte(&explain->line, ']');
    add_level(explain);
    add_readings(explain);
    add_shops(explain);
    add_writes(explain);
    for (int kind = 0; kind < EXPLAIN_KIND_COUNT; kind++)
        add_others(explain, (enum explain_kind)kind);
    add_notes(explain, "findings", explain->findings);
    add_notes(explain, "incidents", explain->incidents);
    buf_text(&explain->line, "}\n");
}

const struct explain_writer EXPLAIN_JSON = {.open = open_json,
                                            .event = event_json,
                                            .close = close_json,
                                            .incident = incident_json,
                                            .finding = finding_json};
