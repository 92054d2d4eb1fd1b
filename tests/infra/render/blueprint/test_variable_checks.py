"""Environment variables of a Blueprint: their form, and what they refer to."""

from __future__ import annotations

from typing import Any

import pytest

from infra.render.blueprint.scopes import resources
from infra.render.blueprint.variable_checks import variable_problems

WEB = {"type": "web", "name": "web", "envVars": [{"key": "TOKEN", "sync": False}]}


def told(*entries: dict[str, Any], group: bool = False) -> list[str]:
    """Return what is wrong with variables of a service, or of a group, beside a service, a database and a group."""
    tree: dict[str, Any] = {
        "databases": [{"name": "db"}],
        "envVarGroups": [{"name": "shared", "envVars": list(entries) if group else []}],
        "services": [WEB, {"type": "worker", "name": "worker", "envVars": [] if group else list(entries)}],
    }
    return [problem.partition(": ")[2] for problem in variable_problems(resources(tree))]


@pytest.mark.parametrize(
    "entry",
    [
        {"key": "A", "value": "text"},
        {"key": "A", "value": 3},
        {"key": "A", "generateValue": True},
        {"key": "A", "sync": False},
        {"fromGroup": "shared"},
        {"key": "A", "fromDatabase": {"name": "db", "property": "connectionString"}},
        {"key": "A", "fromService": {"type": "web", "name": "web", "envVarKey": "TOKEN"}},
        {"key": "A", "fromService": {"type": "web", "name": "web", "property": "hostport"}},
    ],
    ids=str,
)
def test_each_form_passes_in_a_service(entry: dict[str, Any]) -> None:
    assert told(entry) == []


@pytest.mark.parametrize("entry", [{"key": "A", "value": "text"}, {"key": "A", "generateValue": True}], ids=str)
def test_a_group_takes_plain_and_generated_values(entry: dict[str, Any]) -> None:
    assert told(entry, group=True) == []


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"key": "A", "sync": False}, "A: a group cannot ask for a value (sync: false); put it in a service"),
        ({"fromGroup": "shared"}, "fromGroup: a group cannot take in another"),
        (
            {"key": "A", "fromDatabase": {"name": "db", "property": "host"}},
            "A: a group takes plain values, not fromDatabase; put it in a service",
        ),
    ],
    ids=["sync", "group", "reference"],
)
def test_a_group_takes_nothing_else(entry: dict[str, Any], sentence: str) -> None:
    assert told(entry, group=True) == [sentence]


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        pytest.param({"key": "A"}, "A: takes one of value, generateValue", id="nothing"),
        pytest.param({"key": "A", "value": "1", "sync": False}, "A: takes one of value, generateValue", id="two"),
        pytest.param({"key": "A", "sync": True}, "A: sync: true means nothing", id="sync: true"),
        pytest.param({"key": "A", "value": True}, "A: the value True is no text; write it in quotes", id="truth"),
        pytest.param({"key": "A", "value": None}, "A: the value None is no text; write it in quotes", id="null"),
        pytest.param({"fromGroup": "gone"}, "fromGroup: there is no group gone", id="group"),
        pytest.param(
            {"key": "A", "fromDatabase": {"name": "gone", "property": "host"}}, "A: there is no database gone", id="db"
        ),
        pytest.param(
            {"key": "A", "fromDatabase": {"name": "db", "property": "url"}},
            "A: fromDatabase.property is one of connectionString",
            id="property of a database",
        ),
        pytest.param(
            {"key": "A", "fromService": {"type": "web", "name": "gone", "property": "host"}},
            "A: there is no service gone",
            id="service",
        ),
        pytest.param(
            {"key": "A", "fromService": {"type": "pserv", "name": "web", "property": "host"}},
            "A: web is a web, not a pserv",
            id="type",
        ),
        pytest.param(
            {"key": "A", "fromService": {"type": "web", "name": "web", "envVarKey": "GONE"}},
            "A: web has no variable GONE",
            id="variable",
        ),
        pytest.param(
            {"key": "A", "fromService": {"type": "web", "name": "web"}},
            "A: fromService takes either property or envVarKey",
            id="neither",
        ),
        pytest.param(
            {"key": "A", "fromService": {"type": "web", "name": "web", "property": "url"}},
            "A: fromService.property is one of host",
            id="property of a service",
        ),
    ],
)
def test_what_is_wrong_is_told(entry: dict[str, Any], sentence: str) -> None:
    [problem] = told(entry)

    assert problem.startswith(sentence)
