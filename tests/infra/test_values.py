"""Values that several targets have: what is taken, and what is refused with the rule."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from infra.values import Image, Password

IMAGE, PASSWORD = TypeAdapter[str](Image), TypeAdapter[Any](Password)


@pytest.mark.parametrize("image", ["nginx:1.27", f"ghcr.io/example/app@sha256:{'0' * 64}", "localhost:5000/app:1"])
def test_an_image_that_names_one_version_is_taken(image: str) -> None:
    assert IMAGE.validate_python(image) == image


@pytest.mark.parametrize("image", ["nginx", "ghcr.io/example/app", "app@sha256:12", "App:1"])
def test_an_image_that_can_change_at_any_time_is_refused(image: str) -> None:
    with pytest.raises(ValidationError, match="takes NAME:TAG, NAME@sha256:DIGEST or both"):
        IMAGE.validate_python(image)


@pytest.mark.parametrize("password", ["short", "with a space in it", "quote'quote'quote'q"])
def test_a_password_that_needs_quoting_or_is_short_is_refused_and_not_shown(password: str) -> None:
    with pytest.raises(ValidationError, match="takes 16 or more letters") as refused:
        PASSWORD.validate_python(password)

    assert password not in str(refused.value.errors()[0]["msg"])
