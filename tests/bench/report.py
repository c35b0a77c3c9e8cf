"""The table of a run, its ratios, and their place in README.md."""

import os
import platform
import statistics
from datetime import datetime, timezone
from pathlib import Path

from .figures import Figures, median, ratio

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"

Results = dict[str, list[Figures]]

# What the bars of the bench ask for: (name, arm above, arm below, part).
RATIOS = [
    ("worker / debezium", "worker", "debezium", "rate"),
    ("worker / parallel_consumer (uniform keys)", "worker", "parallel_consumer_uniform", "rate"),
    ("worker / parallel_consumer (Zipf)", "worker", "parallel_consumer", "rate"),
    ("worker / franz_go", "worker", "franz_go", "rate"),
    ("worker / memory", "worker", "memory", "rate"),
    ("memory / copy_1", "memory", "copy_1", "rate"),
    ("client CPU, worker / franz_go", "worker", "franz_go", "client"),
    ("client CPU, worker / debezium", "worker", "debezium", "client"),
    ("Postgres CPU, worker / franz_go", "worker", "franz_go", "postgres"),
    ("peak RSS, worker / franz_go", "worker", "franz_go", "rss_mib"),
]


def _number(value: float | None, form: str = ".2f") -> str:
    return "-" if value is None else format(value, form)


def _row(name: str, rounds: list[Figures]) -> str:
    rates = [f.rate / 1000 for f in rounds]
    speed = f"{min(rates):,.1f} / **{statistics.median(rates):,.1f}** / {max(rates):,.1f}"
    cpu = " / ".join(_number(median(rounds, part)) for part in ("client", "broker", "postgres"))
    rss = max((f.rss_mib for f in rounds if f.rss_mib is not None), default=None)
    return f"| {name} | {rounds[0].events:,} | {len(rounds)} | {speed} | {cpu} | {_number(rss, '.0f')} |"


def ceiling(results: Results) -> float | None:
    """What the parts would allow on these cores together: cores / CPU seconds an event of all of them."""
    parts = [median(results.get(arm, []), part) for arm, part in
             (("bare_consume", "client"), ("bare_consume", "broker"), ("memory", "client"), ("memory", "postgres"))]  # fmt: skip
    return None if None in parts else (os.cpu_count() or 1) / sum(parts) * 1e6


def table(results: Results) -> str:
    lines = [
        "| arm | events | rounds | k events/s min / **median** / max | CPU s a million: client / broker / Postgres | peak RSS MiB |",
        "|---|--:|--:|---|---|--:|",
    ]  # fmt: skip
    lines += [_row(name, rounds) for name, rounds in results.items() if rounds]
    lines += ["", "| ratio of medians | |", "|---|--:|"]
    for name, above, below, part in RATIOS:
        value = ratio(results.get(above, []), results.get(below, []), part)
        if value is not None:
            lines.append(f"| {name} | {value:.2f} |")
    bound = ceiling(results)
    if bound is not None and results.get("worker"):
        lines.append(f"| worker / (cores over the CPU of bare consume and memory together, {bound / 1000:,.0f}k/s) "
                     f"| {median(results['worker'], 'rate') / bound:.2f} |")  # fmt: skip
    return "\n".join(lines)


def heading(options) -> str:
    day = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    return (f"{day}, {os.cpu_count()} cores ({platform.machine()}), {options.lanes} lanes; arms alternated in one "
            f"run, the order rotated each round; load average before the first round {os.getloadavg()[0]:.1f}.")  # fmt: skip


def write(text: str) -> None:
    whole = README.read_text()
    before, rest = whole.split(BEGIN)
    _, after = rest.split(END)
    README.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")
