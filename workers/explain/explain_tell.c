/*
 * The walk over the locations: rows of the ledger come in order of location and are merged
 * with those locations of which only other tables know. And the check that the lines sum.
 */
#include "common/base/check.h"
#include "workers/explain/explain.h"

#include <inttypes.h>
#include <stdio.h>

#define DAY_US (86400 * 1000000LL)

static const struct explain_writer *writer_of(const struct explain *explain)
{
    return explain->output == OUTPUT_TABLE ? &EXPLAIN_TABLE : &EXPLAIN_JSON;
}

struct explain_level explain_level(const struct explain *explain)
{
    const struct explain_told *told = &explain->told;
    if (explain->question.has_at) {
        struct span source = buf_view(&told->last_source);
        return (struct explain_level){.exists = told->has_last && told->last_has_after,
                                      .quantity = told->last_after,
                                      .source =
                                          source.length > 0 ? source : (struct span){0}};
    }
    if (told->place < 0)
        return (struct explain_level){0};
    const struct explain_place place = store_explain_place(&explain->found, told->place);
    return (struct explain_level){
        .exists = place.has_level, .quantity = place.quantity, .source = place.source};
}

const struct pair_decision *explain_decision(const struct explain *explain,
                                             struct span shop)
{
    if (explain->contract == NULL || explain->told.place < 0)
        return NULL;
    int at = contract_shop(explain->contract, shop);
    if (at < 0 || explain->decisions[at] == NULL)
        return NULL;
    return &explain->decisions[at][explain->told.place];
}

/* ---- readings ----------------------------------------------------------------------------------- */

size_t explain_reading_count(const struct explain *explain)
{
    const struct explain_told *told = &explain->told;
    if (!explain->question.has_at)
        return (size_t)(told->readings.end - told->readings.first);
    return explain->fold != NULL
               ? explain->contract->source_count + explain->contract->shop_count
               : 0;
}

bool explain_reading_at(const struct explain *explain, size_t at,
                        struct explain_reading *reading_out)
{
    const struct contract *contract = explain->contract;
    if (!explain->question.has_at) {
        *reading_out = store_explain_reading(&explain->found,
                                             explain->told.readings.first + (int)at);
        return true;
    }
    *reading_out = (struct explain_reading){
        .location = explain->told.location,
        .source = at < contract->source_count
                      ? contract->sources[at].name
                      : contract->shops[at - contract->source_count].name,
        .reading = explain->fold->readings[at]};
    return reading_out->reading.exists;
}

/* ---- the check ---------------------------------------------------------------------------------- */

struct number {
    char text[24];
};

static struct number number_of(bool exists, int64_t value)
{
    struct number number = {"none"};
    if (exists)
        (void)snprintf(number.text, sizeof(number.text), "%" PRId64, value);
    return number;
}

/* Takes the problem that stands in the line buffer. */
static void add_problem(struct explain *explain)
{
    struct explain_told *told = &explain->told;
    if (told->problem_count < EXPLAIN_PROBLEMS_MAX)
        told->problems[told->problem_count] = pool_buf(&explain->pool, &explain->line);
    told->problem_count++;
    explain->problems++;
    buf_clear(&explain->line);
}

static void check_start(struct explain *explain, const struct explain_event *event)
{
    const struct explain_told *told = &explain->told;
    bool had = told->has_last && told->last_has_after;
    if (!told->has_last && explain->found.has_dropped)
        return; /* what left the level there is gone */
    if (event->has_before == had && (!had || event->before == told->last_after))
        return;
    buf_format(&explain->line,
               "record %.*s/%" PRId64 "/%" PRId64
               " starts from %s, the lines before it end at %s",
               SPAN_ARGS(event->topic), event->partition, event->offset,
               number_of(event->has_before, event->before).text,
               number_of(had, told->last_after).text);
    add_problem(explain);
}

/* A shop's event never moves the level. */
static void follow(struct explain *explain, const struct explain_event *event)
{
    struct explain_told *told = &explain->told;
    if (event->type != EVENT_COUNTED && event->type != EVENT_ADJUSTED)
        return;
    check_start(explain, event);
    told->has_last = true;
    told->last_has_after = event->has_after;
    told->last_after = event->after;
    if (event->outcome != OUTCOME_APPLIED && event->outcome != OUTCOME_UNCHANGED)
        return;
    if (event->type == EVENT_ADJUSTED && event->quantity == 0 &&
        event->outcome == OUTCOME_UNCHANGED)
        return; /* it may come from a source that says nothing else here */
    buf_clear(&told->last_source);
    buf_span(&told->last_source, event->source);
}

/* May retention have dropped all rows of a level of this age? As audit has it. */
static bool may_be_gone(const struct explain *explain)
{
    const struct explain_place place =
        store_explain_place(&explain->found, explain->told.place);
    return explain->found.has_dropped &&
           place.occurred_at_us < explain->found.whole_since_us + DAY_US;
}

static void check_end(struct explain *explain)
{
    const struct explain_told *told = &explain->told;
    const struct explain_level level = explain_level(explain);
    bool ends = told->has_last && told->last_has_after;
    if (ends == level.exists && (!ends || told->last_after == level.quantity))
        return;
    if (!told->has_last && level.exists && may_be_gone(explain))
        return;
    buf_format(&explain->line, "the ledger ends at %s, the level is %s",
               number_of(ends, told->last_after).text,
               number_of(level.exists, level.quantity).text);
    add_problem(explain);
}

static void check_reading(struct explain *explain)
{
    const struct explain_level level = explain_level(explain);
    struct number said = number_of(false, 0);
    if (!level.exists)
        return;
    for (int row = explain->told.readings.first; row < explain->told.readings.end;
         row++) {
        const struct explain_reading reading =
            store_explain_reading(&explain->found, row);
        if (!span_equal(reading.source, level.source))
            continue;
        if (reading_quantity(&reading.reading) == level.quantity)
            return;
        said = number_of(true, reading_quantity(&reading.reading));
    }
    buf_format(&explain->line, "the reading of %.*s is %s, the level is %" PRId64,
               SPAN_ARGS(level.source), said.text, level.quantity);
    add_problem(explain);
}

/* ---- locations ---------------------------------------------------------------------------------- */

static enum status flush(struct explain *explain, struct error *error)
{
    const struct explain_told *told = &explain->told;
    if (explain->line.failed || told->location_text.failed || told->last_source.failed)
        return error_set(error, STATUS_FATAL, "explain: out of memory");
    if (explain->line.length > 0)
        (void)fwrite(explain->line.bytes, 1, explain->line.length, stdout);
    buf_clear(&explain->line);
    return STATUS_OK;
}

static void open_location(struct explain *explain, struct span location)
{
    struct explain_told *told = &explain->told;
    const struct explain_found *found = &explain->found;
    struct explain_stretch here =
        store_explain_stretch(&found->places, explain->next_place, location);
    buf_clear(&told->location_text);
    buf_span(&told->location_text, location);
    buf_clear(&told->last_source);
    told->location = buf_view(&told->location_text);
    told->open = true;
    told->place = here.first < here.end ? here.first : -1;
    told->events = 0;
    told->has_last = false;
    told->last_has_after = false;
    told->last_after = 0;
    told->problem_count = 0;
    told->readings =
        store_explain_stretch(&found->readings, told->readings.end, told->location);
    told->shops = store_explain_stretch(&found->shops, told->shops.end, told->location);
    told->writes =
        store_explain_stretch(&found->writes, told->writes.end, told->location);
    told->others =
        store_explain_stretch(&found->others, told->others.end, told->location);
    told->past = store_explain_stretch(&found->past, told->past.end, told->location);
    told->next_note = 0;
    if (explain->fold != NULL)
        fold_next_place(explain->fold);
    explain->next_place = here.end;
    writer_of(explain)->open(explain);
}

/* What the timeline has of the location up to a moment. */
static void tell_notes_until(struct explain *explain, int64_t at_us)
{
    struct explain_told *told = &explain->told;
    for (; told->next_note < explain->timeline_count; told->next_note++) {
        const struct explain_note *noted = explain->timeline[told->next_note];
        if (noted->at_us > at_us)
            return;
        if (span_equal(noted->location, told->location))
            buf_span(&explain->line, noted->text);
    }
}

static enum status close_location(struct explain *explain, struct error *error)
{
    if (!explain->told.open)
        return STATUS_OK;
    tell_notes_until(explain, INT64_MAX);
    enum status status = flush(explain, error);
    if (status != STATUS_OK)
        return status;
    if (!explain->question.has_at) {
        check_end(explain);
        check_reading(explain);
    }
    writer_of(explain)->close(explain);
    explain->told.open = false;
    explain->places_told++;
    return flush(explain, error);
}

/* A location without a row of the ledger; with --at nothing was known of it then. */
static enum status tell_bare(struct explain *explain, struct span location,
                             struct error *error)
{
    if (explain->question.has_at) {
        explain->next_place++;
        return STATUS_OK;
    }
    open_location(explain, location);
    enum status status = flush(explain, error);
    return status == STATUS_OK ? close_location(explain, error) : status;
}

/* Those that come before `location`; bytes NULL: all that are left. */
static enum status tell_places_before(struct explain *explain, struct span location,
                                      struct error *error)
{
    enum status status = STATUS_OK;
    while (status == STATUS_OK && explain->next_place < explain->found.places.count) {
        const struct explain_place place =
            store_explain_place(&explain->found, explain->next_place);
        if (location.bytes != NULL && span_compare(place.location, location) >= 0)
            break;
        status = tell_bare(explain, place.location, error);
    }
    return status;
}

static enum status move_to(struct explain *explain, struct span location,
                           struct error *error)
{
    if (explain->told.open && span_equal(explain->told.location, location))
        return STATUS_OK;
    enum status status = close_location(explain, error);
    if (status == STATUS_OK)
        status = tell_places_before(explain, location, error);
    if (status != STATUS_OK)
        return status;
    open_location(explain, location);
    return flush(explain, error);
}

static enum status fold_event(struct explain *explain, const struct explain_event *event,
                              struct error *error)
{
    struct verdict verdict;
    const struct fold_row row = {
        .event = {.type = (enum event_type)event->type,
                  .source_name = event->source,
                  .location_code = event->location,
                  .sku = explain->question.sku,
                  .quantity = event->quantity,
                  .occurred_at_us = event->occurred_at_us,
                  .has_version = event->has_version,
                  .version = event->version,
                  .has_sees_orders_until = event->has_sees_orders_until,
                  .sees_orders_until_us = event->sees_orders_until_us},
        .recorded_at_ms = event->recorded_at_us / 1000};
    if (explain->fold == NULL)
        return STATUS_OK;
    return fold_judge(explain->fold, &row, &verdict, error);
}

static enum status tell_event(void *self, const struct explain_event *event,
                              struct error *error)
{
    struct explain *explain = self;
    enum status status = move_to(explain, event->location, error);
    if (status != STATUS_OK)
        return status;
    status = fold_event(explain, event, error);
    if (status != STATUS_OK)
        return status;
    tell_notes_until(explain, event->judged_at_us);
    status = flush(explain, error);
    if (status != STATUS_OK)
        return status;
    follow(explain, event);
    writer_of(explain)->event(explain, event);
    explain->told.events++;
    return flush(explain, error);
}

static enum status tell_all(struct explain *explain, struct postgres *postgres,
                            struct error *error)
{
    const struct explain_visitor visitor = {.each = tell_event, .self = explain};
    enum status status =
        store_explain_events(postgres, &explain->question, &visitor, error);
    if (status == STATUS_OK)
        status = close_location(explain, error);
    if (status == STATUS_OK)
        status = tell_places_before(explain, (struct span){0}, error);
    return status;
}

enum status explain_tell(struct explain *explain, struct postgres *postgres,
                         struct error *error)
{
    if (explain->output == OUTPUT_JSON)
        puts("[");
    enum status status = tell_all(explain, postgres, error);
    if (explain->output == OUTPUT_JSON && status == STATUS_OK)
        puts("]");
    return status;
}
