#include "common/domain/incident.h"

#include "common/base/check.h"

static const char *const STATE_NAMES[INCIDENT_STATE_COUNT] = {
#define X(name, text) [INCIDENT_##name] = text,
    INCIDENT_STATES(X)
#undef X
};

/* Oversold, whoever saw it. */
#define COUNT_THE_SHELF                                                                  \
    "Count the shelf. Where the units are not there, stop the sale of the item and "     \
    "tell the buyers of the newest orders; then correct the level at its source."

static const struct incident_kind KINDS[INCIDENT_CLASS_COUNT] = {
    [INCIDENT_ID_REUSED] =
        {.id = "id_reused",
         .cause = "source_conflict",
         .severity = "error",
         .handoff = "none",
         .subject = INCIDENT_BY_SOURCE,
         .remediation =
             "Have the source give every event an id of its own, then send the "
             "refused events again under new ids.",
         .runbook = "docs/runbooks/id-reused.md",
         .why = "The source contradicts itself: an id stands for two contents, so the "
                "later one was refused and its stock change is missing. The fault is the "
                "producer's and hits any of its SKUs, so that one incident a source is "
                "what a person can act on."},
    [INCIDENT_PUSH_REFUSED] =
        {.id = "push_refused",
         .cause = "rejected_write",
         .severity = "error",
         .handoff = "none",
         .subject = INCIDENT_BY_SHOP | INCIDENT_BY_SKU | INCIDENT_BY_LOCATION,
         .remediation = "Find out why the shop refuses the level, remove the cause, then "
                        "run 'parstock catalog sync': it lets push try again.",
         .runbook = "docs/runbooks/push-refused.md",
         .why =
             "The shop refused the level of one item at one location in a way that "
             "trying again does not mend. That pair is left alone and goes on showing "
             "what it showed; all others are written. Each pair has a cause of its own "
             "and ends on its own, so that one incident a pair is what can be closed.",
         .tells_all = true},
    [INCIDENT_SHOP_OVERSOLD] =
        {.id = "shop_oversold",
         .cause = "oversold",
         .severity = "critical",
         .handoff = "inventory",
         .subject = INCIDENT_BY_SHOP | INCIDENT_BY_SKU | INCIDENT_BY_LOCATION,
         .remediation = COUNT_THE_SHELF,
         .runbook = "docs/runbooks/oversold.md",
         .why = "The shop shows less than nothing of an item that it tracks and does not "
                "sell on below zero: more was sold there than it was told to sell. It is "
                "one incident for as long as it lasts."},
    [INCIDENT_STOCK_OVERSOLD] =
        {.id = "stock_oversold",
         .cause = "oversold",
         .severity = "critical",
         .handoff = "inventory",
         .subject = INCIDENT_BY_SHOP | INCIDENT_BY_SKU | INCIDENT_BY_LOCATION,
         .remediation = COUNT_THE_SHELF,
         .runbook = "docs/runbooks/oversold.md",
         .why = "More units were ordered since the source's last number than that number "
                "has, which no shop's own level shows: a number that was too high was "
                "sold. It is one incident for as long as it lasts."},
};

const char *incident_state_name(enum incident_state state)
{
    ASSERT((size_t)state < INCIDENT_STATE_COUNT);
    return STATE_NAMES[state];
}

const struct incident_kind *incident_kind(enum incident_class class)
{
    ASSERT((size_t) class < INCIDENT_CLASS_COUNT);
    return &KINDS[class];
}

/* ---- sightings ---------------------------------------------------------------------------- */

static struct span keep(unsigned wanted, unsigned bit, struct span text)
{
    return (wanted & bit) != 0 ? text : (struct span){0};
}

static struct incident_subject subject_of(enum incident_class class,
                                          const struct incident_subject *given)
{
    unsigned by = incident_kind(class)->subject;
    return (struct incident_subject){
        .source = keep(by, INCIDENT_BY_SOURCE, given->source),
        .shop = keep(by, INCIDENT_BY_SHOP, given->shop),
        .sku = keep(by, INCIDENT_BY_SKU, given->sku),
        .location = keep(by, INCIDENT_BY_LOCATION, given->location)};
}

static bool is_same_subject(const struct incident_subject *left,
                            const struct incident_subject *right)
{
    return span_equal(left->source, right->source) &&
           span_equal(left->shop, right->shop) && span_equal(left->sku, right->sku) &&
           span_equal(left->location, right->location);
}

bool incident_set_add(struct incident_set *set, enum incident_class class,
                      const struct incident_subject *subject,
                      const struct incident_origin *origin)
{
    struct incident_subject wanted = subject_of(class, subject);
    for (size_t at = 0; at < set->count; at++) {
        struct incident_sighting *known = &set->items[at];
        if (known->class != class || !is_same_subject(&known->subject, &wanted))
            continue;
        known->latest = *origin;
        known->occurrences++;
        return true;
    }
    if (set->count == INCIDENT_SET_MAX)
        return false;
    set->items[set->count++] = (struct incident_sighting){.class = class,
                                                          .subject = wanted,
                                                          .first = *origin,
                                                          .latest = *origin,
                                                          .occurrences = 1};
    return true;
}

bool incident_is_told(int64_t before, int64_t after)
{
    ASSERT(before >= 0 && after > before);
    int64_t power = 1;
    while (power <= before && power <= INT64_MAX / 10)
        power *= 10;
    return power > before && after >= power;
}

/* ---- names ---------------------------------------------------------------------------------- */

struct writer {
    char *room;
    size_t size;
    size_t length;
};

static void add_text(struct writer *writer, struct span text)
{
    ASSERT(text.length < writer->size - writer->length);
    if (text.length > 0)
        memcpy(writer->room + writer->length, text.bytes, text.length);
    writer->length += text.length;
}

static void add_number(struct writer *writer, const char *before, int64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);
    ASSERT(number >= 0);
    add_text(writer, span_from(before));
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    add_text(writer, (struct span){digits + at, sizeof(digits) - at});
}

/* With its length before it, so that no two subjects share a name. */
static void add_field(struct writer *writer, const char *name, struct span text)
{
    if (text.bytes == NULL)
        return;
    add_number(writer, name, (int64_t)text.length);
    add_text(writer, SPAN_OF(":"));
    add_text(writer, text);
}

size_t incident_problem(const struct incident_sighting *sighting,
                        char room[INCIDENT_PROBLEM_MAX])
{
    struct writer writer = {.room = room, .size = INCIDENT_PROBLEM_MAX};
    add_text(&writer, span_from(incident_kind(sighting->class)->id));
    add_field(&writer, " source=", sighting->subject.source);
    add_field(&writer, " shop=", sighting->subject.shop);
    add_field(&writer, " location=", sighting->subject.location);
    return writer.length;
}

size_t incident_name_bytes(const struct incident_sighting *sighting,
                           char room[INCIDENT_NAME_MAX])
{
    struct writer writer = {.room = room, .size = INCIDENT_NAME_MAX};
    writer.length = incident_problem(sighting, room);
    add_field(&writer, " sku=", sighting->subject.sku);
    add_field(&writer, " topic=", sighting->first.topic);
    add_number(&writer, " partition=", sighting->first.partition);
    add_number(&writer, " offset=", sighting->first.offset);
    return writer.length;
}
