"""What is a difference and what is not, without a provider around it."""

from __future__ import annotations

from typing import Any

import pytest

from infra.render.provider.differing import IMPORTED, changes
from infra.render.provider.fields import Field, Flag, ListOf, MapOf, Record, Text, Whole, body_of, canonical, trimmed
from infra.render.provider.sealing import folded
from infra.render.provider.service_fields import image_alike
from infra.render.provider.values import UNKNOWN

FIELDS = (
    Field(name="plan", at="details.plan"),
    Field(name="path", at="details.path", default=""),
    Field(name="region", at="region", replaces="it cannot move"),
    Field(name="delay", kind=Whole(), at="delay", default=30),
    Field(name="names", kind=ListOf(of=Text()), at="names", default=[]),
    Field(name="routes", kind=ListOf(of=Text(), ordered=True), at="routes"),
    Field(name="labels", kind=MapOf(of=Text()), at="labels"),
    Field(
        name="mode",
        kind=Record(fields=(Field(name="on", kind=Flag(), default=False), Field(name="uri", default=""))),
        at="mode",
        default={},
    ),
    Field(name="wait", kind=Flag(), local=True),
)


def paths(old: dict[str, Any], new: dict[str, Any], state: dict[str, Any] | None = None) -> dict[str, str]:
    """Return the changed paths and how they change."""
    return {path: how.value for one in changes(FIELDS, old, new, state or {}) for path, how in one.paths}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param({"plan": "a"}, {"plan": "a"}, {}, id="equal"),
        pytest.param({"plan": "a"}, {"plan": "b"}, {"plan": "update"}, id="changed"),
        pytest.param({}, {"plan": "a"}, {"plan": "add"}, id="named for the first time"),
        pytest.param({}, {"path": ""}, {"path": "add"}, id="named with the default, which may not be what is there"),
        pytest.param({"path": "/x"}, {}, {"path": "delete"}, id="named no longer"),
        pytest.param({"path": ""}, {}, {}, id="named no longer, and it was the default"),
        pytest.param({"plan": "a"}, {}, {}, id="named no longer, and no default is known"),
        pytest.param({"names": ["a", "b"]}, {"names": ["b", "a"]}, {}, id="another order that means nothing"),
        pytest.param({"routes": ["a", "b"]}, {"routes": ["b", "a"]}, {"routes": "update"}, id="an order that counts"),
        pytest.param({"mode": {"on": False}}, {"mode": {"uri": ""}}, {}, id="defaults inside"),
        pytest.param({"mode": {"on": True}}, {"mode": {"on": True, "uri": "x"}}, {"mode.uri": "add"}, id="inside"),
        pytest.param({"labels": {"a": "1"}}, {"labels": {"a": "1", "b": ""}}, {"labels.b": "add"}, id="an empty value"),
        pytest.param({"labels": {"a.b": "1"}}, {"labels": {"a.b": "2"}}, {'labels["a.b"]': "update"}, id="odd name"),
        pytest.param({"wait": True}, {"wait": False}, {}, id="what only the provider reads"),
        pytest.param({"plan": "a"}, {"plan": UNKNOWN}, {"plan": "update"}, id="unknown yet"),
        pytest.param({"delay": 30}, {}, {}, id="a default that is no text"),
        pytest.param({"plan": "a", "path": "/x", IMPORTED: True}, {"plan": "a"}, {}, id="imported, not named"),
        pytest.param({"plan": "a", IMPORTED: True}, {"plan": "a", "path": ""}, {}, id="imported, named with a default"),
        pytest.param({"plan": "a", IMPORTED: True}, {"plan": "b"}, {"plan": "update"}, id="imported, changed"),
    ],
)
def test_a_difference_is_what_means_something_else(
    old: dict[str, Any], new: dict[str, Any], expected: dict[str, str]
) -> None:
    assert paths(old, new) == expected


def test_what_cannot_change_is_no_change_when_it_is_named_as_it_is() -> None:
    assert paths({}, {"region": "ohio"}, {"region": "ohio"}) == {}
    assert paths({}, {"region": "ohio"}, {"region": "oregon"}) == {"region": "add"}


@pytest.mark.parametrize(
    ("wanted", "live", "expected"),
    [
        pytest.param(["a", "b"], ["b", "a"], ["a", "b"], id="the program's order"),
        pytest.param([], None, [], id="null where nothing is"),
        pytest.param(["a"], None, None, id="gone"),
        pytest.param(["a"], ["a", "c"], ["a", "c"], id="more"),
    ],
)
def test_a_refresh_keeps_the_programs_words_where_they_still_fit(wanted: Any, live: Any, expected: Any) -> None:
    assert folded(FIELDS[4], wanted, live, None) == expected


def test_a_refresh_looks_only_at_the_parts_that_the_program_names() -> None:
    assert folded(FIELDS[7], {"uri": "x"}, {"on": True, "uri": "x", "newer": 1}, None) == {"uri": "x"}


def test_a_body_has_each_value_in_its_place() -> None:
    assert body_of(FIELDS, {"plan": "a", "path": "/x", "region": "ohio", "wait": True}) == {
        "details": {"plan": "a", "path": "/x"},
        "region": "ohio",
    }


def test_an_import_takes_only_what_a_property_knows() -> None:
    assert trimmed(FIELDS[7].kind, {"on": True, "id": "x", "uri": ""}) == {"on": True}


@pytest.mark.parametrize(
    ("written", "full"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("example/app", "docker.io/example/app:latest"),
        ("ghcr.io/example/app:1", "ghcr.io/example/app:1"),
        ("registry:5000/app", "registry:5000/app:latest"),
        ("nginx@sha256:00", "docker.io/library/nginx@sha256:00"),
    ],
)
def test_an_image_is_written_out_as_render_does(written: str, full: str) -> None:
    assert image_alike(written) == full
    assert canonical(Text(alike=image_alike), written) == full
