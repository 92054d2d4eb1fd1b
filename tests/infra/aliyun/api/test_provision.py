"""Provisioned instances of an alias, by the API."""

from __future__ import annotations

from tests.standins.aliyun.server import Server
from tests.support.aliyun_provision import provision

WANTED = {"target": 2, "alwaysAllocateCPU": True, "scheduledActions": []}


def test_what_is_asked_for_is_stored_for_the_alias_alone(functions: Server) -> None:
    provision(functions).put(WANTED)

    assert (provision(functions).get() or {})["target"] == 2
    assert (provision(functions, qualifier="LATEST").get() or {})["target"] == 0


def test_what_was_asked_for_can_be_taken_back(functions: Server) -> None:
    provision(functions).put(WANTED)
    provision(functions).delete()

    assert (provision(functions).get() or {})["target"] == 0


def test_what_is_gone_is_none_and_deleted_already(functions: Server) -> None:
    assert provision(functions, function="other").get() is None
    provision(functions, function="other").delete()
