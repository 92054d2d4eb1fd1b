"""The models that can be added."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.embedding.local.catalogue import MODELS, Model

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
class TestEachModel:
    def test_its_pin_is_the_one_that_is_looked_at_for_advisories(self, model: Model) -> None:
        declared = (ROOT / "requirements" / f"{model.name}.in").read_text(encoding="utf-8").split()
        locked = (ROOT / "requirements" / f"{model.name}.txt").read_text(encoding="utf-8")

        assert declared == [f"{model.package}=={model.version}"]
        assert f"{model.package}=={model.version}" in locked
        assert f"--hash=sha256:{model.sha256}" in locked

    def test_nothing_that_is_unpacked_leaves_the_folder(self, model: Model) -> None:
        for name in model.files:
            assert not name.startswith("/")
            assert ".." not in Path(name).parts

    def test_the_vectors_name_says_the_model_and_no_version_that_may_change_without_them(self, model: Model) -> None:
        assert model.vectors.startswith(model.name)
        assert model.version not in model.vectors

    def test_the_wheel_is_of_the_package_and_version(self, model: Model) -> None:
        assert model.wheel.startswith(f"{model.package}-{model.version}-")
        assert re.fullmatch(r"[0-9a-f]{64}", model.sha256)
        assert len(model.known_vector) <= model.dimensions
