"""The end of the demo as a short text. Every number in it was read from the system or counted on the way."""

import textwrap

from .events import Story
from .flow import Flow
from .stage import LEASE_S, PARTITIONS, SESSION_MS
from .verdict import Verdict

WIDTH = 92
KINDS = (
    ("count", 'counts: "there are 40"'),
    ("adjustment", 'adjustments: "3 were taken"'),
    ("retry", "retries: the same event sent again"),
    ("late", "late ones, overtaken by a newer count"),
    ("broken", "broken ones, {reasons} different ways"),
)
OUTCOMES = (
    ("applied", "changed the level"),
    ("unchanged", "confirmed the level"),
    ("shadowed", "kept, but a better source decides here (wms before erp)"),
    ("stale", "too late: a newer count was known"),
    ("duplicate", "seen before: counted once"),
    ("rekeyed", "came under a wrong key: sent on under the right one, judged there"),
    ("rejected", "broken: kept as dead letters, with the reason"),
)


def _rows(rows: list[tuple[int, str, str]]) -> list[str]:
    return [f"  {count:>8,}  {name:<10} {text}".rstrip() for count, name, text in rows]


def _paragraph(text: str) -> str:
    return textwrap.fill(text, WIDTH)


def _what_came_in(story: Story, flow: Flow) -> list[str]:
    spelled = {"reasons": len(story.reasons)}
    rows = [f"  {story.kinds[kind]:>8,}  {text.format(**spelled)}" for kind, text in KINDS]
    wrong = sum(send.rekeyed for send in story.sends)
    also = f"Of these, {wrong:,} carried a wrong key, and about one in five a SKU in some other spelling."
    return [f"{flow.sent:,} events came in:", *rows, _paragraph(also)]


def _what_became_of_them(verdict: Verdict) -> list[str]:
    counts = verdict.audit["outcomes"]
    head = f"Each ended in exactly one way (with the copies, {verdict.audit['read']:,} were judged):"
    return [head, *_rows([(counts[name], name, text) for name, text in OUTCOMES])]


def _the_shop(flow: Flow) -> str:
    calls, pairs = flow.journal.calls, flow.journal.pairs
    return _paragraph(
        f"{flow.sent:,} events became {calls:,} writes to Shopify, which set {pairs:,} levels: a write "
        f"carries up to 250 of them, and only the newest number of each. Meanwhile customers ordered "
        f"{flow.ordered:,} units in the shop, and none of those was put on sale again."
    )


def _the_kills(verdict: Verdict, flow: Flow) -> list[str]:
    lines = []
    apply, push = flow.apply_killed, flow.push_killed
    redone = verdict.audit["read"] - verdict.records
    again = (
        f" Copies sent on again by its successor, and recognised as such: {verdict.repeated}."
        if verdict.repeated
        else ""
    )
    if apply and apply.went_on is not None:
        lines.append(
            f"The killed apply worker held {apply.partition_count} of {PARTITIONS} partitions (shares of the "
            f"stream). {apply.went_on:.1f} s later all of them had moved on: Kafka waits {SESSION_MS / 1000:.0f} s "
            f"for a silent worker here. At most {apply.most_waiting:,} events waited. Lost: "
            f"{max(0, -redone)}. Counted double: {max(0, redone)}.{again}"
        )
    if push and push.went_on is not None:
        lines.append(
            f"The killed push worker left a write of {push.pairs_on_the_wire:,} levels under way. Its successor "
            f"may take over after {LEASE_S} s of silence; it wrote again after {push.went_on:.1f} s, first that "
            f"same write with the same bytes and the same key ({flow.journal.repeated_calls} call repeated, "
            f"{flow.journal.replayed} recognised by the shop as done already)."
        )
    return [_paragraph(line) for line in lines]


def _the_proof(verdict: Verdict) -> list[str]:
    violations = len(verdict.audit["violations"])
    audit = "ok: levels are exactly what the ledger adds up to" if verdict.audit["ok"] else f"{violations} violations"
    journal = verdict.journal
    shop = (
        f"ok: {journal['counts'].get('applied', 0):,} writes applied, each key at most once, "
        "no level with two writes under way"
        if journal["ok"]
        else f"{len(journal['violations'])} violations"
    )
    return [
        f"audit         {audit}",
        f"shop journal  {shop}",
        f"dead letters  {sum(verdict.dead_letters.values()):,} records with {len(verdict.dead_letters)} different reasons",
        f"shop at par: {verdict.at_par:,} of {verdict.pairs:,}",
    ]


def tell(story: Story, verdict: Verdict, flow: Flow) -> str:
    blocks = [
        _what_came_in(story, flow),
        _what_became_of_them(verdict),
        [_the_shop(flow)],
        *[[line] for line in _the_kills(verdict, flow)],
        _the_proof(verdict),
    ]
    return "\n\n".join("\n".join(block) for block in blocks)


def complain(verdict: Verdict, most: int = 20) -> str:
    lines = [f"  - {line}" for line in verdict.wrong[:most]]
    if len(verdict.wrong) > most:
        lines.append(f"  ... and {len(verdict.wrong) - most} more")
    return "\n".join(["THIS DOES NOT HOLD:", *lines])
