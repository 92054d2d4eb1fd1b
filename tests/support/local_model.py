"""Models on this machine for tests: a small one that a stand-in runs, and the real one where it can be fetched."""

from __future__ import annotations

import fcntl
import hashlib
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from app.embedding.local.catalogue import MODELS, Model
from app.embedding.local.folder import LocalModel, place
from app.errors import ModelNotAdded
from app.ops.models.machine import ThisMachine
from app.ops.models.wheel import checked, fetched
from tests.standins import local_model as standin

E5 = MODELS["e5-small"]
PROGRAM = Path(standin.__file__)


def small_model() -> Model:
    """Return a model that the stand-in runs."""
    return replace(E5, library="engine/lib.so", weights="engine/weights.bin", others=(), dimensions=standin.DIMENSIONS)


def kept(folder: Path, model: Model | None = None) -> LocalModel:
    """Put a model's files into a data directory, as `model add` does."""
    local = place(folder, model or small_model())
    for name in local.model.files:
        file = local.folder / name
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.write_bytes(b"made up")
        file.chmod(0o600)
    return local


def starts(local: LocalModel) -> list[tuple[str, int]]:
    """Return (kind, pid) of each process of a model that was started."""
    notes = local.folder / "starts"
    lines = notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []
    return [(kind, int(pid)) for kind, _, pid in (line.partition(" ") for line in lines)]


def texts(local: LocalModel) -> list[str]:
    """Return the texts that the stand-in was given."""
    return [json.loads(line) for line in (local.folder / "texts").read_text(encoding="utf-8").splitlines()]


def wheel_of(folder: Path, contents: dict[str, bytes], model: Model = E5) -> tuple[Path, Model]:
    """Write a wheel with these files, and return it with the model that is pinned to it."""
    wheel = folder / model.wheel
    info = f"{model.package}-{model.version}.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {model.package}\nVersion: {model.version}\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-any\n")
        for name, content in contents.items():
            archive.writestr(name, content)
    return wheel, replace(model, sha256=hashlib.sha256(wheel.read_bytes()).hexdigest())


def real_wheel(folder: Path) -> Path:
    """Return the real model's wheel, fetched once for all tests of a run; skip the test where that is impossible."""
    try:
        ThisMachine.now().check(E5)
    except ModelNotAdded as error:
        pytest.skip(f"the model does not run here: {error}")
    folder.mkdir(exist_ok=True)
    wheel = folder / E5.wheel
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "tried").exists():
            (folder / "tried").touch()
            try:
                checked(E5, fetched(E5, folder))
            except ModelNotAdded as error:
                (folder / "why").write_text(str(error), encoding="utf-8")
    if not wheel.exists():
        pytest.skip(f"needs the wheel of {E5.package} {E5.version}: {(folder / 'why').read_text(encoding='utf-8')}")
    return wheel
