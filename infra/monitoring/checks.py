"""Refuses a configuration that Prometheus or Alertmanager would refuse, before any resource is touched.

PromQL is parsed by a port of Prometheus' own parser. Where promtool or amtool is on PATH, it is run as well.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from infra.errors import RulesError
from infra.monitoring import alertmanager, prometheus
from infra.monitoring.jobs import CREDENTIALS, JOBS, ScrapeJob
from infra.monitoring.promql import expression_problems
from infra.monitoring.rules import rules_file

_TIMEOUT_S = 20


def check_monitoring() -> None:
    """Check the rules and both configurations, with made-up addresses. Raises RulesError with every problem."""
    address = "host:1"  # the real ones are not known yet
    jobs = [ScrapeJob(name=job, addresses=[address]) for job in sorted(JOBS)]
    check_prometheus(prometheus.configuration(jobs, address), rules_file(), CREDENTIALS.values())
    check_alertmanager(alertmanager.configuration(address, f"https://{address}/"))


def check_prometheus(main: str, rules: str, others: Iterable[str]) -> None:
    """Check prometheus.yml and its rules. others: files it names. Raises RulesError with every problem."""
    problems = [
        f"{rule['alert']}: {problem}"
        for group in yaml.safe_load(rules)["groups"]
        for rule in group["rules"]
        for problem in expression_problems(rule["expr"])
    ]
    if not problems:
        files = {prometheus.MAIN_FILE: main, prometheus.RULES_FILE: rules, **dict.fromkeys(others, "")}
        problems = _tool_problems("promtool", ["check", "config"], files)
    if problems:
        raise RulesError("the configuration of Prometheus", problems)


def check_alertmanager(main: str) -> None:
    """Check alertmanager.yml. Raises RulesError with every problem."""
    tree = yaml.safe_load(main)
    receivers = {receiver["name"] for receiver in tree["receivers"]}
    problems = [f"route: there is no receiver {name!r}" for name in _receivers(tree["route"]) if name not in receivers]
    if not problems:
        files = {alertmanager.MAIN_FILE: main, alertmanager.TOKEN_FILE: ""}
        problems = _tool_problems("amtool", ["check-config"], files)
    if problems:
        raise RulesError("the configuration of Alertmanager", problems)


def _receivers(route: Mapping[str, Any]) -> Iterator[str]:
    """Yield the receivers that a route and its children name; a route without one inherits its parent's."""
    if "receiver" in route:
        yield route["receiver"]
    for child in route.get("routes", []):
        yield from _receivers(child)


def _tool_problems(tool: str, arguments: Sequence[str], files: Mapping[str, str]) -> list[str]:
    """Return what a tool reports about the first of these files; nothing if the tool is not installed."""
    path = shutil.which(tool)
    if path is None:
        return []
    with TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_text(content, encoding="utf-8")
        done = subprocess.run(  # noqa: S603 - a fixed command
            [path, *arguments, str(Path(folder) / next(iter(files)))],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    return [] if done.returncode == 0 else [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
