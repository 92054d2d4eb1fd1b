"""Which stack a command is about, and its hosts."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

import pytest

from infra.selfhost.stack_session import Session, add_command


def session(*arguments: str) -> Session:
    parser = ArgumentParser()
    add_command(parser.add_subparsers(), "look", "Looks.")
    return Session.of(parser.parse_args(["look", *arguments]))


def test_the_stack_is_the_one_of_the_documentation_unless_named() -> None:
    assert (session().stack, session("-s", "two").stack, session("--stack", "org/project/three").stack) == (
        "selfhost",
        "two",
        "three",
    )


def test_an_empty_name_as_an_unset_variable_gives_it_is_refused() -> None:
    with pytest.raises(SystemExit):
        session("--stack", "")


def test_the_hosts_are_those_of_the_stacks_file(project: Path) -> None:
    [host] = session().hosts

    assert (host.docker, host.name) == ("unix:///var/run/docker.sock", "data")
