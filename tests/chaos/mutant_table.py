"""The table of wrong workers: what is changed, and why that must be found."""

from dataclasses import dataclass

JUDGE = "common/domain/judge.c"
READING = "common/domain/reading.c"
EVENT = "common/domain/event.c"
RELAY = "workers/apply/relay.c"
EFFECTS = "workers/apply/effects.c"
DECIDE = "workers/apply/decide.c"
COPY = "common/io/store_apply_copy.c"


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
        (("common/codec/level_json.c", "json_member_number(out, \"revision\", record->revision);",
          "json_member_number(out, \"revision\", 1);"),),
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
        ((RELAY, "bool owes = take->next_offset > take->relayed_offset;",
          "bool owes = take->next_offset < take->relayed_offset;"),),
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
    Mutant(
        "fence-not-checked",
        "a zombie's transaction commits",
        (
            ("common/io/store_apply.c",
             '"AND p.epoch = f.epoch AND p.next_offset = f.next_offset "\n', '""\n'),
            ("common/io/store_apply_write.c", 'AND p.epoch = u.epoch "\n'
             '    "AND p.next_offset = u.old_offset"};', '"};'),
        ),
        way="rivals",
    ),
    Mutant(
        "two-transactions",
        "the ledger commits before the offset: a kill between the two doubles a batch",
        (("common/io/store_apply_write.c",
          "enum status status = store_copy_effects(postgres, effects, error);",
          "enum status status = store_copy_effects(postgres, effects, error);\n"
          "    if (status == STATUS_OK)\n"
          '        status = postgres_script(postgres, "COMMIT; BEGIN", error);'),),
    ),
    Mutant(
        "adjustments-not-kept",
        "a late count does not find the adjustments of earlier batches",
        ((COPY, "effects->adjustment_count, adjustment_row}",
          "0 * effects->adjustment_count, adjustment_row}"),),
    ),
    Mutant(
        "before-is-after",
        "explain's lines do not sum to the level",
        (("common/codec/ledger_line.c", "line->has_before, line->before",
          "line->has_before, line->after"),),
    ),
    Mutant(
        "dedupe-within-the-batch-only",
        "a retry of something earlier than the batch takes effect again",
        (("workers/apply/keys.c", "    seen->known = true;", "    seen->known = false;"),),
    ),
    Mutant(
        "dedupe-not-within-the-batch",
        "a retry in the same batch takes effect again",
        ((DECIDE, "batch->keys[item->seen].known = true;",
          "batch->keys[item->seen].known = false;"),),
    ),
    Mutant(
        "batch-in-reverse",
        "within a batch, events of a SKU are judged the newest first",
        ((DECIDE, "struct item *item = &batch->items[at];\n"
          "        if (item->reason != REASON_NONE || item->misplaced)\n"
          "            item->verdict",
          "struct item *item = &batch->items[batch->count - 1 - at];\n"
          "        if (item->reason != REASON_NONE || item->misplaced)\n"
          "            item->verdict"),),
    ),
    Mutant(
        "duplicates-counted-as-rejected",
        "outcome counts do not tell what happened",
        ((DECIDE, "counts[item->verdict.outcome]++;",
          "counts[item->verdict.outcome == OUTCOME_DUPLICATE\n"
          "                                           ? OUTCOME_REJECTED\n"
          "                                           : item->verdict.outcome]++;"),),
    ),
    Mutant(
        "late-in-batch-forgotten",
        "a late count swallows the later adjustments of its own batch",
        ((DECIDE, "sum += earlier->event.quantity;", "sum += 0 * earlier->event.quantity;"),),
    ),
    Mutant(
        "coalescing-keeps-the-oldest",
        "of several changes in a batch the level before them is written",
        ((EFFECTS, "                                .level = state->level,\n",
          ".level = state->level_was.exists ? state->level_was : state->level,\n"),),
    ),
    Mutant(
        "dead-letter-not-sent",
        "a rejected event is counted and cannot be found",
        ((EFFECTS, "if (outcome != OUTCOME_REKEYED && outcome != OUTCOME_REJECTED)",
          "if (outcome != OUTCOME_REKEYED)"),),
    ),
    Mutant(
        "level-record-not-sent",
        "consumers of inventory.levels never hear of new levels",
        ((EFFECTS, "    if (!is_level_new(state))\n        return false;",
          "    if (!is_level_new(state) || !state->level_was.exists)\n        return false;"),),
    ),
    Mutant(
        "copies-without-headers",
        "a copy under the right key is not what was received",
        ((EFFECTS, "        record_received_headers(&item->record, &writer->bytes);\n", ""),),
    ),
    Mutant(
        "levels-not-caught-up",
        "after a crash, level records that were not sent are never sent",
        ((RELAY, "store_changed_levels(postgres, &ref, span, &visitor, error);",
          "span != NULL ? STATUS_OK\n"
          "                                       : store_changed_levels(postgres, &ref, span, &visitor, error);"),),
        way="kills",
    ),
    Mutant(
        "keys-not-loaded",
        "the next owner does not know what was judged, and retries take effect again",
        (("workers/apply/keys.c",
          "        status = load_keys(lane, part->partition, &part->known, error);",
          "        known_free(&part->known);\n        known_loaded(&part->known);\n"
          "        status = error->status;"),),
        way="kills",
    ),
)  # fmt: skip
