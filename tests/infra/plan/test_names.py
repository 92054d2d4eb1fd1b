"""Stacks by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.plan.names import NoStack, chosen, stack_files
from tests.support.serving import ROOT
from tests.support.stacks import EXAMPLES


def test_every_example_file_is_a_stack() -> None:
    assert list(stack_files(ROOT).values()) == EXAMPLES


def test_named_stacks_are_taken_once_each_in_their_order() -> None:
    assert chosen(ROOT, ["render", "aliyun", "render"], everything=False) == ["render", "aliyun"]


def test_all_means_those_with_a_file(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").touch()
    (tmp_path / "Pulumi.here.yaml").touch()

    assert chosen(tmp_path, [], everything=True) == ["here"]


@pytest.mark.parametrize(
    ("named", "problem"),
    [(["rendr"], "there is no stack rendr: no file Pulumi.rendr.yaml; there are aliyun"), ([], "which stack?")],
)
def test_a_stack_that_is_not_there_is_refused_with_those_that_are(named: list[str], problem: str) -> None:
    with pytest.raises(NoStack, match=problem):
        chosen(ROOT, named, everything=False)
