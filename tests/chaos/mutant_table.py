"""The table of wrong workers: what is changed, and why that must be found."""

from dataclasses import dataclass

JUDGE = "common/domain/judge.c"
READING = "common/domain/reading.c"
EVENT = "common/domain/event.c"
RELAY = "workers/apply/relay.c"


@dataclass(frozen=True)
class Mutant:
    id: str
    why: str
    edits: tuple[tuple[str, str, str], ...]  # file, text that stands there once, text instead
    way: str = "calm"  # the campaign that shows it: mutants.WAYS


MUTANTS = (
    Mutant(
        "repeats-are-new",
        "a producer's retry takes effect again",
        ((JUDGE, "return facts->question->seen == SEEN_SAME;", "return facts == NULL;"),),
    ),
    Mutant(
        "reused-id-merged",
        "an id used for other content is taken for a retry, and the content is lost",
        (
            (JUDGE, "return facts->question->seen == SEEN_OTHER;", "return facts == NULL;"),
            (JUDGE, "seen == SEEN_SAME;", "seen != SEEN_NEVER;"),
        ),
    ),
    Mutant(
        "same-version-again",
        "a count of the version that is known already is not stale",
        ((JUDGE, "facts->event->version <= facts->reading->version",
          "facts->event->version < facts->reading->version"),),
    ),
    Mutant(
        "stale-check-off",
        "an older count without version overwrites a newer one",
        ((JUDGE, "!are_versions_known(facts) &&\n", "facts->event == NULL &&\n"),),
    ),
    Mutant(
        "adjusted-inside-count",
        "what the count has counted already is added again",
        ((JUDGE, "event->type == EVENT_ADJUSTED && facts->reading->has_count &&",
          "event->type == EVENT_ADJUSTED && facts->reading == NULL &&"),),
    ),
    Mutant(
        "shadowed-writes-the-level",
        "a lower-ranked source's reading becomes the level",
        ((JUDGE, "bool mine = other < 0 || contract->sources[slot].rank < "
          "contract->sources[other].rank;", "bool mine = true;"),),
    ),
    Mutant(
        "too-old-taken",
        "an adjustment from before the ledger's memory is applied, perhaps for the second time",
        ((JUDGE, "return facts->event->occurred_at_us < recorded_at_ms * 1000 - horizon_us;",
          "return horizon_us < 0;"),),
    ),
    Mutant(
        "level-without-bounds",
        "a level leaves its range",
        ((JUDGE, "return quantity > EVENT_QUANTITY_MAX || quantity < -EVENT_QUANTITY_MAX;",
          "return quantity > 2 * EVENT_QUANTITY_MAX;"),),
    ),
    Mutant(
        "late-count-forgets",
        "a late count swallows the adjustments that occurred after it",
        ((READING, "next.adjusted = adjusted_later;", "next.adjusted = 0 * adjusted_later;"),),
    ),
    Mutant(
        "count-keeps-adjustments",
        "adjustments inside the new count stay on top of it",
        ((READING, "next.adjusted = adjusted_later;",
          "next.adjusted = reading->adjusted + 0 * adjusted_later;"),),
    ),
    Mutant(
        "level-dated-by-old-adjustment",
        "the level's time goes back to an adjustment inside the count",
        ((READING, "if (reading->has_adjusted && reading->adjusted_at_us > "
          "reading->counted_at_us)", "if (reading->has_adjusted)"),),
    ),
    Mutant(
        "stale-forgotten",
        "a stale event leaves no row: its repeat is judged anew, and explain cannot name it",
        (("common/domain/outcome.c", "outcome == OUTCOME_STALE || ", ""),),
    ),
    Mutant(
        "key-without-sku",
        "the lines of one order share an id: all but the first are refused",
        ((EVENT, "write_text(&writer, event->sku);\n", "\n"),),
    ),
    Mutant(
        "content-without-quantity",
        "the same id with another quantity is taken for a retry",
        ((EVENT, "write_number(writer, event->quantity);", ""),),
    ),
    Mutant(
        "revision-stands-still",
        "consumers of inventory.levels cannot tell old from new",
        (("common/codec/level_json.c", "json_number(out, record->revision);",
          "json_number(out, 1);"),),
    ),
    Mutant(
        "copies-not-produced",
        "a record under a wrong key is counted as rekeyed and never seen again",
        ((RELAY, "if (rows->rows[at].partition == relay->partition)",
          "if (rows->rows[at].partition == relay->partition &&\n"
          "            rows->rows[at].kind != OUTBOX_REKEYED)"),),
    ),
    Mutant(
        "outbox-dropped-after-crash",
        "the new owner does not send what the dead one had not",
        ((RELAY, "{.partition = partition, .behind = true}",
          "{.partition = partition, .behind = false}"),),
        way="kills",
    ),
    Mutant(
        "trimmed-before-acknowledged",
        "outbox rows are deleted before the broker has them",
        ((RELAY, "atomic_load(&relay->first->pending) == 1)",
          "atomic_load(&relay->first->pending) >= 1)"),),
        way="broker",
    ),
    Mutant(
        "one-too-far",
        "a new owner begins one record behind next_offset",
        (("workers/apply/group.c", "*offset_out = taken.next_offset < 0 ? KAFKA_OFFSET_START : "
          "taken.next_offset;", "*offset_out = taken.next_offset < 0 ? KAFKA_OFFSET_START : "
          "taken.next_offset + 1;"),),
        way="kills",
    ),
    Mutant(
        "take-over-without-epoch",
        "the old owner's fence still holds after a take-over",
        (("common/io/store_apply.c", "DO UPDATE SET epoch = p.epoch + 1,",
          "DO UPDATE SET epoch = p.epoch,"),),
        way="zombies",
    ),
)  # fmt: skip
