"""Refuses what Prometheus or Alertmanager would refuse, before anything is touched.

PromQL is parsed by a port of Prometheus' own parser. Where promtool or amtool is on PATH, its word is asked as well.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import promql_parser
import yaml

from app.metrics import CATALOGUE
from infra.errors import RulesError
from infra.selfhost.files import FOLDER
from infra.selfhost.rules import OTHER_METRICS

_PATIENCE_S = 20


def check_prometheus(main: str, rules: str, others: Iterable[str]) -> None:
    """Check prometheus.yml and its rules; `others` are files it names. Raises RulesError with every problem."""
    problems = [
        f"{rule['alert']}: {problem}"
        for group in yaml.safe_load(rules)["groups"]
        for rule in group["rules"]
        for problem in expression_problems(rule["expr"])
    ]
    if not problems:
        problems = _said_by(
            "promtool", ["check", "config"], {"prometheus.yml": main, "rules.yml": rules, **dict.fromkeys(others, "")}
        )
    if problems:
        raise RulesError("the configuration of Prometheus", problems)


def check_alertmanager(main: str) -> None:
    """Check alertmanager.yml. Raises RulesError with every problem."""
    tree = yaml.safe_load(main)
    receivers = {receiver["name"] for receiver in tree["receivers"]}
    problems = [f"route: there is no receiver {name!r}" for name in _receivers(tree["route"]) if name not in receivers]
    problems = problems or _said_by("amtool", ["check-config"], {"alertmanager.yml": main, "token": ""})
    if problems:
        raise RulesError("the configuration of Alertmanager", problems)


def expression_problems(expression: str) -> list[str]:
    """Return what is wrong with a PromQL expression: its grammar, or a metric nobody has."""
    try:
        tree = promql_parser.parse(expression)
    except ValueError as error:
        return [str(error)]
    known = OTHER_METRICS | {name for metric in CATALOGUE for name in metric.series}
    return [f"there is no metric {name}" for name in sorted(metric_names(tree) - known)]


def metric_names(tree: Any) -> set[str]:
    """Return the names of all metrics in a parsed expression."""
    if isinstance(tree, promql_parser.VectorSelector):
        return {str(tree.name)}
    if isinstance(tree, promql_parser.MatrixSelector):
        return metric_names(tree.vector_selector)
    parts = [getattr(tree, part, None) for part in ("lhs", "rhs", "expr", "param")] + list(getattr(tree, "args", []))
    return {name for part in parts if part is not None for name in metric_names(part)}


def _receivers(route: Mapping[str, Any]) -> Iterator[str]:
    """Yield the receivers a route and those below it name; one that names none takes its parent's."""
    if "receiver" in route:
        yield route["receiver"]
    for below in route.get("routes", []):
        yield from _receivers(below)


def _said_by(tool: str, arguments: Sequence[str], files: Mapping[str, str]) -> list[str]:
    """Return what a tool finds wrong with the first of these files; nothing where there is no such tool."""
    path = shutil.which(tool)
    if path is None:
        return []
    with TemporaryDirectory() as folder:
        for name, content in files.items():
            # in the container the files stand elsewhere
            (Path(folder) / name).write_text(content.replace(FOLDER, folder), encoding="utf-8")
        done = subprocess.run(  # noqa: S603 - a fixed command
            [path, *arguments, str(Path(folder) / next(iter(files)))],
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    return [] if done.returncode == 0 else [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
