"""Commands of Pulumi are repeated after a dead lock and on 429, and fail in one line."""

from __future__ import annotations

import json
import socket

import pytest

from infra.aliyun.deployed.repeating import TRIES
from infra.aliyun.recovery import engine as engines
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


def test_too_many_requests_without_end_are_an_error(stack: Stack, engine: Engine) -> None:
    stack.fail(*["error: TooManyRequests"] * 20)

    with pytest.raises(CannotDo, match=f"pulumi refresh was refused {TRIES} times with 429 .*run this again later"):
        engine.refresh()


def playing(stack: Stack, at_signal: str) -> None:
    """Let pulumi run without end. at_signal: what it does at each Ctrl-C."""
    lines = ("#!/bin/sh", f"trap '{at_signal}' INT", "while :; do sleep 0.05; done")
    (stack.bin / "pulumi").write_text("\n".join(lines), encoding="utf-8")


def test_at_the_time_limit_it_ends_in_order(stack: Stack, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_TIMEOUT_S", 1.0)
    playing(stack, "sleep 0.2; echo in order >ended; exit 1")

    with pytest.raises(CannotDo, match=r"pulumi refresh did not end within 1 s and was stopped; run `recover` again"):
        engine.refresh()
    assert (stack.folder / "ended").read_text(encoding="utf-8") == "in order\n"


def test_what_takes_no_signal_is_killed(stack: Stack, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_TIMEOUT_S", 1.0)
    monkeypatch.setattr(engines, "_ENDINGS_S", (0.3, 0.3))
    playing(stack, "echo again >>signals")

    with pytest.raises(CannotDo, match="was stopped"):
        engine.refresh()
    assert (stack.folder / "signals").read_text(encoding="utf-8") == "again\n" * 2
