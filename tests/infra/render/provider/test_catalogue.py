"""The catalogue of types, and that the tests know all of it."""

from __future__ import annotations

import pytest

from infra.render.provider.catalogue import TYPES
from tests.infra.render.provider.cases import CASES


def test_every_type_has_a_case() -> None:
    assert {case.token for case in CASES} == set(TYPES)


@pytest.mark.parametrize("token", sorted(TYPES))
def test_every_property_of_a_type_is_changed_by_a_test(token: str) -> None:
    [case] = [one for one in CASES if one.token == token]
    fields = TYPES[token].fields
    replacing = {one.name for one in fields if one.replaces}
    # The rest is tested by test_services.py: what is only for other runtimes, and what no API call sends.
    apart = {one.name for one in fields if one.local} | {"runtime", "image"}
    native = {"buildCommand", "startCommand"} if "runtime" in {one.name for one in fields} else set()
    stream = {"resourceId", "setting"} if token.endswith("LogStream") else set()

    assert {one.name for one in fields} - replacing - apart - native - stream - set(case.others) == set()
