"""Knows where a model is in a data directory. A model whose folder is there is used from the next start on.

The folder is named and removed by one rename each, so it is there whole or not at all. Standard library only: a
server's start loads it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.datadir.folder import MODELS_FOLDER
from app.embedding.local.catalogue import MODELS, Model
from app.errors import EmbeddingRefused


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model and the folder with its files."""

    model: Model
    folder: Path

    @property
    def name(self) -> str:
        """The name under which its vectors are stored."""
        return self.model.vectors

    @property
    def library(self) -> Path:
        """The program that computes vectors."""
        return self.folder / self.model.library

    @property
    def weights(self) -> Path:
        """What the model has learned."""
        return self.folder / self.model.weights

    def check_owner(self) -> None:
        """Check that nobody else can change what is run. Raises EmbeddingRefused.

        Folders and files must be ours or root's, no links, and not writable for others.
        """
        of_model = [self.folder / name for name in self.model.files]
        folders = {self.folder.parent, self.folder, *(file.parent for file in of_model)}
        for path in (*sorted(folders), *of_model):
            try:
                found = path.lstat()
            except OSError as error:
                raise EmbeddingRefused(
                    f"{path} cannot be read ({error.strerror}); run: claude-memory model add {self.model.name}"
                ) from None
            kind = stat.S_ISDIR if path in folders else stat.S_ISREG
            foreign = found.st_uid not in (os.geteuid(), 0) or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
            if foreign or not kind(found.st_mode):
                raise EmbeddingRefused(
                    f"{path} could be changed by other users, so it is not run;"
                    f" run: claude-memory model remove {self.model.name}, then model add {self.model.name}"
                )


def place(data_dir: Path, model: Model) -> LocalModel:
    """Return where a model is in a data directory, or would be."""
    return LocalModel(model, data_dir / MODELS_FOLDER / f"{model.name}-{model.version}")


def installed(data_dir: Path, models: Mapping[str, Model] = MODELS) -> LocalModel | None:
    """Return the model that was added to a data directory; None when there is none."""
    for model in models.values():
        local = place(data_dir, model)
        if local.folder.is_dir():
            return local
    return None
