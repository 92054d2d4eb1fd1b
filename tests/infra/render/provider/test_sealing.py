"""Secrets in properties: kept, marked, compared with what is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from infra.render.provider.fields import Field, Flag, ListOf, MapOf, Record, Text, Variable, Whole, WriteOnly
from infra.render.provider.fingerprints import Vault, fingerprint_of
from infra.render.provider.sealing import folded, marked, opened, sealed

KEY = "00" * 32
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


def test_a_write_only_value_goes_into_the_vault_and_its_fingerprint_into_the_state() -> None:
    vault, kind = Vault(), MapOf(of=Variable(generates=True))
    given = {"A": {"value": "text", "writeOnly": True}, "B": {"generateValue": True, "writeOnly": False}, "C": "c"}

    kept = sealed(kind, given, "envVars", lambda: KEY, vault)

    fingerprint = fingerprint_of(KEY, "envVars.A", "text")
    assert kept == {"A": {"writeOnly": True, "fingerprint": fingerprint}, "B": {"generateValue": True}, "C": "c"}
    assert opened(kept["A"], vault) == "text"
    assert sealed(kind, kept, "envVars", lambda: KEY, vault) == kept, "what is sealed stays as it is"


def test_secrecy_is_a_fact_of_the_type() -> None:
    kind = MapOf(of=Variable(generates=True))
    found = marked(kind, {"A": "text", "B": {"generateValue": True}}).value

    assert isinstance(found, Mapping)
    assert (found["A"].is_secret, found["B"].is_secret) == (True, False)
    assert marked(WriteOnly(), {"fingerprint": "0"}).is_secret
