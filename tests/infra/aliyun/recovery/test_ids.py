"""Ids: from names that are unique, else found at Alibaba Cloud; each type that the program declares has its way."""

from __future__ import annotations

from typing import Any

import pytest

from infra.aliyun.api.access import Keys
from infra.aliyun.api.functions import Functions
from infra.aliyun.api.listing import Listing
from infra.aliyun.api.transport import Transport
from infra.aliyun.recovery.ids import BY_NAME, MADE_AGAIN, Finder
from infra.aliyun.recovery.state import Pending
from infra.command_errors import CannotDo
from tests.standins.aliyun.server import Server
from tests.support.aliyun import Caller
from tests.support.aliyun_cloud import KEYS
from tests.support.aliyun_plan import EVERYTHING
from tests.support.stacks import aliyun_plan

NETWORK, VERSION, LAYER = (
    f"alicloud:{name}"
    for name in ("vpc/network:Network", "fc/v3FunctionVersion:V3FunctionVersion", "fc/v3LayerVersion:V3LayerVersion")
)


@pytest.fixture
def finder(functions: Server) -> Finder:
    keys, transport = Keys(id=functions.key, secret=KEYS.secret), Transport(sleep=lambda seconds: None)
    return Finder(
        listing=Listing(keys=keys, region="cn-hangzhou", transport=transport),
        functions=Functions(keys=keys, region="cn-hangzhou", account_id=functions.state.account, transport=transport),
    )


def pending(type_: str, **inputs: Any) -> Pending:
    return Pending(f"urn:pulumi:test::claude-memory::{type_}::memory", type_, inputs)


def test_every_type_that_the_program_declares_has_a_way(finder: Finder) -> None:
    components = ("claude-memory:", "pulumi:")  # and providers: nothing at Alibaba Cloud
    declared = {one.type for one in aliyun_plan(**EVERYTHING).resources if not one.type.startswith(components)}

    assert declared == {*BY_NAME, *MADE_AGAIN, *finder.looked_for}


@pytest.mark.parametrize("type_", sorted(BY_NAME))
def test_an_id_is_made_of_inputs_that_the_program_gives(type_: str, finder: Finder) -> None:
    declared = aliyun_plan(**EVERYTHING).of_type(type_)

    assert declared, "no longer declared"
    for one in declared.values():
        assert finder.id_of(pending(type_, **one.inputs), set())


def test_what_is_simply_made_again_is_not_looked_for(finder: Finder, functions: Server) -> None:
    functions.requests.clear()

    assert {finder.id_of(pending(type_), set()) for type_ in MADE_AGAIN} == {None}
    assert functions.requests == []


def test_a_network_is_found_unless_the_state_has_it(finder: Finder, functions: Server) -> None:
    made = Caller(functions).rpc("vpc", "CreateVpc", VpcName="memory", CidrBlock="10.20.0.0/16").body["VpcId"]

    assert finder.id_of(pending(NETWORK, vpcName="memory"), set()) == made
    assert finder.id_of(pending(NETWORK, vpcName="memory"), {made}) is None
    assert finder.id_of(pending(NETWORK, vpcName="other"), set()) is None


def test_of_several_networks_none_is_guessed(finder: Finder, functions: Server) -> None:
    for _ in range(2):
        Caller(functions).rpc("vpc", "CreateVpc", VpcName="memory", CidrBlock="10.20.0.0/16")

    with pytest.raises(CannotDo, match=r"vpc.Network memory: 2 of its name are there .*delete the others"):
        finder.id_of(pending(NETWORK, vpcName="memory"), set())


def test_of_several_equal_versions_it_is_the_newest(finder: Finder, functions: Server) -> None:
    for description in ("release a", "release a", "release b"):
        Caller(functions).fc("POST", "/functions/memory/versions", {"description": description})
    asked = pending(VERSION, functionName="memory", description="release a")

    assert finder.id_of(asked, set()) == "memory:3"
    assert finder.id_of(asked, {"memory:2", "memory:3"}) is None


def test_a_layer_is_found_by_what_is_in_it(finder: Finder, functions: Server) -> None:
    caller = Caller(functions)
    checksum = caller.oss("HEAD", "/code.zip").headers["x-oss-hash-crc64ecma"]
    code = {"ossBucketName": "code", "ossObjectName": "code.zip", "checksum": checksum}
    caller.fc("POST", "/layers/own/versions", {"code": code, "compatibleRuntime": ["custom.debian12"]})

    assert finder.id_of(pending(LAYER, layerName="own", code={"checksum": checksum}), set()) == "own:1"
    assert finder.id_of(pending(LAYER, layerName="own", code={"checksum": "1"}), set()) is None
