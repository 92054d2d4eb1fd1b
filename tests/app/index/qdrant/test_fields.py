"""Fields of points: what is stored says again what ranking needs, to the microsecond."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.index.qdrant.fields import AT, KEYWORDS, TRAITS, fields_of, traits_of
from tests.support.points import NOON, point

ID = UUID(int=7)


@given(st.integers(-(10**14), 10**15), st.sampled_from([None, "Ann"]), st.sampled_from([None, 330]))
def test_traits_come_back_as_they_were(micros: int, name: str | None, offset: int | None) -> None:
    payload = point(at=NOON + timedelta(microseconds=micros), name=name, offset=offset, asks=True).payload

    assert traits_of(ID, fields_of(payload)) == payload.traits(ID)


@pytest.mark.parametrize("name", TRAITS)
def test_a_point_of_an_earlier_version_has_no_traits(name: str) -> None:
    fields = fields_of(point().payload)
    del fields[name]

    assert traits_of(ID, fields) is None
    assert traits_of(ID, None) is None


def test_all_fields_that_searches_filter_by_are_stored() -> None:
    assert {*KEYWORDS, AT} <= fields_of(point().payload).keys()
