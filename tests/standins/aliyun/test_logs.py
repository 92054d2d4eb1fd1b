"""Log projects, stores and indexes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.standins.aliyun.server import Server
from tests.support.aliyun import Caller

INDEX = {"line": {"token": [",", " "], "caseSensitive": False, "chn": False}}


@pytest.fixture
def store(caller: Caller) -> Caller:
    """A project with a store."""
    caller.log("POST", "/", {"projectName": "logs", "description": "d"})
    caller.log("POST", "/logstores", {"logstoreName": "functions", "ttl": 30, "shardCount": 1})
    return caller


def test_a_project_and_a_store_are_read_as_they_were_made(store: Caller) -> None:
    assert store.log("GET", "/").body["description"] == "d"
    shown = store.log("GET", "/logstores/functions").body
    assert (shown["ttl"], shown["shardCount"], shown["mode"]) == (30, 1, "standard")
    assert len(store.log("GET", "/logstores/functions/shards").body) == 1
    assert store.log("GET", "/logstores/functions/meteringmode").body == {"meteringMode": "ChargeByFunction"}
    assert store.log("GET", "/policy").body == ""


def test_what_is_there_is_not_made_again(store: Caller) -> None:
    assert store.log("POST", "/", {"projectName": "logs"}).code == "ProjectAlreadyExist"
    assert store.log("POST", "/logstores", {"logstoreName": "functions"}).code == "LogStoreAlreadyExist"


@pytest.mark.parametrize("more", [{"ttl": 0}, {"mode": "other"}, {"logstoreName": "A"}], ids=str)
def test_what_is_not_allowed_is_refused(store: Caller, more: dict[str, Any]) -> None:
    assert store.log("POST", "/logstores", {"logstoreName": "others", **more}).code == "ParameterInvalid"


def test_an_index_is_made_once(store: Caller) -> None:
    missing = store.log("GET", "/logstores/functions/index")
    made = store.log("POST", "/logstores/functions/index", INDEX)

    assert missing.code == "IndexConfigNotExist"
    assert made.status == 200
    assert store.log("GET", "/logstores/functions/index").body == INDEX
    assert store.log("POST", "/logstores/functions/index", INDEX).code == "IndexAlreadyExist"


def test_tags_are_set_and_removed(store: Caller) -> None:
    tag = {"resourceType": "PROJECT", "resourceId": ["logs"], "tags": [{"key": "app", "value": "memory"}]}
    store.log("POST", "/tag", tag)
    tagged = store.log("GET", '/tags?resourceType=PROJECT&resourceId=["logs"]').body["tagResources"]
    store.log("POST", "/untag", tag | {"tags": ["app"]})

    assert [(one["tagKey"], one["tagValue"]) for one in tagged] == [("app", "memory")]
    assert store.log("GET", '/tags?resourceType=PROJECT&resourceId=["logs"]').body == {"tagResources": []}


def test_what_is_deleted_is_gone(store: Caller) -> None:
    store.log("DELETE", "/logstores/functions")
    assert store.log("GET", "/logstores/functions").code == "LogStoreNotExist"
    store.log("DELETE", "/")
    assert store.log("GET", "/").code == "ProjectNotExist"


def test_records_of_some_time_are_read_page_by_page(store: Caller, aliyun: Server) -> None:
    records = [{"__time__": str(number), "message": f"line {number}"} for number in range(5)]
    aliyun.state.projects["logs"]["stores"]["functions"]["records"] = records
    page = "/logstores/functions?type=log&from=1&to=4&query=&line=2&offset=1&reverse=true"

    assert [one["message"] for one in store.log("GET", page).body] == ["line 2", "line 1"]
