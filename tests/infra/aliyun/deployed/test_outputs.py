"""A stack's outputs, as `pulumi stack output` prints them."""

from __future__ import annotations

import pytest

from infra.aliyun.deployed.outputs import read
from infra.command_errors import CannotDo
from tests.support.aliyun_stack import RELEASES, Stack


def test_the_outputs_are_read(stack: Stack) -> None:
    found = read(stack.folder, "aliyun")

    assert (found.serving, found.releases) == (RELEASES[0], {RELEASES[0]: "1"})


def test_a_stack_that_is_not_up_says_what_to_do(stack: Stack) -> None:
    stack.output(url="")

    with pytest.raises(CannotDo, match=r"no output url; .* has `pulumi up -s aliyun` run\?"):
        read(stack.folder, "aliyun")


def test_a_stack_that_was_never_up_names_the_command_to_run_first(stack: Stack) -> None:
    stack._put(outputs={})

    with pytest.raises(CannotDo, match=r"is not up; run `python -m infra.aliyun up --stack aliyun` first$"):
        read(stack.folder, "aliyun")


def test_an_answer_that_is_no_json_is_an_error(stack: Stack) -> None:
    (stack.bin / "pulumi").write_text("#!/bin/sh\necho nothing\n", encoding="utf-8")

    with pytest.raises(CannotDo, match="no JSON"):
        read(stack.folder, "aliyun")
