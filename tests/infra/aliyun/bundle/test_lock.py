from __future__ import annotations

import sys

import pytest

from infra.aliyun.bundle.errors import LockUnreadable
from infra.aliyun.bundle.lock import LOCK, environment_of, lock_for, pins_of
from tests.support.serving import ROOT

TEXT = """\
# a comment
anyio==4.16.0 \\
    --hash=sha256:bb \\
    --hash=sha256:aa
    # via httpx
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:11
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:22
pywin32==312 ; sys_platform == 'win32' \\
    --hash=sha256:33
uvloop==0.23.0 ; sys_platform != 'win32' \\
    --hash=sha256:44
"""


def names(text: str) -> list[str]:
    return [line.partition(" ")[0] for line in text.splitlines() if not line.startswith(" ")]


@pytest.mark.parametrize(("python", "numpy"), [("3.11", "numpy==2.4.6"), ("3.12", "numpy==2.5.5")])
def test_markers_are_those_of_the_function_and_not_of_this_machine(
    python: str, numpy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")

    assert names(lock_for(TEXT, python)) == ["anyio==4.16.0", numpy, "uvloop==0.23.0"]


def test_pip_gets_no_markers_and_all_hashes() -> None:
    made = lock_for(TEXT, "3.12")

    assert ";" not in made
    assert made.startswith("anyio==4.16.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n")


def test_ends_of_lines_do_not_matter() -> None:
    assert lock_for(TEXT.replace("\n", "\r\n"), "3.12") == lock_for(TEXT, "3.12")


def test_names_and_versions_are_left_without_hashes() -> None:
    assert pins_of(lock_for(TEXT, "3.12")) == "anyio==4.16.0\nnumpy==2.5.5\nuvloop==0.23.0\n"


@pytest.mark.parametrize("line", ["anyio==4.16.0", "anyio>=4 --hash=sha256:aa", "-e .", "?? --hash=sha256:aa"])
def test_a_line_without_a_version_or_a_hash_is_refused(line: str) -> None:
    with pytest.raises(LockUnreadable, match="no pinned package"):
        lock_for(line + "\n", "3.12")


@pytest.mark.parametrize("python", ["3.11", "3.12"])
def test_the_apps_lock_has_every_package_once(python: str) -> None:
    found = [name.partition("==")[0] for name in names(lock_for((ROOT / LOCK).read_text(), python))]

    assert len(found) > 50
    assert len(set(found)) == len(found)
    assert "pywin32" not in found


def test_the_function_is_linux_on_x86_64() -> None:
    environment = environment_of("3.12")

    assert (environment["sys_platform"], environment["platform_machine"]) == ("linux", "x86_64")
    assert environment["python_full_version"] == "3.12.0"
