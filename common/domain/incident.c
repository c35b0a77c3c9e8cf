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
    [INCIDENT_WEBHOOKS_LOST] =
        {.id = "webhook_subscription_lost",
         .cause = "missed_event",
         .severity = "error",
         .handoff = "observability",
         .subject = INCIDENT_BY_SHOP,
         .remediation =
             "Find out why the shop's deliveries failed (it takes a subscription "
             "away once eight in a row have), run 'parstock webhooks ensure', "
             "then 'parstock catalog sync' for what was missed.",
         .runbook = "docs/runbooks/webhooks-lost.md",
         .why =
             "The shop does not tell us of something that it is to tell us of: sales and "
             "changes there are seen only when a level is read. It is one incident a "
             "shop, and ends by itself once all is sent again.",
         .tells_all = true},
    [INCIDENT_UNINSTALLED] =
        {.id = "app_uninstalled",
         .cause = "external_writer",
         .severity = "critical",
         .handoff = "none",
         .subject = INCIDENT_BY_SHOP,
         .remediation = "Ask whoever runs the shop. Install the app again, give parstock "
                        "the new token, run 'parstock webhooks ensure' and 'parstock "
                        "catalog sync'; or take the shop out of the contract file.",
         .runbook = "docs/runbooks/app-uninstalled.md",
         .why =
             "The shop has thrown the app out: nothing of it can be read or written. It "
             "ends by itself once the app answers with all its webhooks again.",
         .tells_all = true},
    [INCIDENT_DRIFT] =
        {.id = "drift",
         .cause = "unknown",
         .severity = "warning",
         .handoff = "none",
         .subject = INCIDENT_BY_SHOP | INCIDENT_BY_SKU | INCIDENT_BY_LOCATION,
         .remediation = "Read the evidence and the cause. Where an action is proposed, "
                        "'parstock incidents approve' has it carried out once.",
         .runbook = "docs/runbooks/drift.md",
         .why =
             "A difference that nothing in flight explains and that a second look found "
             "again. It is one incident a pair, however many runs see it; two later runs "
             "that find the pair clean end it, and within a day it is the same problem.",
         .reopen_seconds = 86400,
         .ends_by_runs = true},
    [INCIDENT_ALERT_UNDELIVERED] =
        {.id = "alert_undelivered",
         .cause = "unknown",
         .severity = "error",
         .handoff = "observability",
         .subject = INCIDENT_BY_SOURCE,
         .remediation =
             "Read what the route answers, mend its address, its secret or the "
             "receiver, and try it with 'parstock notify test ROUTE'.",
         .runbook = "docs/runbooks/alert-undelivered.md",
         .why =
             "Somebody was to be told and was not, for as long as the contract allows. "
             "It is one incident a route: what stops one alert of a route mostly stops "
             "all. It ends when the route takes an alert again.",
         .reopen_seconds = 3600},
    [INCIDENT_ALERT_LATE] =
        {.id = "alert_late",
         .cause = "queue_delay",
         .severity = "warning",
         .handoff = "observability",
         .subject = INCIDENT_BY_SOURCE,
         .remediation = "See in the evidence how late, and whether the route was away "
                        "(alert_undelivered) or notify was.",
         .runbook = "docs/runbooks/alert-late.md",
         .why = "An alert arrived later than its route promises, so that people were in "
                "the dark meanwhile. It is one incident a route and ends with the next "
                "alert that is in time.",
         .reopen_seconds = 3600},
    [INCIDENT_IMPORT_GUARD] =
        {.id = "import_guard",
         .cause = "source_conflict",
         .severity = "error",
         .handoff = "none",
         .subject = INCIDENT_BY_SOURCE,
         .remediation =
             "Look at the feed's file. If it is meant, import it with --confirm "
             "and the feed's name; else have it exported again.",
         .runbook = "docs/runbooks/import-guard.md",
         .why =
             "A feed would change or empty more levels than the contract allows in one "
             "go. Nothing of it was published; a person says whether it is meant. It is "
             "one incident a feed for as long as it is stopped.",
         .tells_all = true},
    [INCIDENT_GUARD_STOPPED] =
        {.id = "guard_stopped",
         .cause = "unknown",
         .severity = "critical",
         .handoff = "none",
         .subject = INCIDENT_BY_SHOP,
         .remediation = "Find out whether the sources or the shop are wrong. 'parstock "
                        "incidents approve' lets what is held go on, 'reject' drops it.",
         .runbook = "docs/runbooks/guard-stopped.md",
         .why = "A run asked for more than a machine may do alone: a mistake of a source "
                "or of the contract would be carried into a whole shop. Nothing of it is "
                "done until a person has looked. It is one incident a shop."},
    [INCIDENT_SECOND_WRITER] =
        {.id = "second_writer",
         .cause = "external_writer",
         .severity = "error",
         .handoff = "none",
         .subject = INCIDENT_BY_SHOP | INCIDENT_BY_SKU | INCIDENT_BY_LOCATION,
         .remediation = "Find who else writes the level (the shop's inventory history "
                        "names them) and let only one write it; then 'parstock incidents "
                        "approve' has it repaired once more.",
         .runbook = "docs/runbooks/second-writer.md",
         .why =
             "The pair was repaired as often as a day allows, and changed back each "
             "time. Writing against somebody ends never and shows buyers both numbers. "
             "It is one incident a pair, and its repairs rest until a person says so."},
    [INCIDENT_RESYNC_FAILED] =
        {.id = "resync_failed",
         .cause = "rejected_write",
         .severity = "error",
         .handoff = "none",
         .subject = INCIDENT_BY_SHOP | INCIDENT_BY_SKU | INCIDENT_BY_LOCATION,
         .remediation =
             "The evidence says what was read back. Where push leaves the pair "
             "alone, its fault says why; remove the cause, then 'parstock "
             "resync' the SKU.",
         .runbook = "docs/runbooks/resync-failed.md",
         .why = "A repair that was read back and did not hold is not repaired by trying "
                "again. It is one incident a pair; two later runs that find it clean end "
                "it.",
         .reopen_seconds = 86400,
         .ends_by_runs = true},
    [INCIDENT_RESYNC_LATE] =
        {.id = "resync_late",
         .cause = "queue_delay",
         .severity = "error",
         .handoff = "workflow-orchestration",
         .subject = INCIDENT_BY_SHOP,
         .remediation = "See whether push runs, holds the shop's lease and keeps up; its "
                        "readiness and parstock_push_pairs_dirty say so.",
         .runbook = "docs/runbooks/resync-failed.md",
         .why =
             "Push did not come to what was asked of it in time. What stops one pair "
             "of a shop stops all, so that it is one incident a shop; it ends with the "
             "next resync that is read back.",
         .reopen_seconds = 3600},
    [INCIDENT_UNCOMPARED] =
        {.id = "comparison_missed",
         .cause = "queue_delay",
         .severity = "error",
         .handoff = "observability",
         .subject = INCIDENT_BY_SHOP,
         .remediation = "Run 'parstock drift show --runs' and 'parstock doctor': is the "
                        "drift worker running, does the shop answer, is its cost bucket "
                        "used up? Then 'parstock drift run' compares at once.",
         .runbook = "docs/runbooks/comparison-missed.md",
         .why =
             "Nothing was found because nothing was looked at: a quiet shop that is not "
             "compared is not a healthy one.",
         .tells_all = true},
    [INCIDENT_ZEROING_STOPPED] =
        {.id = "zeroing_stopped",
         .cause = "source_conflict",
         .severity = "critical",
         .handoff = "none",
         .subject = INCIDENT_BY_SHOP,
         .remediation =
             "See whether the items are really gone: a feed that lost its rows "
             "says 0 for all of them. 'parstock incidents approve' lets the "
             "zeroes be written, or correct the source: its next count does.",
         .runbook = "docs/runbooks/zeroing-stopped.md",
         .why = "So many levels went to nothing at once that a source is more likely "
                "broken than sold out. Other levels are written on; these keep what they "
                "show until a person has looked. It is one incident a shop."},
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

bool incident_class_is_known(struct span id)
{
    for (size_t class = 0; class < INCIDENT_CLASS_COUNT; class ++)
        if (span_is(id, incident_kind((enum incident_class) class)->id))
            return true;
    return false;
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
