"""Import and export: memories a second, with a new data directory; PostgreSQL's start is not counted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import median, spread
from benchmarks.progress import Steps
from benchmarks.report import Report, Row, at_least, at_most
from benchmarks.servers import NotStarted, environment, temporary_folder
from benchmarks.texts import Texts, project

GOAL_PER_SECOND = 2_000
MEMORY_MB = 150  # of the command, whatever the size of the file


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    memories: int = 100_000
    rounds: int = 3


FULL, QUICK = Sizes(), Sizes(memories=2_000, rounds=1)


def measure(sizes: Sizes, steps: Steps) -> Report:
    """Import memories and conversations, import them again, and export them; each round in a new data directory."""
    report = Report(
        name="importing",
        title="Import and export",
        how=f"`claude-memory import` and `export` of {sizes.memories:,} memories as JSON Lines, each round into a "
        f"new data directory with the embedded PostgreSQL; the median of {sizes.rounds}.",
    )
    with temporary_folder() as folder:
        folder.chmod(0o755)  # as root, PostgreSQL runs as another user
        files = {
            "memories": _written(folder / "memories.jsonl", _notes(sizes.memories)),
            "conversations of 100 turns": _written(
                folder / "conversations.jsonl", Texts(2).conversations(sizes.memories)
            ),
        }
        memory_mb: list[float] = []
        for kind, file in files.items():
            rates: dict[str, list[float]] = {"import": [], "import again": [], "export": []}
            for number in steps.over(range(sizes.rounds), kind):
                data = folder / f"{file.stem}-{number}"
                for what, arguments in (
                    ("import", ["import", str(file)]),
                    ("import again", ["import", str(file)]),
                    ("export", ["export", str(folder / "out.jsonl")]),
                ):
                    done, peak_mb = _command(folder, [*arguments, "--json", "--data-dir", str(data)])
                    rates[what].append(sizes.memories / done["seconds"])
                    memory_mb.append(peak_mb)
            for what, found in rates.items():
                figures: dict[str, Any] = {"figure": median(found), "unit": "/s", "runs": spread(found)}
                name = f"{what}, {kind}"
                report.rows.append(
                    at_least(name, limit=GOAL_PER_SECOND, **figures) if what == "import" else Row(what=name, **figures)
                )
    report.rows.append(
        at_most("memory of the command, its largest process", max(memory_mb), "MB", MEMORY_MB, runs=spread(memory_mb))
    )
    return report


def _notes(count: int) -> Iterator[dict[str, Any]]:
    texts = Texts(1)
    for number in range(count):
        yield {"text": f"{number} {texts.text()}", "project": project(number)}


def _written(path: Path, lines: Iterator[dict[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    return path


def _command(folder: Path, arguments: list[str]) -> tuple[dict[str, Any], float]:
    """Run a command; return its report and the peak of its resident memory in MB."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app", *arguments],
        stdout=subprocess.PIPE,
        cwd=folder,  # no `.env` of a developer
        env=environment(),
    )
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise NotStarted(f"{' '.join(arguments)} ended with {process.returncode}")
    peak_bytes = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1_024)
    return json.loads(output), peak_bytes / 1e6
