"""The results of a benchmark: rows with goal, figure and reference, as a table, as JSON and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

_COLUMNS = ("what", "goal", "figure", "runs", "reference", "against it", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure. A row without a goal explains the others.

    runs: the smallest and the largest of the runs; `figure` is their median.
    against: the difference from the reference, with its sign, or the ratio to it.
    """

    what: str
    figure: float
    unit: str
    goal: str = ""
    met: bool | None = None
    runs: tuple[float, float] | None = None
    reference: float | None = None
    against: float | None = None
    is_ratio: bool = False

    def cells(self) -> tuple[str, ...]:
        """Return the row as text, in the order of the table's columns."""
        against = ""
        if self.against is not None:
            against = f"{self.against:.2f} ×" if self.is_ratio else f"{self.against:+,.{_digits(self.against)}f}"
            against += "" if self.is_ratio else _unit(self.unit)
        return (
            self.what,
            self.goal,
            shown(self.figure, self.unit),
            "" if self.runs is None else f"{_number(self.runs[0])} to {_number(self.runs[1])}",
            "" if self.reference is None else shown(self.reference, self.unit),
            against,
            "" if self.met is None else "met" if self.met else "missed",
        )


@dataclass(slots=True, kw_only=True)
class Report:
    """The rows of one benchmark.

    how: what was measured, in a sentence or two. notes: facts for judging the figures.
    skipped: why nothing was measured.
    """

    name: str
    title: str
    how: str
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    skipped: str | None = None
    seconds: float = 0.0

    @property
    def missed(self) -> list[Row]:
        """The rows whose goal was not reached."""
        return [row for row in self.rows if row.met is False]

    def print(self, console: Console) -> None:
        """Print the table."""
        if self.skipped is not None:
            console.print(f"[bold]{self.name}[/] skipped: {self.skipped}", highlight=False)
            return
        table = Table(title=f"{self.name}: {self.title}", title_justify="left", caption_justify="left")
        table.caption = "\n".join([self.how, *self.notes])
        for name in _COLUMNS:
            table.add_column(name, justify="left" if name in ("what", "goal", "") else "right")
        for row in self.rows:
            style = {True: "green", False: "red", None: None}[row.met]
            *cells, verdict = row.cells()
            table.add_row(*cells, f"[{style}]{verdict}[/]" if style else "")
        console.print(table, highlight=False)

    def markdown(self) -> str:
        """Return the table as a section of docs/benchmarks.md."""
        lines = [f"## {self.title}", "", f"`./dev bench {self.name}`. {self.how}", ""]
        if self.skipped is not None:
            return "\n".join([*lines, f"Not measured: {self.skipped}", ""])
        lines.append("| " + " | ".join(_COLUMNS) + " |")
        lines.append("|" + "---|" * len(_COLUMNS))
        lines += ["| " + " | ".join(cell.replace("|", r"\|") for cell in row.cells()) + " |" for row in self.rows]
        lines += ["", *(f"- {note}" for note in self.notes), f"- It took {self.seconds:,.0f} s.", ""]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Report:
        """Return a report that `to_json` gave."""
        rows = [Row(**{**row, "runs": tuple(row["runs"]) if row["runs"] else None}) for row in value["rows"]]
        return cls(**{**value, "rows": rows})


def at_most(what: str, figure: float, unit: str, limit: float, **more: Any) -> Row:
    """Return a row whose figure must not be above a limit."""
    return Row(what=what, figure=figure, unit=unit, goal=f"≤ {shown(limit, unit)}", met=figure <= limit, **more)


def at_least(what: str, figure: float, unit: str, limit: float, **more: Any) -> Row:
    """Return a row whose figure must not be below a limit."""
    return Row(what=what, figure=figure, unit=unit, goal=f"≥ {shown(limit, unit)}", met=figure >= limit, **more)


def within(what: str, figure: float, unit: str, reference: float, difference: float, limit: float, **more: Any) -> Row:
    """Return a row whose figure must not be more than `limit` above its reference."""
    goal = f"≤ reference + {shown(limit, unit)}" if limit else "≤ reference"
    met = difference <= limit
    return Row(what=what, figure=figure, unit=unit, goal=goal, met=met, reference=reference, against=difference, **more)


def share(what: str, figure: float, unit: str, reference: float, ratio: float, limit: float | None, **more: Any) -> Row:
    """Return a row whose ratio to its reference must be at least `limit`; None asks for nothing."""
    goal, met = ("", None) if limit is None else (f"≥ {limit:g} × reference", ratio >= limit)
    return Row(
        what=what,
        figure=figure,
        unit=unit,
        goal=goal,
        met=met,
        reference=reference,
        against=ratio,
        is_ratio=True,
        **more,
    )


def shown(value: float, unit: str) -> str:
    """Return a figure with its unit, in about three digits."""
    return _number(value) + _unit(unit)


def document(reports: Sequence[Report], about: dict[str, Any]) -> str:
    """Return docs/benchmarks.md."""
    missed = [f"{report.name}: {row.what}" for report in reports for row in report.missed]
    goals = sum(row.met is not None for report in reports for row in report.rows)
    verdict = f"{goals - len(missed)} of {goals} goals were met."
    if missed:
        verdict += f" Missed: {'; '.join(missed)}."
    if "--quick" in str(about.get("command")):
        verdict = "**Small sizes: these figures only show that the benchmark works.** " + verdict
    facts = "\n".join(f"| {name} | {value} |" for name, value in about.items())
    return (
        "<!-- Generated by `./dev bench --write-docs`; measure again instead of editing. -->\n\n"
        "# Benchmarks\n\n"
        "Every figure is the median of several runs. The reference is a one-tool server on the same MCP SDK with the "
        'SDK\'s defaults (`benchmarks/reference.py`), measured in turn with ours. The column "against it" is the '
        "median of the differences or ratios of single turns, so that changes of the machine's load cancel out. "
        f"{verdict}\n\n"
        f"| | |\n|---|---|\n{facts}\n\n" + "\n".join(report.markdown() for report in reports)
    )


def _digits(value: float) -> int:
    size = abs(value)
    return 0 if size >= 100 else 1 if size >= 10 else 2


def _number(value: float) -> str:
    if 0 < abs(value) < 1:
        return f"{value:.3f}"
    return f"{value:,.{_digits(value)}f}"


def _unit(unit: str) -> str:
    return f" {unit}" if unit and not unit.startswith("/") else unit
