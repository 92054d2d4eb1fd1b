"""The stand-in images replace files the app's image has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.serving import ROOT

RECIPES = Path(__file__).parent / "images"
REPLACED = sorted(
    (recipe.name, path)
    for recipe in RECIPES.glob("*.Dockerfile")
    for path in re.findall(r"^COPY \S+ /opt/claude-memory/src/(\S+)$", recipe.read_text(), re.MULTILINE)
)


@pytest.mark.parametrize(("recipe", "path"), REPLACED)
def test_a_file_of_the_app_that_a_recipe_replaces_is_there(recipe: str, path: str) -> None:
    assert (ROOT / path).is_file(), f"{recipe} replaces {path}, which no image of the app has"


def test_a_recipe_replaces_a_file() -> None:
    assert REPLACED
