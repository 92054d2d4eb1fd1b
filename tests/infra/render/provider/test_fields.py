"""The words in which types are described: bodies, answers, what means the same."""

from __future__ import annotations

from infra.render.provider.fields import Field, Flag, ListOf, MapOf, Record, Text, Whole, body_of, trimmed

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


def test_a_body_has_each_value_in_its_place() -> None:
    assert body_of(FIELDS, {"plan": "a", "path": "/x", "region": "ohio", "wait": True}) == {
        "details": {"plan": "a", "path": "/x"},
        "region": "ohio",
    }


def test_an_import_takes_only_what_a_property_knows() -> None:
    assert trimmed(FIELDS[7].kind, {"on": True, "id": "x", "uri": ""}) == {"on": True}
