"""`top`: what each service uses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.infra.selfhost.conftest import Ran
from tests.support.engine_answers import AnsweringHost, container

Command = Callable[..., Ran]


def stats(service: str, cpu: str, **changed: str) -> dict[str, Any]:
    shown = {"MemUsage": "60MiB / 768MiB", "MemPerc": "7.81%", "NetIO": "1kB / 2kB", "BlockIO": "0B / 0B", "PIDs": "12"}
    return {"ID": f"id-of-{service}", "CPUPerc": cpu, **shown, **changed}


def host(*lines: dict[str, Any]) -> AnsweringHost:
    services = [container(line["ID"].removeprefix("id-of-")) for line in lines]
    stopped = container("proxy", State={"Status": "exited"})
    said = {"stats --no-stream": "\n".join(map(json.dumps, lines))}
    return AnsweringHost(containers=[*services, stopped], said=said)


def test_the_busiest_is_first_and_what_does_not_run_is_not_asked_about(command: Command) -> None:
    one = host(stats("postgres", "3.50%"), stats("app-1", "41.20%"), stats("alerts", "--", PIDs="--", MemPerc="--"))

    ran = command("top", "--json", hosts=[one])

    assert ran.status == 0
    shown = [(row["service"], row["cpu_percent"], row["memory_percent"]) for row in ran.json["services"]]
    assert shown == [("app-1", 41.2, 7.81), ("postgres", 3.5, 7.81), ("alerts", 0.0, 0.0)]
    assert "id-of-proxy" not in next(asked for asked in one.asked if asked[0] == "stats")


def test_it_is_a_table_for_people(command: Command) -> None:
    ran = command("top", hosts=[host(stats("app-1", "41.20%"))])

    assert "app-1 data 41.2 % 60MiB / 768MiB 8 % 1kB / 2kB 0B / 0B 12" in ran.said


def test_a_host_that_does_not_answer_is_told_and_fails_the_command(command: Command) -> None:
    ran = command("top", hosts=[host(stats("app-1", "1%")), AnsweringHost(roles=("edge",), name="edge", away=True)])

    assert ran.status == 1
    assert "app-1" in ran.said
    assert "failed host edge docker ps on unix:///var/run/docker.sock: Connection refused" in ran.said
