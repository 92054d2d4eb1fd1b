"""Layers of the account."""

from __future__ import annotations

from tests.support.aliyun import Caller, function

CODE = {"ossBucketName": "code", "ossObjectName": "code.zip"}
VERSIONS = "/layers/dependencies/versions"


def test_each_creation_is_a_version_with_a_name_in_the_whole_cloud(caller: Caller) -> None:
    made = [caller.fc("POST", VERSIONS, {"code": CODE, "compatibleRuntime": ["custom.debian12"]}) for _ in range(2)]

    assert [one.body["version"] for one in made] == [1, 2]
    assert made[1].body["layerVersionArn"] == "acs:fc:cn-hangzhou:1234567890123456:layers/dependencies/versions/2"
    assert caller.fc("GET", f"{VERSIONS}/1").body == made[0].body


def test_a_function_takes_a_layer_of_the_account_that_is_there(caller: Caller) -> None:
    layer = "acs:fc:cn-hangzhou:1234567890123456:layers/dependencies/versions/1"
    missing = caller.fc("POST", "/functions", function(layers=[layer]))
    caller.fc("POST", VERSIONS, {"code": CODE, "compatibleRuntime": ["custom.debian12"]})

    assert missing.code == "LayerVersionNotFound"
    assert caller.fc("POST", "/functions", function(layers=[layer])).status == 200


def test_a_layer_without_code_is_refused(caller: Caller) -> None:
    assert caller.fc("POST", VERSIONS, {"compatibleRuntime": ["custom.debian12"]}).code == "InvalidArgument"


def test_a_deleted_version_is_gone(caller: Caller) -> None:
    caller.fc("POST", VERSIONS, {"code": CODE, "compatibleRuntime": ["custom.debian12"]})

    assert caller.fc("GET", "/layers/none/versions/1").code == "LayerNotFound"
    assert caller.fc("DELETE", f"{VERSIONS}/1").status == 204
    assert caller.fc("GET", f"{VERSIONS}/1").code == "LayerVersionNotFound"


def test_the_access_of_a_layer_is_set_for_all_its_versions(caller: Caller) -> None:
    caller.fc("POST", VERSIONS, {"code": CODE, "compatibleRuntime": ["custom.debian12"]})
    caller.fc("PUT", "/layers/dependencies/acl?acl=1")

    assert caller.fc("GET", f"{VERSIONS}/1").body["acl"] == "1"


def test_the_versions_of_a_layer_are_listed_the_newest_first(caller: Caller) -> None:
    for _ in range(2):
        caller.fc("POST", VERSIONS, {"code": CODE, "compatibleRuntime": ["custom.debian12"]})

    assert [one["version"] for one in caller.fc("GET", VERSIONS).body["layers"]] == [2, 1]
