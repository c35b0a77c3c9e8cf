"""What the system says of itself in the end, and whether that is what must be."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from tests.doubles.shop.journal_check import check_lines

from . import expected
from .events import Story
from .flow import Flow
from .stage import PARTITIONS, Stage

DEAD_LETTERS = "inventory.dead-letters"


@dataclass
class Verdict:
    audit: dict[str, Any] = field(default_factory=dict)
    records: int = 0
    repeated: int = 0  # copies that were sent on again after a kill
    dead_letters: Counter = field(default_factory=Counter)
    journal: dict[str, Any] = field(default_factory=dict)
    at_par: int = 0
    pairs: int = 0
    wrong: list[str] = field(default_factory=list)  # what does not hold, for people

    def must(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.wrong.append(otherwise)


def read_dead_letters(stage: Stage) -> Counter:
    """How many records lie there for each code; a repeat of the same one counts once."""
    consumer = Consumer(
        {"bootstrap.servers": stage.broker.bootstrap, "group.id": "demo-reader", "log_level": 0,
         "auto.offset.reset": "earliest", "enable.partition.eof": True, "enable.auto.commit": False}
    )  # fmt: skip
    consumer.assign([TopicPartition(DEAD_LETTERS, p, 0) for p in range(PARTITIONS)])
    found: dict[tuple[str, ...], str] = {}
    ended: set[int] = set()
    while len(ended) < PARTITIONS:
        message = consumer.poll(10)
        if message is None:
            break
        if message.error():
            if message.error().code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition())
            continue
        headers = {name: value.decode() for name, value in message.headers()}
        came_from = tuple(headers[f"__connect.errors.{name}"] for name in ("partition", "offset"))
        found[came_from] = headers["parstock.reason"]
    consumer.close()
    return Counter(found.values())


def judge_outcomes(verdict: Verdict, story: Story, sent: int) -> None:
    outcomes = verdict.audit["outcomes"]
    rekeyed = sum(send.rekeyed for send in story.sends)
    # A worker that dies between handing on a copy and noting that does it again; the ledger sees it.
    repeated = verdict.repeated = verdict.records - sent - rekeyed
    verdict.must(repeated >= 0, f"{-repeated} copies under the right key are missing in the topic")
    verdict.must(verdict.audit["ok"], f"audit found: {verdict.audit['violations'][:5]}")
    verdict.must(
        verdict.audit["read"] == verdict.records,
        f"{verdict.records} records lie in the topic, but {verdict.audit['read']} were judged",
    )
    verdict.must(
        sum(outcomes.values()) == verdict.audit["read"],
        f"the outcomes {outcomes} do not add up to {verdict.audit['read']}",
    )
    wanted = {
        "rejected": story.kinds["broken"],
        "rekeyed": rekeyed,
        "duplicate": story.kinds["retry"] + repeated,
    }
    for outcome, count in wanted.items():
        verdict.must(
            outcomes[outcome] == count,
            f"{count} events had to end as {outcome}, {outcomes[outcome]} did",
        )
    verdict.must(
        verdict.dead_letters == story.reasons,
        f"dead letters are {dict(verdict.dead_letters)}, broken events were {dict(story.reasons)}",
    )


def judge_journal(verdict: Verdict, stage: Stage) -> None:
    with open(stage.journal, "rb") as lines:
        verdict.journal = check_lines(lines).as_dict()
    verdict.must(verdict.journal["ok"], f"the shop's journal shows: {verdict.journal['violations'][:5]}")


def compare(verdict: Verdict, stage: Stage, story: Story) -> None:
    """Row by row: what the shop holds, and what the events say it should."""
    levels = expected.levels(story.sends)
    for row in stage.control("state")["levels"]:
        pair = stage.pair_of[(row["item"], row["location"])]
        shelf = stage.shelves[pair]
        on_hand = expected.shown(levels[pair]) if pair in levels else shelf.on_hand
        wanted = {"on_hand": on_hand, "available": on_hand - shelf.committed}
        found = {name: row[name] for name in wanted}
        verdict.pairs += 1
        verdict.at_par += found == wanted
        verdict.must(
            found == wanted, f"{pair.sku} at {pair.place}: the shop shows {found}, it should show {wanted}"
        )
    verdict.must(
        verdict.pairs == len(stage.shelves),
        f"the shop has {verdict.pairs} levels, {len(stage.shelves)} were put there",
    )


def judge(stage: Stage, story: Story, flow: Flow) -> Verdict:
    verdict = Verdict(records=flow.records())
    verdict.audit = json.loads(stage.command("audit", "-o", "json", codes=(0, 1)))
    verdict.dead_letters = read_dead_letters(stage)
    judge_outcomes(verdict, story, flow.sent)
    judge_journal(verdict, stage)
    compare(verdict, stage, story)
    for killed, name in ((flow.apply_killed, "apply"), (flow.push_killed, "push")):
        verdict.must(killed is not None, f"no {name} worker was killed: the demo has not shown that")
        if killed is not None:
            verdict.must(killed.went_on is not None, f"nobody went on with the work of the killed {name} worker")
    for key, fingerprints in flow.journal.look().keys.items():
        verdict.must(len(set(fingerprints)) == 1, f"the key {key} came with different bytes")
    return verdict
