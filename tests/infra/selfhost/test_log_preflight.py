"""Each host is asked for Loki's driver; stand-ins for `ssh` and `docker` answer as the real ones do."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.errors import EnginesError
from infra.selfhost.config import Host, Hosts
from infra.selfhost.log_driver import ON_HOSTS, Logging
from infra.selfhost.log_preflight import check_log_driver
from tests.support.commands import Commands

ONE, TWO = "ssh://deploy@one.example.org", "ssh://deploy@two.example.org"
FIRST, SECOND = Host(docker=ONE, address="10.0.0.2"), Host(docker=TWO, address="10.0.0.3")
HOSTS = Hosts(data=FIRST, app=FIRST, monitoring=SECOND, edge=SECOND)
LOKI = Logging(driver="loki", address="https://loki.example.org/loki/api/v1/push")


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    return Commands(tmp_path, monkeypatch)


@pytest.mark.parametrize("listed", ["loki:latest", "weave\nloki"])
def test_hosts_that_have_it_are_accepted(commands: Commands, listed: str) -> None:
    commands.put("ssh", f"printf '{listed}\\n'")

    check_log_driver(HOSTS, LOKI)

    assert len(commands.calls) == 2
    assert all("docker plugin ls --filter enabled=true" in call for call in commands.calls)


def test_each_host_without_it_is_named_with_the_command_that_installs_it(commands: Commands) -> None:
    commands.put("ssh", 'case $* in *one.example.org*) echo loki:latest;; *) echo "loki-like:1";; esac')

    with pytest.raises(EnginesError, match="1 Docker engine of the stack") as caught:
        check_log_driver(HOSTS, LOKI)
    [problem] = caught.value.problems
    assert problem.startswith(
        f"{TWO} (monitoring, edge): has no logging driver loki; run there `docker plugin install "
    )


def test_a_host_that_does_not_answer_is_named_with_the_reason(commands: Commands) -> None:
    commands.put("ssh", 'echo "Connection refused" >&2; exit 255')

    with pytest.raises(EnginesError, match=r"docker plugin on ssh://deploy@one.example.org: Connection refused"):
        check_log_driver(HOSTS, LOKI)


def test_for_the_drivers_that_come_with_docker_no_host_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # there is neither ssh nor docker

    check_log_driver(HOSTS, ON_HOSTS)
    check_log_driver(HOSTS, Logging(driver="gelf", address="udp://10.0.0.9:12201"))
