"""Sets up the embedded index: in a folder of the data directory, fed by the process that opened it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from app.index.setup import Index, IndexSource, IndexStatus

if TYPE_CHECKING:
    from app.settings.fields import Settings


class EmbeddedSetup:
    """An index of our own, in the process."""

    name = "embedded"
    modules = ("app.index.embedded.replacing",)
    remedy = "claude-memory reindex"
    shared = None

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.data_dir / "index"

    def index(self, source: IndexSource) -> Index:
        from app.index.embedded.replacing import EmbeddedIndex

        return EmbeddedIndex(source, self.folder)

    async def status(self, source: IndexSource) -> IndexStatus:
        from app.index.embedded.state import state_file

        return IndexStatus(name=os.fspath(self.folder), points=0, is_wanted=state_file(self.folder).exists())
