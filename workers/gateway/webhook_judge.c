#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/sku_unicode.h"
#include "workers/gateway/webhook.h"

#include <stdio.h>

#define GID_ROOM 96

/* One payload on its way to what follows from it. */
struct judgement {
    struct webhook_room *room;
    const struct webhook_shop *shop;
    const struct webhook_body *body;
    struct pool *pool;
    struct webhook_findings *out;
    struct span reference;
    bool full; /* out of memory */
};

static struct span kept(struct judgement *judgement, const char *text)
{
    struct span copy = pool_span(judgement->pool, span_from(text));
    judgement->full = judgement->full || copy.bytes == NULL;
    return copy;
}

static struct span gid_of(struct judgement *judgement, const char *kind, int64_t number)
{
    char text[GID_ROOM];
    (void)snprintf(text, sizeof text, "gid://shopify/%s/%lld", kind, (long long)number);
    return kept(judgement, text);
}

static void count(const struct judgement *judgement, enum webhook_rule rule)
{
    metric_add(judgement->room->door->rules[rule], 1);
}

static const struct contract *contract_of(const struct judgement *judgement)
{
    return judgement->room->door->contract;
}

/* The location's code; bytes NULL: the contract has none. */
static struct span code_of(const struct judgement *judgement, int64_t number)
{
    const struct contract *contract = contract_of(judgement);
    int at = webhook_location(judgement->shop->shop, contract->location_count, number);
    struct span none = {0};
    return at < 0 ? none : contract->locations[at].code;
}

static void add_event(struct judgement *judgement, const struct webhook_event *event)
{
    struct webhook_event *room = &judgement->out->events[judgement->out->event_count++];
    *room = *event;
    room->source = judgement->shop->shop->name;
}

static void add_look(struct judgement *judgement, const struct webhook_look *look)
{
    judgement->out->looks[judgement->out->look_count++] = *look;
}

static void look_at_item(struct judgement *judgement, int64_t number)
{
    add_look(judgement,
             &(struct webhook_look){.kind = WEBHOOK_LOOK_ITEM,
                                    .subject = gid_of(judgement, "InventoryItem", number),
                                    .event = SPAN_OF(""),
                                    .location = SPAN_OF(""),
                                    .reference = SPAN_OF("")});
}

/* ---- levels --------------------------------------------------------------------------- */

enum webhook_rule webhook_judge_item(const struct webhook_item *item)
{
    if (item->sku.length == 0)
        return WEBHOOK_NO_SKU;
    return item->is_duplicate ? WEBHOOK_DUPLICATE_SKU : WEBHOOK_LEVEL_SEEN;
}

static void take_level(struct judgement *judgement, struct span location,
                       const struct webhook_item *item)
{
    const struct webhook_body *body = judgement->body;
    char id[WEBHOOK_EVENT_ID_MAX];
    webhook_level_event_id(body, id);
    if (!item->is_known) {
        add_look(judgement, &(struct webhook_look){.kind = WEBHOOK_LOOK_LEVEL,
                                                   .subject = item->gid,
                                                   .event = kept(judgement, id),
                                                   .location = location,
                                                   .quantity = body->quantity.value,
                                                   .occurred_at_us = body->at.value,
                                                   .reference = SPAN_OF("")});
        return;
    }
    enum webhook_rule rule = webhook_judge_item(item);
    count(judgement, rule);
    if (rule == WEBHOOK_LEVEL_SEEN)
        add_event(judgement, &(struct webhook_event){.type = EVENT_OBSERVED,
                                                     .id = kept(judgement, id),
                                                     .sku = item->sku,
                                                     .location = location,
                                                     .quantity = body->quantity.value,
                                                     .occurred_at_us = body->at.value});
}

static enum status judge_level(struct judgement *judgement, struct error *error)
{
    const struct webhook_body *body = judgement->body;
    enum webhook_rule rule = webhook_judge_level(body);
    struct span location = {0};
    if (rule == WEBHOOK_LEVEL_SEEN) {
        location = code_of(judgement, body->location.value);
        rule = location.bytes == NULL ? WEBHOOK_ELSEWHERE : rule;
    }
    if (rule != WEBHOOK_LEVEL_SEEN) {
        count(judgement, rule);
        return STATUS_OK;
    }
    struct webhook_item item = {.gid =
                                    gid_of(judgement, "InventoryItem", body->item.value),
                                .pool = judgement->pool};
    enum status status = store_webhook_item(judgement->room->postgres,
                                            judgement->shop->shop->name, &item, error);
    if (status == STATUS_OK)
        take_level(judgement, location, &item);
    return status;
}

/* ---- lines ---------------------------------------------------------------------------- */

/* Where the units of the line are; *none: at no location yet. */
static enum webhook_rule place_of(const struct judgement *judgement,
                                  const struct webhook_line *line, struct span *code)
{
    const struct webhook_number *number =
        line->kind == WEBHOOK_LINE_ORDERED ? &judgement->body->location : &line->location;
    *code = (struct span){0};
    if (!number->there)
        return WEBHOOK_UNITS_ORDERED;
    *code = code_of(judgement, number->value);
    return code->bytes != NULL ? WEBHOOK_UNITS_ORDERED : WEBHOOK_ELSEWHERE;
}

static enum webhook_rule take_units(struct judgement *judgement,
                                    const struct webhook_line *line, int64_t units)
{
    struct webhook_event event = {.type = EVENT_ORDERED,
                                  .quantity = units,
                                  .occurred_at_us = line->at.value,
                                  .reference = judgement->reference};
    if (sku_normalise_kept(line->sku, contract_of(judgement)->sku_steps, judgement->pool,
                           &event.sku) != REASON_NONE)
        return WEBHOOK_NO_SKU;
    enum webhook_rule rule = place_of(judgement, line, &event.location);
    if (rule == WEBHOOK_ELSEWHERE)
        return rule;
    char id[WEBHOOK_EVENT_ID_MAX];
    webhook_line_event_id(judgement->body, line, id);
    event.id = kept(judgement, id);
    add_event(judgement, &event);
    return units < 0 ? WEBHOOK_UNITS_RESTOCKED : WEBHOOK_UNITS_ORDERED;
}

static void look_at_line(struct judgement *judgement, const struct webhook_line *line)
{
    char id[WEBHOOK_EVENT_ID_MAX];
    webhook_line_event_id(judgement->body, line, id);
    add_look(judgement, &(struct webhook_look){
                            .kind = WEBHOOK_LOOK_LINE,
                            .subject = gid_of(judgement, "LineItem", line->id.value),
                            .event = kept(judgement, id),
                            .location = SPAN_OF(""),
                            .quantity = line->units.value,
                            .occurred_at_us = line->at.value,
                            .reference = judgement->reference});
}

static void judge_line(struct judgement *judgement, const struct webhook_line *line)
{
    int64_t units = 0;
    enum webhook_rule rule = webhook_judge_line(line, &units);
    if (rule == WEBHOOK_ITEM_MOVED)
        look_at_item(judgement, line->item.value);
    else if (rule == WEBHOOK_UNITS_ADDED)
        look_at_line(judgement, line);
    else if (rule == WEBHOOK_UNITS_ORDERED || rule == WEBHOOK_UNITS_RESTOCKED)
        rule = take_units(judgement, line, units);
    count(judgement, rule);
}

/* "order 450789469": for people who follow a number back. */
static struct span reference_of(struct judgement *judgement, enum webhook_topic topic)
{
    static const char *const WORDS[WEBHOOK_TOPIC_COUNT] = {
        [WEBHOOK_ORDER_CREATED] = "order",
        [WEBHOOK_ORDER_CANCELLED] = "cancelled order",
        [WEBHOOK_ORDER_EDITED] = "order edit",
        [WEBHOOK_REFUNDED] = "refund",
    };
    char text[GID_ROOM];
    if (WORDS[topic] == NULL || !judgement->body->id.there)
        return SPAN_OF("");
    (void)snprintf(text, sizeof text, "%s %lld", WORDS[topic],
                   (long long)judgement->body->id.value);
    return kept(judgement, text);
}

/* ---- a payload ------------------------------------------------------------------------ */

static void judge_rest(struct judgement *judgement, enum webhook_topic topic)
{
    const struct webhook_body *body = judgement->body;
    judgement->reference = reference_of(judgement, topic);
    for (const struct webhook_line *line = body->lines; line != NULL; line = line->next)
        judge_line(judgement, line);
    if (topic != WEBHOOK_ITEM)
        return;
    count(judgement, body->item.there ? WEBHOOK_ITEM_MOVED : WEBHOOK_INCOMPLETE);
    if (body->item.there)
        look_at_item(judgement, body->item.value);
}

enum status webhook_judge(struct webhook_room *room, const struct webhook_case *given,
                          struct webhook_findings *out, struct error *error)
{
    size_t most = given->body->line_count + 1;
    *out = (struct webhook_findings){
        .events = pool_take(&room->pool, most * sizeof *out->events),
        .looks = pool_take(&room->pool, most * sizeof *out->looks)};
    struct judgement judgement = {.room = room,
                                  .shop = given->shop,
                                  .body = given->body,
                                  .pool = &room->pool,
                                  .out = out};
    judgement.full = out->events == NULL || out->looks == NULL;
    enum status status = STATUS_OK;
    if (!judgement.full && given->topic == WEBHOOK_LEVELS)
        status = judge_level(&judgement, error);
    else if (!judgement.full)
        judge_rest(&judgement, given->topic);
    if (status == STATUS_OK && judgement.full)
        return error_set(error, STATUS_RETRY, "out of memory");
    return status;
}
