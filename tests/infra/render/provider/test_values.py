"""Properties become values and come back: numbers, secrets, unknowns, all the way down."""

from __future__ import annotations

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.provider.experimental.property_value import PropertyValue

from infra.render.provider.values import (
    UNKNOWN,
    NotPlain,
    has_unknown,
    plain,
    plain_all,
    secret_names,
    secret_texts,
    wrapped,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.just(UNKNOWN),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(JSON)
def test_a_value_survives_the_wire(value: object) -> None:
    message = wrapped(value).marshal()

    assert plain(PropertyValue.unmarshal(message)) == value


def test_null_properties_are_as_if_they_were_not_there() -> None:
    assert plain_all({"a": PropertyValue(None), "b": PropertyValue(1.0)}) == {"b": 1}


def test_secrets_are_found_wherever_they_are() -> None:
    inside = PropertyValue({"x": PropertyValue([PropertyValue("hidden", is_secret=True)])})
    values = {"a": inside, "b": PropertyValue("open"), "c": PropertyValue([PropertyValue("list")], is_secret=True)}

    assert secret_names(values) == {"a", "c"}
    assert set(secret_texts(values)) == {"hidden", "list"}


def test_a_file_is_no_value_of_the_api() -> None:
    with pytest.raises(NotPlain, match="give its text instead"):
        plain(PropertyValue(pulumi.FileAsset("x")))


@pytest.mark.parametrize(("value", "expected"), [({"a": [UNKNOWN]}, True), ({"a": [1]}, False), (UNKNOWN, True)])
def test_an_unknown_value_is_found_inside_of_others(value: object, expected: bool) -> None:
    assert has_unknown(value) is expected
