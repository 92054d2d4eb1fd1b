"""A real Prometheus that starts again on its data raises no alert about what is no longer there to be scraped."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.monitoring.jobs import APP_JOB, ScrapeJob
from infra.monitoring.prometheus import MAIN_FILE, PORT, RULES_FILE, arguments, configuration
from infra.monitoring.rules import RULES, rules_file
from tests.support.docker import free_port
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed (Debian: prometheus)"),
]
ALERT = next(rule for rule in RULES if rule.name == "ClaudeMemoryMCPDown")
NOBODY = "127.0.0.1:9"  # alerts are read from Prometheus itself


class Prometheus:
    """One that runs on a folder; its data is there when the next one starts."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.port = folder, free_port()
        (folder / RULES_FILE).write_text(rules_file())

    @contextmanager
    def scraping(self, *addresses: str) -> Iterator[None]:
        """Run it, with these replicas to scrape."""
        jobs = [ScrapeJob(name=APP_JOB, addresses=[self.itself, *addresses])]
        (self._folder / MAIN_FILE).write_text(configuration(jobs, NOBODY))
        listens = f"127.0.0.1:{self.port}"
        given = [
            one.replace(f"0.0.0.0:{PORT}", listens) for one in arguments(str(self._folder), str(self._folder / "d"))
        ]
        with (self._folder / "log").open("wb") as log:
            process = subprocess.Popen(["prometheus", *given], stdout=log, stderr=log)
        try:
            wait_until(self._answers, "Prometheus", 30)
            yield
        finally:
            process.terminate()
            process.wait(30)

    @property
    def itself(self) -> str:
        """Where it serves metrics: a replica that is always there."""
        return f"127.0.0.1:{self.port}"

    def up(self, address: str) -> str | None:
        """Return what it last measured of a replica."""
        found = self._get("query", query=f'up{{instance="{address}"}}')["result"]
        return str(found[0]["value"][1]) if found else None

    def firing(self) -> set[str]:
        """Return the instances that the alert fires for."""
        alerts = self._get("alerts")["alerts"]
        return {
            one["labels"]["instance"]
            for one in alerts
            if one["labels"]["alertname"] == ALERT.name and one["state"] == "firing"
        }

    def _get(self, path: str, **query: str) -> Any:
        answer = httpx.get(f"http://{self.itself}/api/v1/{path}", params=query, timeout=10)
        return answer.raise_for_status().json()["data"]

    def _answers(self) -> bool:
        try:
            return httpx.get(f"http://{self.itself}/-/ready", timeout=2).status_code == 200
        except httpx.TransportError:
            return False


def test_a_replica_that_was_taken_away_before_a_restart_is_not_told_as_down(tmp_path: Path) -> None:
    prometheus, taken_away = Prometheus(tmp_path), f"127.0.0.1:{free_port()}"
    with prometheus.scraping(taken_away):  # it is stopped, and Prometheus does not know yet that it is to be
        wait_until(lambda: prometheus.up(taken_away) == "0", "the replica measured as down", 30)

    with prometheus.scraping():
        wait_until(lambda: prometheus.up(prometheus.itself) == "1", "the other replica measured", 30)
        until = time.monotonic() + ALERT.for_s + 10
        while time.monotonic() < until:
            assert prometheus.firing() == set()
            time.sleep(1)


def test_a_replica_that_is_down_is_told_after_a_restart(tmp_path: Path) -> None:
    prometheus, down = Prometheus(tmp_path), f"127.0.0.1:{free_port()}"

    with prometheus.scraping(down):
        wait_until(lambda: prometheus.firing() == {down}, "the alert", ALERT.for_s + 20)
