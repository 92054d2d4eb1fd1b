"""What commands share: keys, the token, and what is taken out of what others wrote."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest
import yaml

from infra.aliyun.api.access import OTHER_WAYS, NoKeys
from infra.aliyun.driver.session import Session
from infra.command_errors import CannotDo, WrongUsage
from tests.support.aliyun_cloud import KEYS
from tests.support.aliyun_stack import SECRET_URL, TOKEN, Stack


def session(url: str | None = None, token_file: Path | None = None, **environment: str) -> Session:
    return Session(Namespace(stack=None, url=url, token_file=token_file), environment)


def own_keys(stack: Stack) -> None:
    """Give the stack keys of its own."""
    written = yaml.safe_load(stack.file.read_text(encoding="utf-8"))
    for name in ("accessKeyId", "accessKeySecret"):
        written["config"][f"claude-memory:{name}"] = {"secure": "v1:made-up"}
    stack.file.write_text(yaml.safe_dump(written), encoding="utf-8")
    stack._put(secrets=stack.state["secrets"] | {"accessKeyId": "own-id", "accessKeySecret": "made-up-own"})


def test_the_stacks_own_keys_go_before_the_environments(stack: Stack) -> None:
    given = {"ALIBABA_CLOUD_ACCESS_KEY_ID": KEYS.id, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEYS.secret}
    assert session(None, None, **given).keys == KEYS

    own_keys(stack)
    assert session(None, None, **given).keys.id == "own-id"


def test_keys_of_a_profile_are_for_pulumi_alone(stack: Stack) -> None:
    with pytest.raises(CannotDo, match=r"only `pulumi` reads; for this command set ALIBABA_CLOUD_ACCESS_KEY_ID"):
        _ = session(None, None, **{OTHER_WAYS[0]: "default"}).keys
    with pytest.raises(NoKeys):
        _ = session().keys


def test_the_token_is_the_given_one_then_the_environments_then_the_stacks(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("cm_of-a-file\n", encoding="utf-8")

    assert session().token == TOKEN
    assert session(ADMIN_TOKEN="cm_admin").token == "cm_admin"
    assert session(ADMIN_TOKEN="cm_admin", CLAUDE_MEMORY_TOKEN="cm_mine").token == "cm_mine"
    assert session(token_file=tmp_path / "token", CLAUDE_MEMORY_TOKEN="cm_mine").token == "cm_of-a-file"


def test_the_stacks_token_goes_to_the_stacks_own_address_alone(stack: Stack) -> None:
    assert session(url="https://other.example").token is None


def test_a_token_file_that_cannot_be_read_is_wrong_usage(stack: Stack, tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match="--token-file"):
        _ = session(token_file=tmp_path / "none").token


def test_the_secrets_of_the_stack_and_of_the_environment_are_hidden(stack: Stack) -> None:
    hider = session(ADMIN_TOKEN="cm_admin-token").hider

    assert hider.clean(f"{TOKEN} {SECRET_URL} cm_admin-token") == "*** *** ***"


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo error: incorrect passphrase >&2; exit 255", "config --show-secrets failed: error: incorrect passphrase"),
        ("echo no JSON", "printed something that is no JSON"),
    ],
)
def test_without_the_stacks_secrets_nothing_that_may_hold_them_is_shown(stack: Stack, script: str, told: str) -> None:
    (stack.bin / "pulumi").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")

    with pytest.raises(CannotDo, match=told):
        _ = session().hider
