"""Weeks in seconds: events, apply, push, drift and resolve do a day's real work; then the times that they wrote down are moved to that day.

Nothing is seeded but what happens in the shop. The clock of the database can not be moved, so that a simulated day is the work of a few seconds between
two marks, and every time of the tables that KPIs are made of that lies behind the first mark goes back by the same span.
"""

import contextlib
import json
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any, Iterator

from tests.harness.waiting import wait_until
from tests.harness.worker import run_parstock
from tests.scenarios.resolve_world import WholeWorld

TIMES = {
    "drift_runs": ("started_at", "finished_at"),
    "drift_findings": ("observed_at",),
    "drift_actions": ("acted_at", "read_at", "settled_at"),
    "incidents": ("opened_at", "last_seen_at", "changed_at", "proposal_at"),
    "incident_log": ("at",),
    "alert_log": ("at",),
    "spot_checks": ("counted_at", "at"),
    "shop_units": ("at",),
    "shop_writes": ("created_at", "settled_at"),
}
LEVEL = 20


class WeekWorld(WholeWorld):
    """Items at two places, all at par, in mode available."""

    def __init__(self, *args: Any, **more: Any):
        super().__init__(*args)
        self.more["drift"] = {"settle_seconds": 0, "interval_seconds": 3600, "hot_seconds": 0}
        self.more |= more
        self.skus: list[str] = []
        self._turn = 0
        self._is_automated = False

    def open(self, count: int) -> list[str]:
        """Nobody writes the shop yet; it shows what it should."""
        self.skus = self.load(count, LEVEL, ["BER", "HAM"])
        self.apply()
        for place in ("BER", "HAM"):
            self.counts(dict.fromkeys(self.skus, LEVEL), 600, location=place)
        self.sync()
        return self.skus

    def automate(self) -> None:
        self.push().start(wait_ready=True)
        self.wait_par()
        self.resolve()
        self.wait_done()
        self._is_automated = True

    # ---- a day

    def now(self) -> datetime:
        return self.db.execute("SELECT clock_timestamp()").fetchone()[0]

    @contextlib.contextmanager
    def on(self, day: date) -> Iterator[None]:
        mark = self.now()
        yield
        back = mark - datetime.combine(day, time(12), timezone.utc)
        with self.db.transaction():
            for table, columns in TIMES.items():
                for column in columns:
                    self.db.execute(f"UPDATE {table} SET {column} = {column} - %s WHERE {column} >= %s", (back, mark))
            self.db.execute("UPDATE apply_days SET day = %s WHERE day >= kpi_day(%s)", (day, mark))

    def day(self, day: date, edits: int, contract: Path | None = None) -> None:
        """So many pairs are edited in the shop, everything is compared, and what rules ask for is done."""
        with self.on(day):
            for _ in range(edits):
                self.edit_next()
            flags = ("--contract", str(contract)) if contract else ()
            self.drift(*flags)
            if self._is_automated:
                self.wait_done()

    def wait_done(self) -> None:
        """Every finding was acted on, and the shop is at par again."""
        open_ = "drift_findings LEFT JOIN drift_actions a USING (finding_id, sku) WHERE a.state IS NULL"
        wait_until(lambda: self.count(open_) == 0, "findings to be acted on", 60, every_s=0.05)
        self.wait_settled()
        self.wait_par()

    def edit_next(self) -> None:
        """The pairs take turns, the places too."""
        sku, place = self.skus[self._turn // 2 % len(self.skus)], ("BER", "HAM")[self._turn % 2]
        self._turn += 1
        self.edit(sku, location=place, available=LEVEL + 7 + self._turn % 5)

    def without(self, place: str) -> Path:
        """The contract file with a location of the shop left out."""
        contract = json.loads(self.contract.read_text())
        del contract["shops"][0]["locations"][place]
        path = self.run_dir / f"{self.schema}-without-{place}.json"
        path.write_text(json.dumps(contract))
        return path

    # ---- commands

    def week(self, *words: str, code: int = 0) -> dict[str, Any]:
        done = run_parstock("week", *words, "-o", "json", env=self.env())
        assert done.returncode == code, (done.stdout + done.stderr).decode()
        return json.loads(done.stdout) if done.stdout else {"error": done.stderr.decode()}

    def baseline(self, *words: str, code: int = 0) -> dict[str, Any]:
        done = run_parstock("baseline", *words, "-o", "json", env=self.env())
        assert done.returncode == code, (done.stdout + done.stderr).decode()
        return json.loads(done.stdout) if done.stdout else {"error": done.stderr.decode()}


def days(monday: date, count: int = 7) -> list[date]:
    return [monday + timedelta(days=n) for n in range(count)]


def week_of(monday: date) -> str:
    year, week, _ = monday.isocalendar()
    return f"{year}-W{week:02}"
