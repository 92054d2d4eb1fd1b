"""Versions of images: each is exact, and stands in one place."""

from __future__ import annotations

import re

import pytest

from infra import versions
from tests.support.serving import ROOT

IMAGES = {name: value for name, value in vars(versions).items() if isinstance(value, str) and name.isupper()}


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_has_an_exact_version(name: str) -> None:
    tag = IMAGES[name].partition(":")[2]

    assert re.match(r"v?\d+\.\d+", tag), "a tag such as `latest` or `18` moves"


@pytest.mark.parametrize("name", IMAGES)
def test_no_other_module_names_the_image(name: str) -> None:
    repository = IMAGES[name].partition(":")[0]
    others = [path for path in (ROOT / "infra").rglob("*.py") if path.name != "versions.py"]

    assert not [path for path in others if re.search(rf"{repository}:v?\d", path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("name", IMAGES)
def test_the_example_stack_shows_it(name: str) -> None:
    shown = IMAGES[name] in (ROOT / "Pulumi.selfhost.yaml").read_text(encoding="utf-8")

    assert shown, f"add {IMAGES[name]} to Pulumi.selfhost.yaml"
