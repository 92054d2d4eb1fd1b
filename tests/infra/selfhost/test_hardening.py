"""The arguments that harden a container."""

from __future__ import annotations

import pytest

from infra.selfhost.config import Limit
from infra.selfhost.hardening import NOBODY, hardening
from infra.selfhost.log_driver import Logging

LIMIT = Limit(memory_mb=128, cpus=0.25)


def test_a_container_has_no_privileges_and_cannot_gain_any() -> None:
    given = hardening(LIMIT, NOBODY, {}, Logging())

    assert given["capabilities"].drops == ["ALL"]
    assert given["security_opts"] == ["no-new-privileges:true"]
    assert given["user"] == "65534:65534"


def test_a_container_cannot_write_to_its_root() -> None:
    assert hardening(LIMIT, NOBODY, {}, Logging())["read_only"] is True


def test_memory_is_limited_without_swap_and_processors_too() -> None:
    given = hardening(LIMIT, NOBODY, {}, Logging())

    assert given["memory"] == given["memory_swap"] == 128
    assert given["cpus"] == "0.25"


def test_logs_are_rotated_before_they_fill_the_disk() -> None:
    given = hardening(LIMIT, NOBODY, {}, Logging())

    assert given["log_driver"] == "json-file"
    assert given["log_opts"] == {"max-size": "10m", "max-file": "3"}


@pytest.mark.parametrize(
    ("user", "owner"),
    [
        pytest.param("472:0", ",uid=472,gid=0,", id="numbers"),
        pytest.param("postgres", ",", id="a name, whose number only the image knows"),
    ],
)
def test_an_in_memory_file_system_belongs_to_the_user_of_the_container(user: str, owner: str) -> None:
    [options] = hardening(LIMIT, user, {"/tmp": 64}, Logging()).pop("tmpfs").values()

    assert options == f"rw,nosuid,nodev,noexec,mode=1777{owner}size=64m"


def test_there_is_a_file_system_for_each_path_in_its_size() -> None:
    given = hardening(LIMIT, NOBODY, {"/tmp": 64, "/var/run": 8}, Logging())["tmpfs"]

    assert {path: options.rpartition(",")[2] for path, options in given.items()} == {
        "/tmp": "size=64m",
        "/var/run": "size=8m",
    }
