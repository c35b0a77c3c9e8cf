"""The check of a finished campaign, its partitions shared out to two processes.

`python -m tests.chaos.verify CASE RESULT PARTITION..` checks some, one after the other, so that
memory holds the model of one partition only; CASE is a Case as JSON.
"""

import gc
import json
import pickle
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.harness.paths import ROOT
from tests.harness.process import Child

from . import checker, recorder, topics
from .history import Change, Findings, Part
from .load import read_journal
from .quick import QuickModel

PROCESSES = 2
LIMIT_S = 3600.0


@dataclass(frozen=True)
class Case:
    """Where everything of a finished campaign is found."""

    brokers: str
    prefix: str
    dsn: str
    schema: str
    partitions: int
    contract: str  # path
    journal: str  # path

    def topic(self, name: str) -> str:
        return self.prefix + name


@dataclass
class Verdict:
    findings: Findings
    parts: list[Part]
    changes: list[Change]

    @property
    def events(self) -> int:
        return sum(part.records for part in self.parts)


def check_partition(case: Case, partition: int) -> Part:
    part = Part(partition)
    contract = json.loads(Path(case.contract).read_text())
    model = QuickModel(contract, case.partitions)
    sent = {offset: digest for p, offset, digest, _ in read_journal(Path(case.journal))
            if p == partition}  # fmt: skip
    mine = [c for c in recorder.changes(case.dsn, case.schema) if c.partition == partition]
    records = topics.records(case.brokers, case.topic("stock-changes"), partition)
    rows = recorder.ledger(case.dsn, case.schema, partition)
    checker.check_part(part, records, rows, mine, model.judge, sent)
    part.levels, part.readings = model.levels(), model.readings()
    return part


def _check_parts(case: Case, logs: Path) -> list[Part]:
    place = logs / f"{case.schema}.case.json"
    place.write_text(json.dumps(asdict(case)))
    children = []
    for number in range(PROCESSES):
        name = f"{case.schema}-verify-{number}"
        result = logs / f"{name}.pickle"
        share = [str(p) for p in range(number, case.partitions, PROCESSES)]
        argv = [sys.executable, "-m", "tests.chaos.verify", place, result, *share]
        children.append((Child(name, argv, logs, cwd=ROOT), result))
    parts = []
    for child, result in children:
        if child.wait(LIMIT_S) != 0:
            raise RuntimeError(f"the check of a partition broke\n{child.tail()}")
        parts += pickle.loads(result.read_bytes())
    return parts


def verify(case: Case, logs: Path) -> Verdict:
    parts = _check_parts(case, logs)
    findings = Findings()
    wanted, readings = {}, {}
    for part in parts:
        findings.extend(part.findings)
        wanted |= part.levels
        readings |= part.readings
    sources = [s["name"] for s in json.loads(Path(case.contract).read_text())["sources"]]
    rows = recorder.levels(case.dsn, case.schema)
    checker.check_levels(wanted, rows, findings)
    checker.check_readings(readings, recorder.readings(case.dsn, case.schema, sources), findings)
    checker.check_totals(parts, recorder.totals(case.dsn, case.schema), findings)
    checker.check_letters(parts, topics.letters(case.brokers, case.topic("dead-letters")), findings)
    checker.check_copies(parts, findings)
    records = topics.level_records(case.brokers, case.topic("levels"))
    checker.check_level_records(records, rows, findings)
    return Verdict(findings, parts, recorder.changes(case.dsn, case.schema))


if __name__ == "__main__":
    named = Case(**json.loads(Path(sys.argv[1]).read_text()))
    gc.freeze()  # millions of small values, none of them in a ring
    gc.disable()
    Path(sys.argv[2]).write_bytes(
        pickle.dumps([check_partition(named, int(number)) for number in sys.argv[3:]])
    )
