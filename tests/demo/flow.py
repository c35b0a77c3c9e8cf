"""The stream: events go out at a visible pace, two workers are killed on the way, then all comes to rest."""

import random
import time
from dataclasses import dataclass, field

from confluent_kafka import Consumer, Producer, TopicPartition

from .events import Story
from .journal import Journal
from .progress import Progress
from .stage import PARTITIONS, TOPIC, Failed, Stage

TICK_S = 0.05
KILL_APPLY_AT, KILL_PUSH_AT = 0.35, 0.65
REST_LIMIT_S = 180.0
RECORDS_EVERY_S = 0.3


@dataclass
class Killed:
    """What a killed worker cost. Times in seconds after the kill; None: it has not gone on yet."""

    at: float
    went_on: float | None = None
    partitions: dict[int, int] = field(default_factory=dict)  # of apply: next offset at the kill
    partition_count: int = 0
    most_waiting: int = 0
    calls: int = 0  # of push: calls that the shop had seen by then
    pairs_on_the_wire: int = 0


class Flow:
    def __init__(self, stage: Stage, story: Story, seconds: float, progress: Progress, seed: int):
        self._stage, self._story, self._seconds, self._progress = stage, story, seconds, progress
        self._dice = random.Random(seed + 2)
        self._producer = Producer(
            {
                "bootstrap.servers": stage.broker.bootstrap,
                # Kafka's own way from key to partition, the same as Java producers'.
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "linger.ms": 20,
                "log_level": 2,  # that the broker is gone in the end is no news
            }
        )
        self._lost: list[str] = []
        self._watch = Consumer(
            {"bootstrap.servers": stage.broker.bootstrap, "group.id": "demo-watch", "log_level": 0}
        )
        self.journal = Journal(stage.journal)
        self.sent = 0
        self.ordered = 0  # units that customers ordered meanwhile
        self.apply_killed: Killed | None = None
        self.push_killed: Killed | None = None
        self._next_order = 0.0
        self._records_at, self._records = float("-inf"), 0

    # ---- the stream ------------------------------------------------------------------------------

    def run(self) -> None:
        total = len(self._story.sends)
        started = time.monotonic()
        while self.sent < total:
            share = min(1.0, (time.monotonic() - started) / self._seconds)
            self._send_until(int(total * share))
            self._accidents()
            self._look()
            time.sleep(TICK_S)
        self._producer.flush(30)
        if self._lost or len(self._producer):
            raise Failed(f"the broker did not take every event: {self._lost[:3]}")
        self._progress.say(f"all {total:,} events are sent; now everything comes to rest")
        self._rest()

    def _send_until(self, end: int) -> None:
        for send in self._story.sends[self.sent : end]:
            self._producer.produce(TOPIC, key=send.key, value=send.value, on_delivery=self._delivered)
            self._producer.poll(0)
        self.sent = max(self.sent, end)
        self._producer.poll(0)

    def _delivered(self, error, _message) -> None:
        if error is not None:
            self._lost.append(str(error))

    def _accidents(self) -> None:
        share = self.sent / len(self._story.sends)
        if share >= KILL_APPLY_AT and self.apply_killed is None:
            self._kill_apply()
        if share >= KILL_PUSH_AT and self.push_killed is None and self.journal.open:
            self._kill_push()
        if self._progress.seconds >= self._next_order:
            self._next_order = self._progress.seconds + 0.5
            self._customer()

    def _customer(self) -> None:
        """Somebody buys in the shop: one to three units become committed."""
        pair = self._dice.choice(list(self._stage.shelves))
        units = self._dice.randint(1, 3)
        sku = self._stage.shop_spelling[pair.sku]
        self._stage.control("order", {"lines": [{"sku": sku, "location": pair.place, "quantity": units}]})
        self._stage.shelves[pair].committed += units
        self.ordered += units

    # ---- accidents -------------------------------------------------------------------------------

    def _kill_apply(self) -> None:
        victim = max(self._stage.apply, key=lambda worker: len(self._stage.partitions_of(worker)))
        offsets = self._stage.partitions_of(victim)
        victim.kill()
        self.apply_killed = Killed(time.monotonic(), partitions=offsets, partition_count=len(offsets))
        self._progress.say(
            f"KILLED (kill -9): apply, process {victim.pid}, at work on {len(offsets)} of {PARTITIONS} "
            "partitions; another one starts"
        )
        self._stage.start_apply()

    def _kill_push(self) -> None:
        victim = self._stage.push[0]
        victim.kill()
        # It is dead: whatever the shop has seen by now is its own.
        pairs, calls = sum(self.journal.open.values()), self.journal.look().calls
        self.push_killed = Killed(time.monotonic(), calls=calls, pairs_on_the_wire=pairs)
        self._progress.say(
            f"KILLED (kill -9): push, process {victim.pid}, with a write of {pairs} levels under way; "
            "another one starts"
        )
        self._stage.start_push()

    def _offsets(self) -> dict[int, int]:
        return dict(self._stage.db.execute("SELECT partition, next_offset FROM progress").fetchall())

    # ---- watching --------------------------------------------------------------------------------

    def _look(self) -> None:
        self._stage.check_alive()
        self.journal.look()
        now = self._offsets()
        judged = sum(max(0, offset) for offset in now.values())
        waiting = max(0, self._records_lately() - judged)
        self._mark_apply(now, waiting)
        self._mark_push()
        self._progress.show(
            f"sent {self.sent:,}  judged {judged:,}  waiting {waiting:,}  "
            f"writes {self.journal.calls:,} ({self.journal.pairs:,} levels)  "
            f"{self._stage.workers_alive()}"
        )

    def _mark_apply(self, now: dict[int, int], waiting: int) -> None:
        """The kill is over when every partition of the dead worker has moved on."""
        killed = self.apply_killed
        if killed is None or killed.went_on is not None:
            return
        killed.most_waiting = max(killed.most_waiting, waiting)
        killed.partitions = {p: o for p, o in killed.partitions.items() if now.get(p, -1) <= o}
        if not killed.partitions:
            killed.went_on = time.monotonic() - killed.at

    def _mark_push(self) -> None:
        killed = self.push_killed
        if killed is None or killed.went_on is not None:
            return
        if self.journal.calls > killed.calls:
            killed.went_on = time.monotonic() - killed.at

    # ---- coming to rest ----------------------------------------------------------------------------

    def records(self) -> int:
        """Records in the topic: what was sent, and the copies under the right key."""
        total = 0
        for partition in range(PARTITIONS):
            low, high = self._watch.get_watermark_offsets(TopicPartition(TOPIC, partition), timeout=10)
            if low != 0:
                raise Failed(f"the broker has dropped {low} records of partition {partition}")
            total += high
        return total

    def _records_lately(self) -> int:
        """For the progress line: asked a few times a second, not at every tick."""
        if self._progress.seconds - self._records_at > RECORDS_EVERY_S:
            self._records_at, self._records = self._progress.seconds, self.records()
        return self._records

    def _rest(self) -> None:
        """Nothing left to judge, to relay, to write: seen twice, for a copy may be on its way."""
        quiet, limit = 0, time.monotonic() + REST_LIMIT_S
        while quiet < 3:
            self._look()
            left = self._left()
            quiet = 0 if left else quiet + 1
            if time.monotonic() > limit:
                raise Failed(f"it does not come to rest within {REST_LIMIT_S:.0f} s; left: {left}")
            time.sleep(0.2)

    def _left(self) -> str:
        outbox, dirty, open_writes, ended = self._stage.db.execute(
            "SELECT (SELECT count(*) FROM outbox) +"
            " (SELECT count(*) FROM progress WHERE relayed_offset < next_offset), (SELECT count(*) FROM shop_levels WHERE dirty AND fault = ''),"
            " (SELECT count(*) FROM shop_writes WHERE settled_at IS NULL),"
            " (SELECT sum(greatest(next_offset, 0)) FROM progress)"
        ).fetchone()
        records = self.records()
        found = {
            "records to judge": records - int(ended or 0),
            "records to send on": outbox,
            "levels to write": dirty,
            "writes without an answer": open_writes,
        }
        return ", ".join(f"{count} {what}" for what, count in found.items() if count)

    def close(self) -> None:
        self._watch.close()
        self.journal.close()
        del self._producer
