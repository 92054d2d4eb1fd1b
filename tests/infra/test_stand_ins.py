"""Validation goes on past wrong values, and reports nothing that a stand-in may have caused."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, model_validator

from infra.stand_ins import certain, validated


class _Inner(BaseModel):
    size: Annotated[int, Field(le=9)] = 3


class _Keys(BaseModel):
    account: Annotated[str, Field(pattern="^[0-9]{10,}$")]
    inner: _Inner = _Inner()
    optional: str | None = None

    @model_validator(mode="after")
    def _needs_the_optional(self) -> Self:
        if self.optional is None:
            raise ValueError("optional: is needed")
        return self


def lines(detail: Any) -> list[str]:
    return [f"{'.'.join(map(str, detail['loc']))}: {detail['type']}"]


def test_right_values_are_returned_as_they_are() -> None:
    found = validated(_Keys, {"account": "1234567890", "optional": "a"}, lines)

    assert found.options == _Keys(account="1234567890", optional="a")
    assert (found.problems, found.replaced) == ([], frozenset())


def test_wrong_values_and_broken_rules_are_found_together() -> None:
    found = validated(_Keys, {"inner": {"size": 10}}, lines)

    assert found.problems == ["account: missing", "inner.size: less_than_equal", ": value_error"]
    assert found.options is not None
    assert found.options.inner.size == 3
    assert found.replaced == {"account", "size"}


def test_a_required_object_has_no_stand_in() -> None:
    class Outer(BaseModel):
        inner: _Inner

    found = validated(Outer, {}, lines)

    assert (found.options, found.problems) == (None, ["inner: missing"])


def test_a_problem_that_names_a_replaced_key_is_not_certain() -> None:
    assert certain(["a.size: too large", "sizes: none"], {"size"}) == ["sizes: none"]
