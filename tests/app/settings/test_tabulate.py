"""The table of settings says of each field what pydantic knows of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel, Field, SecretStr

from app.settings.fields import Settings, secret_names
from app.settings.table import TABLE
from app.settings.tabulate import UNSURE, form_of
from app.settings.values import HttpUrl


class Odd(BaseModel):
    whole: int | None = Field(None, ge=1, le=9)
    above: float = Field(1, gt=0)
    choice: Literal["a", "b"] = "a"
    url: HttpUrl | None = None
    secret: Annotated[SecretStr, Field(min_length=8)] | None = None
    checked: Annotated[str, AfterValidator(str.strip)] = ""
    pattern: Annotated[str, Field(pattern="^x+$")] = "x"
    either: int | str = 1


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("whole", ("whole", 1, 9)),
        ("above", ("number above", 0, None)),
        ("choice", ("choice", "a", "b")),
        ("url", ("URL",)),
        ("secret", ("text", 8, None)),
        ("checked", UNSURE),
        ("pattern", UNSURE),
        ("either", UNSURE),
    ],
)
def test_a_form_follows_from_type_limits_and_validators(name: str, form: tuple[Any, ...]) -> None:
    assert form_of(Odd.model_fields[name]) == form


def test_the_table_has_every_setting_with_default_and_secrecy() -> None:
    assert list(TABLE) == [name.upper() for name in Settings.model_fields], "run ./dev docs"
    assert {name for name, row in TABLE.items() if row[1]} == set(secret_names())
    given: dict[str, Any] = {name.lower(): row[0] for name, row in TABLE.items() if row[0]}
    assert Settings(_env_file=None, **given) == Settings(_env_file=None)
