/*
 * The plan for counts and adjustments of a batch, be it a feed or records published once
 * more: what the ledger says of each of its pairs, and the events that lead the pair back.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/event_write.h"
#include "common/io/kafka_admin.h"
#include "common/runtime/life.h"
#include "workers/undo/undo.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define DAY_US (86400 * 1000000LL)
#define EVENTS_BYTES_MAX ((size_t)1024 * 1024)
#define ASK_MS 10000
#define JUDGED_WAIT_US (10 * 1000000LL)
#define JUDGED_LOOK_MS 100
#define TOPIC_MAX 256
#define PARTITIONS_MAX 100000
#define KIT_SKUS_MAX 1000

/* The pair whose rows are being read. */
struct planning {
    struct undo *self;
    struct undo_plan *plan;
    struct undo_scope scope;
    struct undo_past past;
    struct undo_now now;
    struct undo_line *line; /* NULL: none yet */
    bool is_kept;           /* it was taken back, or is to be sent once more */
    bool is_open;
    struct buf events;
};

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_FATAL,
                     "undo: the batch is too large for the memory of one plan");
}

struct span undo_prefix(struct undo *self)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "undo/%.16s/", self->id.bytes);
    return pool_span(&self->pool, span_from(text));
}

/* ---- is everything judged? ------------------------------------------------------------------ */

static void ends_free(int64_t **slot)
{
    free(*slot);
}

static enum status ask_ends(struct kafka_admin *admin, const char *topic,
                            int64_t **ends_out, size_t *count_out, struct error *error)
{
    struct kafka_topic found = {.name = topic};
    enum status status = kafka_admin_topics(admin, &found, 1, ASK_MS, error);
    if (status != STATUS_OK)
        return status;
    ASSERT(found.partitions >= 0 && found.partitions <= PARTITIONS_MAX);
    *ends_out = calloc((size_t)found.partitions + 1, sizeof(**ends_out));
    if (*ends_out == NULL)
        return out_of_memory(error);
    *count_out = (size_t)found.partitions;
    return found.partitions > 0
               ? kafka_admin_ends(admin, &found, *ends_out, ASK_MS, error)
               : STATUS_OK;
}

/* Up to where the topic was when it was asked: shops go on selling meanwhile. */
static enum status wait_judged(struct undo *self, const struct undo_ends *asked,
                               int64_t *left_out, struct error *error)
{
    int64_t end_us = clock_monotonic_us() + JUDGED_WAIT_US;
    enum status status = store_undo_unjudged(self->postgres, asked, left_out, error);
    while (status == STATUS_OK && *left_out > 0 && clock_monotonic_us() < end_us) {
        life_wait_ms(JUDGED_LOOK_MS);
        status = store_undo_unjudged(self->postgres, asked, left_out, error);
    }
    return status;
}

/* What is not judged may be of the batch, or move a pair of it. */
static enum status check_judged(struct undo *self, struct error *error)
{
    SCOPED(kafka_admin_close) struct kafka_admin *admin = NULL;
    SCOPED(ends_free) int64_t *ends = NULL;
    char topic[TOPIC_MAX];
    size_t count = 0;
    int64_t left = 0;
    const struct kafka_options options = config_kafka(self->config, "parstock-undo");
    (void)snprintf(topic, sizeof(topic), "%sstock-changes", self->config->topic_prefix);
    enum status status = kafka_admin_open(&options, &admin, error);
    if (status == STATUS_OK)
        status = ask_ends(admin, topic, &ends, &count, error);
    if (status != STATUS_OK)
        return error_exit(error, EXIT_UNAVAILABLE);
    const struct undo_ends asked = {span_from(topic), ends, count};
    status = wait_judged(self, &asked, &left, error);
    if (status != STATUS_OK || left == 0)
        return status;
    (void)error_set(error, STATUS_RETRY,
                    "%" PRId64
                    " records of %s are not judged yet; some may be of the batch: "
                    "is apply running? Try again once it has caught up",
                    left, topic);
    return error_exit(error, EXIT_AGAIN);
}

/* ---- one pair ---------------------------------------------------------------------------------- */

static const struct source *source_of(const struct undo *self,
                                      const struct undo_line *line)
{
    int source = contract_source(self->contract, line->source);
    int location = contract_location(self->contract, line->location);
    if (source < 0 || location < 0 ||
        !source_speaks_for(&self->contract->sources[source], location))
        return NULL;
    return &self->contract->sources[source];
}

/* The SKU, and the kits that are taken from the same stock. */
static size_t selling_skus(const struct undo *self, struct span sku,
                           struct span skus[KIT_SKUS_MAX])
{
    size_t kits = 0;
    size_t count = 0;
    const struct kit_use *uses = contract_kits_of(self->contract, sku, &kits);
    skus[count++] = sku;
    for (size_t at = 0; at < kits && count < KIT_SKUS_MAX; at++)
        skus[count++] = self->contract->kits[uses[at].kit].sku;
    return count;
}

static bool shows_on_hand(const struct contract *contract)
{
    for (size_t at = 0; at < contract->shop_count; at++)
        if (contract->shops[at].mode == LEVEL_ON_HAND)
            return true;
    return false;
}

/* What the rule needs and the rows do not tell. */
static enum status look_beside(struct planning *planning, struct error *error)
{
    const struct undo_line *line = planning->line;
    struct undo_now *now = &planning->now;
    struct span skus[KIT_SKUS_MAX];
    const struct event event = {
        .sku = line->sku, .location_code = line->location, .source_name = line->source};
    struct undo_units units = {.skus = skus,
                               .sku_count = selling_skus(planning->self, line->sku, skus),
                               .location = line->location};
    enum status status = STATUS_OK;
    now->source = source_of(planning->self, line);
    if (!now->is_ledger_whole)
        status = store_undo_adjusted(planning->self->side, &event, now->whole_since_us,
                                     &now->adjusted_since, error);
    if (status == STATUS_OK && undo_span(&planning->past, now, &units.span)) {
        status = store_undo_units(planning->self->side, &units, error);
        now->has_units_between = units.any;
        now->has_gone_between = units.gone && shows_on_hand(planning->self->contract);
    }
    return status;
}

/* 200 code points at most, of text that was let in as a field of an event. */
void undo_reference(const struct undo *self, char room[EVENT_REFERENCE_MAX])
{
    int length = snprintf(room, EVENT_REFERENCE_MAX, "undo of %.*s %.16s",
                          SPAN_ARGS(self->kind), self->id.bytes);
    ASSERT(length > 0 && length < EVENT_REFERENCE_MAX);
}

static enum status write_events(struct planning *planning, struct error *error)
{
    struct undo_line *line = planning->line;
    struct undo_step steps[UNDO_STEPS_MAX];
    char id[EVENT_ID_MAX * 4];
    char reference[EVENT_REFERENCE_MAX];
    size_t count = undo_steps(&planning->past, &planning->now, steps);
    buf_clear(&planning->events);
    undo_reference(planning->self, reference);
    for (size_t at = 0; at < count; at++) {
        (void)snprintf(id, sizeof(id), "%.*s%.*s/%zu", SPAN_ARGS(planning->scope.undo_id),
                       SPAN_ARGS(line->location), at + 1);
        const struct event event = {
            .type = steps[at].type,
            .source_name = line->source,
            .location_code = line->location,
            .sku = line->sku,
            .id = span_from(id),
            .reference = span_from(reference),
            .quantity = steps[at].quantity,
            .occurred_at_us = steps[at].occurred_at_us,
            .has_version = steps[at].has_version,
            .version = steps[at].version,
            .has_sees_orders_until = steps[at].has_sees_orders_until,
            .sees_orders_until_us = steps[at].sees_orders_until_us};
        event_write(&event, &planning->events);
        buf_byte(&planning->events, '\n');
    }
    line->events = pool_buf(&planning->self->pool, &planning->events);
    return line->events.bytes != NULL ? STATUS_OK : out_of_memory(error);
}

static enum status end_pair(struct planning *planning, struct error *error)
{
    struct undo_line *line = planning->line;
    if (line == NULL)
        return STATUS_OK;
    planning->past.is_undone = planning->past.is_undone || planning->is_kept;
    enum status status = look_beside(planning, error);
    if (status != STATUS_OK)
        return status;
    const struct undo_rule *rule = undo_rule(&planning->past, &planning->now);
    line->rule = rule->id;
    line->why = rule->why;
    line->fate = rule->fate;
    line->has_back = planning->past.has_level_before;
    line->back = planning->past.level_before;
    planning->plan->unfinished += planning->is_open ? 1 : 0;
    undo_plan_count(planning->plan, line);
    return rule->fate == UNDO_DO ? write_events(planning, error) : STATUS_OK;
}

static bool is_of(const struct undo_line *line, const struct undo_row_view *view)
{
    return line != NULL && span_equal(line->sku, view->sku) &&
           span_equal(line->location, view->location) &&
           span_equal(line->source, view->source);
}

static enum status begin_pair(struct planning *planning, const struct undo_row_view *view,
                              struct error *error)
{
    struct undo *self = planning->self;
    struct undo_line *line = undo_plan_add(self, planning->plan);
    planning->line = line;
    planning->past = (struct undo_past){0};
    if (line == NULL)
        return out_of_memory(error);
    line->sku = pool_span(&self->pool, view->sku);
    line->location = pool_span(&self->pool, view->location);
    line->source = pool_span(&self->pool, view->source);
    line->has_level = view->has_level;
    line->level = view->level;
    planning->is_kept = view->kept.bytes != NULL;
    planning->is_open = span_is(view->kept, "intended");
    planning->now.reading = view->reading;
    planning->now.has_others = view->has_others;
    planning->now.has_first_adjusted = view->has_first_adjusted;
    planning->now.first_adjusted_us = view->first_adjusted_us;
    planning->now.has_units_between = false;
    planning->now.has_gone_between = false;
    if (line->sku.bytes == NULL || line->location.bytes == NULL ||
        line->source.bytes == NULL)
        return out_of_memory(error);
    return STATUS_OK;
}

static enum status note_move(struct planning *planning, const struct undo_row_view *view,
                             struct error *error)
{
    char text[512];
    (void)snprintf(text, sizeof(text), "%.*s at %" PRId64 "/%" PRId64,
                   SPAN_ARGS(view->row_source), view->partition, view->offset);
    planning->line->moved_by = pool_span(&planning->self->pool, span_from(text));
    return planning->line->moved_by.bytes != NULL ? STATUS_OK : out_of_memory(error);
}

static enum status take_row(void *self, const struct undo_row_view *view,
                            struct error *error)
{
    struct planning *planning = self;
    enum status status = STATUS_OK;
    if (!is_of(planning->line, view)) {
        status = end_pair(planning, error);
        if (status == STATUS_OK)
            status = begin_pair(planning, view, error);
    }
    if (status != STATUS_OK)
        return status;
    return undo_past_add(&planning->past, &view->row) ? note_move(planning, view, error)
                                                      : STATUS_OK;
}

/* ---- all of them --------------------------------------------------------------------------------- */

static enum status read_pairs(struct planning *planning, struct error *error)
{
    struct undo *self = planning->self;
    const struct undo_row_visitor visitor = {.each = take_row, .self = planning};
    bool is_cut = false;
    planning->now.now_us = clock_now_us();
    planning->now.horizon_us = self->contract->idempotency_days * DAY_US;
    enum status status =
        store_undo_whole(self->side, &is_cut, &planning->now.whole_since_us, error);
    planning->now.is_ledger_whole = !is_cut;
    if (status == STATUS_OK)
        status =
            store_undo_rows(self->postgres, &planning->scope, self->id, &visitor, error);
    return status == STATUS_OK ? end_pair(planning, error) : status;
}

static void name_shops(struct undo *self, struct undo_scope *scope)
{
    struct span *names =
        pool_take(&self->pool, (self->contract->shop_count + 1) * sizeof(*names));
    for (size_t at = 0; names != NULL && at < self->contract->shop_count; at++)
        names[at] = self->contract->shops[at].name;
    scope->shops = names;
    scope->shop_count = names != NULL ? self->contract->shop_count : 0;
}

enum status undo_plan_stock(struct undo *self, struct undo_plan *plan,
                            struct error *error)
{
    static struct planning planning; /* too large for a stack */
    int64_t pairs = 0;
    planning = (struct planning){.self = self, .plan = plan};
    planning.scope = (struct undo_scope){.trace = {self->id.bytes, BATCH_TRACE_DIGITS},
                                         .undo_id = undo_prefix(self)};
    name_shops(self, &planning.scope);
    if (planning.scope.undo_id.bytes == NULL)
        return out_of_memory(error);
    buf_init(&planning.events, EVENTS_BYTES_MAX);
    enum status status = check_judged(self, error);
    if (status == STATUS_OK)
        status = store_undo_scope(self->postgres, &planning.scope, &pairs, error);
    if (status == STATUS_OK && pairs > 0)
        status = read_pairs(&planning, error);
    buf_free(&planning.events);
    return status;
}
