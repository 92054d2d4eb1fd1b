"""The provider of provisioned instances: no difference when nothing changed, and drift is found."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.provider.experimental import provider as wire
from pulumi.provider.experimental.property_value import PropertyValue

from infra.aliyun.api.access import NoKeys
from infra.aliyun.provider.provider import (
    KEY_ID,
    KEY_SECRET,
    ProvisionProvider,
    actions_text,
    keys_of,
    plain,
)
from tests.standins.aliyun.server import Server
from tests.support.aliyun_provision import provision

URN = "urn:pulumi:test::claude-memory::fcprovision:index:ProvisionedInstances::memory-provisioned"
ACTION = {"name": "day", "scheduleExpression": "cron(0 0 8 * * *)", "target": 2, "timeZone": "UTC"}
ID = "memory/live"


def inputs(server: Server, **others: Any) -> dict[str, PropertyValue]:
    place = {"region": "cn-hangzhou", "accountId": server.state.account, "function": "memory", "qualifier": "live"}
    wanted = {"target": 1.0, "allocateCpu": False, "actions": actions_text([ACTION])}
    return {name: PropertyValue(value) for name, value in {**place, **wanted, **others}.items()}


async def created(server: Server, **others: Any) -> dict[str, PropertyValue]:
    """Create instances and return the properties."""
    found = await ProvisionProvider().create(wire.CreateRequest(URN, inputs(server, **others), 0, False))
    assert found.resource_id == ID
    return found.properties or {}


async def read(properties: dict[str, PropertyValue]) -> wire.ReadResponse:
    return await ProvisionProvider().read(wire.ReadRequest(URN, ID, properties, properties))


async def diff(old: dict[str, PropertyValue], new: dict[str, PropertyValue]) -> wire.DiffResponse:
    return await ProvisionProvider().diff(wire.DiffRequest(URN, ID, old, new, []))


async def test_what_was_made_reads_back_without_a_difference(functions: Server) -> None:
    made = await created(functions)
    found = await read(made)

    assert found.resource_id == ID
    assert (await diff(found.properties or {}, inputs(functions))).changes is False


async def test_drift_is_found_and_put_back(functions: Server) -> None:
    made = await created(functions)
    provision(functions).put({"target": 0})
    found = (await read(made)).properties or {}

    assert (await diff(found, inputs(functions))).diffs == ["target"]
    await ProvisionProvider().update(wire.UpdateRequest(URN, ID, found, inputs(functions), 0, [], False))
    assert (provision(functions).get() or {})["target"] == 1


async def test_another_alias_is_another_thing(functions: Server) -> None:
    found = await diff(inputs(functions), inputs(functions, qualifier="next"))

    assert found.replaces == ["qualifier"]
    assert found.delete_before_replace is True


async def test_deleted_none_run(functions: Server) -> None:
    made = await created(functions)
    await ProvisionProvider().delete(wire.DeleteRequest(URN, ID, made, 0))

    assert (provision(functions).get() or {})["target"] == 0


async def test_what_is_gone_has_no_id_and_deletes_quietly(functions: Server) -> None:
    gone = inputs(functions, function="other")

    assert (await read(gone)).resource_id == ""
    await ProvisionProvider().delete(wire.DeleteRequest(URN, "other/live", gone, 0))


async def test_the_stacks_own_keys_are_secrets_and_are_used() -> None:
    given = {KEY_ID: PropertyValue("id"), KEY_SECRET: PropertyValue("made-up-secret")}
    provider = ProvisionProvider()
    checked = await provider.check_config(wire.CheckRequest(URN, {}, given, b""))
    await provider.configure(wire.ConfigureRequest({}, given, True, True))

    assert all(value.is_secret for value in (checked.inputs or {}).values())
    assert provider._own == ("id", "made-up-secret")


def test_without_a_pair_of_keys_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALIBABA_CLOUD_ACCESS_KEY_ID", raising=False)
    monkeypatch.setenv("ALICLOUD_PROFILE", "default")

    with pytest.raises(NoKeys, match="need a pair of keys"):
        keys_of(None)


def test_the_same_actions_are_the_same_text() -> None:
    assert actions_text([ACTION]) == actions_text([dict(reversed(ACTION.items()))])


def test_values_come_without_their_secrecy() -> None:
    assert plain({"a": PropertyValue("b", is_secret=True)}) == {"a": "b"}
