"""The dynamic provider of provisioned instances: no difference when nothing changed, and drift is found."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi import dynamic

from infra.aliyun.api.access import NoKeys
from infra.aliyun.provisioned import ProvisionedProvider, keys_of
from infra.plan import Declared
from tests.standins.aliyun.server import Server
from tests.support.aliyun_plan import EVERYTHING
from tests.support.aliyun_provision import provision
from tests.support.stacks import aliyun_plan

KIND = "pulumi-python:dynamic:Resource"


def inputs(server: Server, **others: Any) -> dict[str, Any]:
    place = {"region": "cn-hangzhou", "account_id": server.state.account, "function": "memory", "qualifier": "live"}
    action = {"name": "day", "scheduleExpression": "cron(0 0 8 * * *)", "target": 2, "timeZone": "UTC"}
    return {**place, "target": 1, "allocate_cpu": False, "actions": [action], **others}


def provider() -> ProvisionedProvider:
    class Config:
        def get(self, key: str) -> str | None:
            return None

    made = ProvisionedProvider()
    made.configure(dynamic.ConfigureRequest(Config()))  # type: ignore[arg-type]
    return made


def test_what_was_made_reads_back_without_a_difference(functions: Server) -> None:
    wanted = inputs(functions)
    made = provider().create(wanted)
    read = provider().read(made.id, wanted)

    assert (made.id, read.id) == ("memory/live", "memory/live")
    assert provider().diff(made.id, read.outs or {}, wanted).changes is False


def test_drift_is_found_and_put_back(functions: Server) -> None:
    wanted = inputs(functions)
    provider().create(wanted)
    provision(functions).put({"target": 0})
    read = provider().read("memory/live", wanted).outs or {}

    assert provider().diff("memory/live", read, wanted).changes is True
    provider().update("memory/live", read, wanted)
    assert (provision(functions).get() or {})["target"] == 1


def test_numbers_come_as_the_engine_writes_them(functions: Server) -> None:
    provider().create(inputs(functions, target=2.0))

    assert (provision(functions).get() or {})["target"] == 2


def test_another_alias_is_another_thing(functions: Server) -> None:
    found = provider().diff("memory/live", inputs(functions), inputs(functions, qualifier="next"))

    assert found.replaces == ["qualifier"]
    assert found.delete_before_replace is True


def test_what_is_gone_has_no_id_and_deletes_quietly(functions: Server) -> None:
    gone = inputs(functions, function="other")

    assert provider().read("other/live", gone).id == ""
    provider().delete("other/live", gone)


def test_without_a_pair_of_keys_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALIBABA_CLOUD_ACCESS_KEY_ID", raising=False)
    monkeypatch.setenv("ALICLOUD_PROFILE", "default")

    with pytest.raises(NoKeys, match="need a pair of keys"):
        keys_of(None)


def declared(**others: Any) -> list[Declared]:
    return list(aliyun_plan(**others).of_type(KIND).values())


def test_a_stack_declares_them_for_its_alias_with_their_schedule() -> None:
    [found] = declared(**EVERYTHING)

    assert (found.inputs["function"], found.inputs["qualifier"]) == ("claude-memory-test", "live")
    assert (found.inputs["target"], found.inputs["allocate_cpu"]) == (1, False)
    assert found.inputs["actions"] == [
        {"name": "day", "scheduleExpression": "cron(0 0 8 * * *)", "target": 2, "timeZone": "UTC"}
    ]


def test_none_run_all_the_time_unless_asked_for() -> None:
    assert declared() == []
