"""Where a model is, and who may have put it there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.datadir.folder import MODELS_FOLDER
from app.embedding.local.folder import LocalModel, installed
from app.errors import EmbeddingRefused
from tests.support.local_model import E5, kept


def test_a_model_is_used_when_its_folder_is_there(tmp_path: Path) -> None:
    assert installed(tmp_path) is None

    kept(tmp_path, E5)

    found = installed(tmp_path)
    assert found is not None
    assert (found.model, found.name, found.folder.parent) == (E5, "e5-small-q4", tmp_path / MODELS_FOLDER)


def test_what_an_interrupted_add_left_is_no_model(tmp_path: Path) -> None:
    (tmp_path / MODELS_FOLDER / ".1.unfinished" / "model").mkdir(parents=True)

    assert installed(tmp_path) is None


def test_our_own_files_are_run(local: LocalModel) -> None:
    local.check_owner()


@pytest.mark.parametrize("place", ["folder", "library", "weights"])
def test_what_others_may_change_is_not_run(local: LocalModel, place: str) -> None:
    path: Path = getattr(local, place)
    path.chmod(path.stat().st_mode | 0o020)

    with pytest.raises(EmbeddingRefused, match=f"{path.name} could be changed by other users, so it is not run"):
        local.check_owner()


def test_a_link_is_not_followed(local: LocalModel, tmp_path: Path) -> None:
    local.library.rename(tmp_path / "elsewhere")
    local.library.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(EmbeddingRefused, match="could be changed"):
        local.check_owner()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_files_of_another_user_are_not_run(local: LocalModel) -> None:
    os.chown(local.library, 65534, 65534)

    with pytest.raises(EmbeddingRefused, match="could be changed"):
        local.check_owner()


def test_a_file_that_is_gone_is_named_with_what_to_do(local: LocalModel) -> None:
    local.weights.unlink()

    with pytest.raises(EmbeddingRefused, match=r"weights.bin cannot be read .* run: claude-memory model add e5-small"):
        local.check_owner()
