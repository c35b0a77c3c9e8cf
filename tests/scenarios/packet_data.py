"""Data files of a packet, made by hand: what `parstock packet` reads from the database, for tests without one.

Everything here goes by the schemas; the C code judges whether it is what a packet holds.
"""

import hashlib
import json
import subprocess
from pathlib import Path

from tests.harness.paths import BUILD, ROOT

SEAL = BUILD / "tests" / "seal_packet"
CONTRACT = ROOT / "schemas/examples/contract/valid/full.json"
MONDAY, WEEK, END = "2026-11-23", "2026-W48", "2026-11-30T00:00:00Z"
_DEFS = json.loads((ROOT / "schemas/week.v1.schema.json").read_text())["$defs"]
COUNTERS = [name for name, member in _DEFS["place"]["properties"].items() if member.get("$ref") == "#/$defs/counts"]
LIMITS = {
    "mismatch_share": 10000, "oversells": -1, "unknown_share": 200000, "detect_ms": -1, "repair_ms": -1,
    "coverage_share": 950000, "covered_days": 5, "compared": 100, "baseline_days": 1, "better_share": 100000,
    "broken_share": 100000, "in_flight_share": 50000, "stale_share": 50000, "dead_share": 10000,
    "late_share": 100000, "alerts_lost": 0, "guard_stops": 3, "resync_share": 800000, "open_share": 100000,
}  # fmt: skip
HOSTILE = [
    '<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "</style></table><h1>x", "=HYPERLINK(\"http://x\")",
    "+1;=cmd|' /C calc'!A0", "abc\u202egpj.exe", "a\u200bb\ufeffc", "München & Söhne 漢字 🎁", "' onfocus='x",
]  # fmt: skip


def canonical(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def place(shop: str, location: str, days: int = 7, causes: dict | None = None, **counts: list[int] | int) -> dict:
    """A number stands for the same every day."""
    row = {"shop": shop, "location": location, "pairs": 400 if location else 0}
    for name in COUNTERS:
        value = counts.pop(name, 0)
        row[name] = value if isinstance(value, list) else [value] * days
    assert not counts, counts
    spell = {"count": 12, "p50_ms": 61000, "p95_ms": 240500}
    return row | {"detect": spell, "repair": spell, "causes": causes or {}}


def swept(shop: str, location: str, mismatched: list[int], days: int = 7, **counts) -> dict:
    return place(shop, location, days, sweeps=24, known=9600, compared=9590, mismatched=mismatched, orders=50,
                 found=mismatched, **counts)  # fmt: skip


def period(first: str, days: int, places: list[dict]) -> dict:
    places = sorted(places, key=lambda p: (p["shop"].encode(), p["location"].encode()))
    return {"from": first, "days": days, "places": places}


def inputs(places: list[dict], contract: bytes, before: list[dict] | None = None) -> dict:
    baseline = None
    if before is not None:
        baseline = {"version": 1, "id": 3, "captured_at": "2026-11-20T00:00:00Z", "by": "jo", "note": "before go-live",
                    "contract": digest(contract), "resyncs": 0, "writes": 0,
                    "period": period("2026-11-13", 7, before)}  # fmt: skip
    return {"version": 1, "week": WEEK, "captured_at": END, "contract": digest(contract), "limits": LIMITS,
            "baseline": baseline, "period": period(MONDAY, 7, places)}  # fmt: skip


def improving(shop: str = "demo") -> tuple[list[dict], list[dict]]:
    """Places of a week that is better than its baseline, and the baseline's."""
    before = [swept(shop, "BER", [410] * 7), swept(shop, "HAM", [380] * 7)]
    week = [
        swept(shop, "BER", [300, 220, 160, 110, 70, 40, 20], resyncs_done=40, resyncs_failed=1,
              causes={"lost_write": 600, "external_writer": 320}),
        swept(shop, "HAM", [280, 210, 150, 90, 60, 30, 15], resyncs_done=30, interventions=[2, 1, 0, 1, 0, 0, 0],
              causes={"lost_write": 500, "queue_delay": 335}),
        place(shop, "", events=20000, dead_letters=3, alerts=10),
    ]  # fmt: skip
    return week, before


def incident(number: int, sku: str = "CUP-1", at: str = "2026-11-24T10:00:00Z", **others) -> dict:
    return {
        "incident_id": f"{number:032x}", "revision": 1, "at": at, "state": "opened", "class": "drift",
        "cause": "external_writer", "severity": "error", "shop": "demo", "sku": sku, "location": "BER",
        "occurrences": 1, "root_cause": None, "remediation": "ask who writes it", "handoff": "none",
        "runbook_url": "docs/runbooks/drift.md", "opened_at": at, "actor": "resolve", "note": "",
        "evidence": {"residual": 3},
    } | others  # fmt: skip


def spot_check(number: int, sku: str = "CUP-1", **others) -> dict:
    return {
        "id": number, "sku": sku, "location": "BER", "counted": 4, "books": 5, "source": "wms", "verdict": "books_high",
        "actor": "jo", "counted_at": "2026-11-25T09:00:00Z", "at": "2026-11-25T09:05:00Z", "event_id": "", "note": "",
    } | others  # fmt: skip


def decision(week: dict, verdict: str, rule: str, handoff: str) -> dict:
    return {"version": 1, "week": week["week"], "number": 1, "verdict": verdict, "rule": rule, "handoff": handoff,
            "by": "jo", "why": "down at every location, and nothing hides", "at": "2026-11-30T08:00:00Z",
            "inputs": digest(canonical(week)), "contract": week["contract"]}  # fmt: skip


def write_data(folder: Path, week: dict, contract: bytes, decided: dict | None = None,
               incidents: list[dict] = (), checks: list[dict] = ()) -> Path:  # fmt: skip
    folder.mkdir()
    (folder / "week.json").write_bytes(canonical(week))
    (folder / "contract.json").write_bytes(contract)
    if decided:
        (folder / "decision.json").write_bytes(canonical(decided))
    for name, rows in (("incidents.jsonl", incidents), ("spot-checks.jsonl", checks)):
        (folder / name).write_bytes(b"".join(canonical(row) + b"\n" for row in rows))
    return folder


def seal(data: Path, out: Path) -> Path:
    """A packet of the data files, as whoever forges one would make it."""
    done = subprocess.run([SEAL, data, out], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out


def good_packet(folder: Path, hostile: bool = False) -> Path:
    """A packet of an improving week, decided; with names that would like to be something else."""
    folder.mkdir()
    contract = CONTRACT.read_bytes()
    week, before = improving()
    skus = HOSTILE if hostile else ["CUP-1", "POT-2"]
    if hostile:
        week += [swept("demo", name, [9] * 7, causes={"lost_write": 63}) for name in HOSTILE[:6]]
    made = inputs(week, contract, before)
    rows = [incident(n, sku, note=skus[-1 - n], actor=sku, runbook_url="javascript:alert(1)") for n, sku in enumerate(skus)]
    rows += [incident(n, skus[n % len(skus)], at="2026-11-26T10:00:00Z", state="resolved", revision=2)
             for n in range(400 if hostile else 2)]  # fmt: skip
    checks = [spot_check(n, sku, note=sku) for n, sku in enumerate(skus)]
    data = write_data(folder / "data", made, contract, decision(made, "pass", "better", "none"), rows, checks)
    return seal(data, folder / "packet")
