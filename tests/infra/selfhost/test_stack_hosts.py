"""Commands find a stack's hosts in its file, without Pulumi."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

import pytest

from infra.command_errors import CannotDo
from infra.selfhost.config import Hosts
from infra.selfhost.stack_hosts import add_stack, hosts_of


def write(folder: Path, text: str) -> None:
    (folder / "Pulumi.yaml").write_text("name: claude-memory\n")
    (folder / "Pulumi.production.yaml").write_text(text)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_hosts_are_those_of_the_file_and_without_any_the_local_engine(folder: Path) -> None:
    write(
        folder,
        "config:\n  claude-memory:target: selfhost\n  claude-memory:hosts:\n"
        "    app: {docker: 'tcp://h:1', address: 10.0.0.2}\n"
        "    data: {address: 10.0.0.3}\n    monitoring: {address: 10.0.0.3}\n    edge: {address: 10.0.0.3}\n",
    )
    assert set(hosts_of("acme/claude-memory/production").by_engine()) == {"unix:///var/run/docker.sock", "tcp://h:1"}

    write(folder, "config:\n  claude-memory:target: selfhost\n")
    assert hosts_of("production") == Hosts()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, r"there is no Pulumi\.production\.yaml in .*; name the stack with --stack"),
        ("config:\n  claude-memory:target: render\n", "has target render"),
        (
            "config:\n  claude-memory:target: selfhost\n  claude-memory:hosts: {app: {docker: nonsense}}\n",
            r"hosts\.app\.0\.docker cannot be read; `pulumi preview` says why",
        ),
    ],
)
def test_a_stack_without_such_hosts_is_refused(folder: Path, text: str | None, problem: str) -> None:
    (folder / "Pulumi.yaml").write_text("name: claude-memory\n")
    if text is not None:
        write(folder, text)

    with pytest.raises(CannotDo, match=problem):
        hosts_of("production")


def test_the_stack_is_selfhost_unless_another_is_named() -> None:
    parser = ArgumentParser()
    add_stack(parser)

    assert parser.parse_args([]).stack == "selfhost"
    assert parser.parse_args(["--stack", "production"]).stack == "production"
