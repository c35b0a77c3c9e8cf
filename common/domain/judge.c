#include "common/domain/judge.h"

#include "common/base/check.h"

#define DAY_US (86400 * 1000000LL)

/* Everything that a row may look at; worked out once, before the rows are tried. */
struct facts {
    const struct question *question;
    const struct event *event;
    const struct reading *reading; /* of the event's source, before */
    struct reading next;           /* after, if it is recorded */
    struct level level;            /* ruling after, if it is recorded */
};

typedef bool fits(const struct facts *facts);

static bool is_invalid(const struct facts *facts)
{
    return facts->question->reason != REASON_NONE;
}

static bool is_misplaced(const struct facts *facts)
{
    return facts->question->misplaced;
}

static bool is_id_reused(const struct facts *facts)
{
    return facts->question->seen == SEEN_OTHER;
}

static bool is_seen(const struct facts *facts)
{
    return facts->question->seen == SEEN_SAME;
}

static bool is_count_after_count(const struct facts *facts)
{
    return facts->event->type == EVENT_COUNTED && facts->reading->has_count;
}

static bool are_versions_known(const struct facts *facts)
{
    return facts->event->has_version && facts->reading->has_version;
}

static bool is_older_version(const struct facts *facts)
{
    return is_count_after_count(facts) && are_versions_known(facts) &&
           facts->event->version <= facts->reading->version;
}

static bool is_older_count(const struct facts *facts)
{
    return is_count_after_count(facts) && !are_versions_known(facts) &&
           facts->event->occurred_at_us < facts->reading->counted_at_us;
}

static bool is_inside_count(const struct facts *facts)
{
    return facts->event->type == EVENT_ADJUSTED && facts->reading->has_count &&
           facts->event->occurred_at_us <= facts->reading->counted_at_us;
}

static bool is_older_observation(const struct facts *facts)
{
    return facts->event->type == EVENT_OBSERVED && facts->reading->has_count &&
           facts->event->occurred_at_us < facts->reading->counted_at_us;
}

/* Against the record's own timestamp, so that a replay decides as the first pass did. */
static bool is_too_old(const struct facts *facts)
{
    int64_t recorded_at_ms = facts->question->recorded_at_ms;
    if (facts->event->type != EVENT_ADJUSTED || recorded_at_ms < 0)
        return false;
    int64_t horizon_us = facts->question->contract->idempotency_days * DAY_US;
    return facts->event->occurred_at_us < recorded_at_ms * 1000 - horizon_us;
}

static bool is_level_out_of_range(const struct facts *facts)
{
    if (event_is_of_shop(facts->event->type) || !facts->next.exists)
        return false;
    int64_t quantity = reading_quantity(&facts->next);
    return quantity > EVENT_QUANTITY_MAX || quantity < -EVENT_QUANTITY_MAX;
}

static bool is_shadowed(const struct facts *facts)
{
    if (event_is_of_shop(facts->event->type))
        return false;
    const struct contract *contract = facts->question->contract;
    int ruling = level_ruling_source(contract, facts->question->readings);
    return ruling >= 0 &&
           contract->sources[ruling].rank < contract->sources[facts->event->source].rank;
}

static bool is_zero(const struct facts *facts)
{
    if (facts->event->quantity != 0)
        return false;
    if (facts->event->type == EVENT_ADJUSTED)
        return facts->question->level->exists;
    return facts->event->type == EVENT_ORDERED && facts->reading->exists;
}

static bool is_same_level(const struct facts *facts)
{
    const struct level *level = facts->question->level;
    return !event_is_of_shop(facts->event->type) && level->exists &&
           level->quantity == facts->level.quantity;
}

static bool is_same_observation(const struct facts *facts)
{
    return facts->event->type == EVENT_OBSERVED && facts->reading->has_count &&
           facts->reading->count == facts->event->quantity;
}

static bool is_change(const struct facts *facts)
{
    (void)facts;
    return true;
}

/* ---- the table
 * --------------------------------------------------------------------------- */

struct row {
    struct rule rule;
    enum reason reason; /* of a rejection that is decided here */
    fits *fits;
};

static const struct row RULES[] = {
    {{10, "invalid", OUTCOME_REJECTED,
      "the event breaks the interface; its code says where"},
     REASON_NONE,
     is_invalid},
    {{20, "misplaced", OUTCOME_REKEYED,
      "another key or partition than the normalised SKU's: order holds only where all "
      "events of a SKU meet, so it is produced again under the right key"},
     REASON_NONE,
     is_misplaced},
    {{30, "id_reused", OUTCOME_REJECTED,
      "its id came before with other content: one of the two is wrong, and merging them "
      "would hide which"},
     REASON_ID_REUSED,
     is_id_reused},
    {{40, "seen_before", OUTCOME_DUPLICATE,
      "same key and content as an event already judged: a retry"},
     REASON_NONE,
     is_seen},
    {{50, "older_version", OUTCOME_STALE,
      "the source counted again since: its version is not above the last count's"},
     REASON_NONE,
     is_older_version},
    {{51, "older_count", OUTCOME_STALE,
      "the source counted again since: it occurred before the last count"},
     REASON_NONE,
     is_older_count},
    {{52, "inside_count", OUTCOME_STALE,
      "the last count was taken at or after this adjustment, so it is counted already"},
     REASON_NONE,
     is_inside_count},
    {{53, "older_observation", OUTCOME_STALE,
      "the shop was seen later than this already"},
     REASON_NONE,
     is_older_observation},
    {{60, "too_old", OUTCOME_REJECTED,
      "older than the ledger remembers: nothing can prove that it is not a repeat"},
     REASON_TOO_OLD,
     is_too_old},
    {{61, "level_out_of_range", OUTCOME_REJECTED,
      "the level would leave -1000000000..1000000000: a unit or a field is mistaken"},
     REASON_LEVEL_OUT_OF_RANGE,
     is_level_out_of_range},
    {{70, "shadowed", OUTCOME_SHADOWED,
      "kept as this source's reading; a better-ranked source rules here"},
     REASON_NONE,
     is_shadowed},
    {{80, "zero", OUTCOME_UNCHANGED, "a change by nothing"}, REASON_NONE, is_zero},
    {{81, "same_level", OUTCOME_UNCHANGED, "the ruling level stays the same number"},
     REASON_NONE,
     is_same_level},
    {{82, "same_observation", OUTCOME_UNCHANGED, "the shop shows what it showed"},
     REASON_NONE,
     is_same_observation},
    {{90, "change", OUTCOME_APPLIED, "what is known has changed"},
     REASON_NONE,
     is_change},
};

const struct rule *judge_rule(size_t at)
{
    return at < COUNT_OF(RULES) ? &RULES[at].rule : NULL;
}

const struct rule *judge_rule_by_number(int number)
{
    for (size_t at = 0; at < COUNT_OF(RULES); at++)
        if (RULES[at].rule.number == number)
            return &RULES[at].rule;
    return NULL;
}

/* ---- judgement
 * --------------------------------------------------------------------------- */

int judge_slot(const struct contract *contract, const struct event *event)
{
    if (event_is_of_shop(event->type))
        return (int)contract->source_count + event->source;
    return event->source;
}

/* Ruling with one reading replaced, without a copy of all of them. */
static struct level ruling_with(const struct question *question, int slot,
                                const struct reading *next)
{
    const struct contract *contract = question->contract;
    if (slot >= (int)contract->source_count || !next->exists)
        return *question->level;
    int other = -1;
    for (int at = 0; at < (int)contract->source_count; at++) {
        if (at == slot || !question->readings[at].exists)
            continue;
        if (other < 0 || contract->sources[at].rank < contract->sources[other].rank)
            other = at;
    }
    bool mine = other < 0 || contract->sources[slot].rank < contract->sources[other].rank;
    const struct reading *reading = mine ? next : &question->readings[other];
    return (struct level){.exists = true,
                          .quantity = reading_quantity(reading),
                          .source = mine ? slot : other,
                          .occurred_at_us = reading_occurred_at_us(reading),
                          .has_version = reading->has_version,
                          .version = reading->has_version ? reading->version : 0};
}

static struct facts facts_of(const struct question *question)
{
    struct facts facts = {.question = question, .event = question->event};
    if (question->reason != REASON_NONE || question->misplaced)
        return facts;
    int slot = judge_slot(question->contract, question->event);
    facts.reading = &question->readings[slot];
    facts.next = reading_after(facts.reading, question->event, question->adjusted_later,
                               question->level->exists);
    facts.level = ruling_with(question, slot, &facts.next);
    return facts;
}

static bool is_recorded(enum outcome outcome)
{
    return outcome == OUTCOME_APPLIED || outcome == OUTCOME_UNCHANGED ||
           outcome == OUTCOME_SHADOWED;
}

static const struct row *first_fit(const struct facts *facts)
{
    for (size_t at = 0; at < COUNT_OF(RULES); at++)
        if (RULES[at].fits(facts))
            return &RULES[at];
    UNREACHABLE("the last row fits always");
}

struct verdict judge(const struct question *question)
{
    const struct facts facts = facts_of(question);
    const struct row *row = first_fit(&facts);
    struct verdict verdict = {.outcome = row->rule.outcome,
                              .reason = row->reason,
                              .rule = row->rule.number,
                              .recorded = is_recorded(row->rule.outcome)};
    if (is_invalid(&facts))
        verdict.reason = question->reason;
    if (question->level != NULL)
        verdict.level = *question->level;
    if (verdict.recorded) {
        verdict.slot = judge_slot(question->contract, question->event);
        verdict.reading = facts.next;
        verdict.level = facts.level;
    }
    ASSERT((verdict.outcome == OUTCOME_REJECTED) == (verdict.reason != REASON_NONE));
    return verdict;
}
