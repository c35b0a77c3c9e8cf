"""The campaigns side by side, as a table. Pure."""

from typing import Callable, Sequence

from .campaign import Result

Row = tuple[str, Callable[[Result], object]]


def _par(result: Result) -> str:
    if not result.rounds:
        return "-"
    return " ".join(f"{result.races - len(behind):,}" for behind in result.rounds)


ROWS: tuple[Row, ...] = (
    ("races", lambda r: r.races),
    ("**units sold twice**", lambda r: r.verdict.units),
    ("in races", lambda r: len(r.verdict.oversold)),
    ("writes that showed more than was there", lambda r: r.verdict.shown.total()),
    ("in races", lambda r: len(r.verdict.shown)),
    ("units sold", lambda r: r.verdict.counts["units"]),
    ("customers who bought", lambda r: r.verdict.counts["sales"]),
    ("customers who got nothing", lambda r: r.verdict.counts["refused"]),
    ("orders cancelled", lambda r: r.verdict.counts["cancelled"]),
    ("orders shipped", lambda r: r.verdict.counts["shipped"]),
    ("receipts", lambda r: r.tally["receipts"]),
    ("counts", lambda r: r.tally["counts"]),
    ("told after a sale or shipment they had not seen", lambda r: r.tally["counts overtaken"]),
    ("orders and cancellations never told", lambda r: r.tally["orders never told"]),
    ("writes", lambda r: r.verdict.counts["writes"]),
    ("levels written", lambda r: r.verdict.counts["pairs written"]),
    ("levels raised", lambda r: r.verdict.counts["pairs raised"]),
    ("stale answers", lambda r: r.verdict.counts["stale answers"]),
    ("levels that were stale in them", lambda r: r.verdict.counts["stale pairs"]),
    ("calls that went wrong", lambda r: r.verdict.counts["faults"]),
    ("workers killed or asleep", lambda r: ", ".join(f"{n} {what}" for what, n in sorted(r.done.items())) or "-"),
    ("at par after each round of counts at the end", _par),
)


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def table(results: Sequence[Result]) -> str:
    heads = ["", *(f"{result.writer}, {result.mode}" for result in results)]
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "--:|" * len(results)]
    for name, value in ROWS:
        lines.append("| " + " | ".join([name, *(_cell(value(result)) for result in results)]) + " |")
    return "\n".join(lines)


def both_numbers(results: Sequence[Result]) -> list[str]:
    """The line that matters, one a mode."""
    lines = []
    for mode in dict.fromkeys(result.mode for result in results):
        of_mode = {result.writer: result for result in results if result.mode == mode}
        numbers = [f"{name} {result.verdict.units:,}" for name, result in of_mode.items()]
        lines.append(f"race: {mode}: units sold twice in {of_mode.popitem()[1].races:,} races: {', '.join(numbers)}")
    return lines
