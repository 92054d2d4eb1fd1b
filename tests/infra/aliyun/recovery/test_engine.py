"""Commands of Pulumi are repeated after a dead lock and on 429, and fail in one line."""

from __future__ import annotations

import json
import socket

import pytest

from infra.aliyun.recovery.engine import Engine
from infra.command_errors import CannotDo
from tests.infra.aliyun.deployed.test_locks import dead, locked
from tests.support.aliyun_stack import Stack

EMPTY = json.dumps({"version": 3, "deployment": {"resources": []}})


@pytest.fixture
def engine(stack: Stack, waits: list[float]) -> Engine:
    return Engine(folder=stack.folder, stack="aliyun", say=lambda text: None, sleep=waits.append)


def test_a_state_is_put_back_after_the_lock_of_a_dead_process(stack: Stack, engine: Engine) -> None:
    stack.interrupt(lock=locked(dead(), socket.gethostname()))
    engine.put(EMPTY)

    assert json.loads(engine.exported()) == json.loads(EMPTY)


def test_too_many_requests_are_waited_for(stack: Stack, engine: Engine, waits: list[float]) -> None:
    stack.fail("error: TooManyRequests", "error: ResourceThrottled")
    engine.refresh()

    assert len(waits) == 2


def test_another_failure_is_one_line(stack: Stack, engine: Engine) -> None:
    stack.fail("Refreshing\n  error: 403\n  AccessDenied\nmore")

    with pytest.raises(CannotDo, match="pulumi refresh failed: error: 403; correct that, then run this again"):
        engine.refresh()
