"""Asks each host for the driver of Loki, which does not come with Docker, before anything is touched."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from infra.command_errors import CannotDo
from infra.errors import EnginesError
from infra.selfhost.config import Hosts
from infra.selfhost.engine_calls import DockerHost
from infra.selfhost.log_driver import LOKI, Logging

_INSTALL = "docker plugin install grafana/loki-docker-driver:VERSION --alias loki --grant-all-permissions"


def check_log_driver(hosts: Hosts, logging: Logging) -> None:
    """Raise EnginesError that lists the hosts without the driver that the stack names."""
    if logging.driver != LOKI:
        return  # Docker's own
    engines = DockerHost.all_of(hosts)
    with ThreadPoolExecutor(len(engines)) as pool:
        problems = [problem for found in pool.map(_problems, engines) for problem in found]
    if problems:
        raise EnginesError(problems)


def _problems(host: DockerHost) -> list[str]:
    return [f"{host.docker} ({', '.join(host.roles)}): {problem}" for problem in _lacks(host)]


def _lacks(host: DockerHost) -> Iterator[str]:
    try:
        enabled = host.run("plugin", "ls", "--filter", "enabled=true", "--format", "{{.Name}}").split()
    except CannotDo as error:
        yield str(error)
        return
    if LOKI not in {name.partition(":")[0] for name in enabled}:
        yield f"has no logging driver {LOKI}; run there `{_INSTALL}`"
