"""A progress bar on stderr, shown only on a terminal."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from app.terminal import console


class Bar:
    """Shows how much was read and stored; both the reader's and the writer's thread may update it."""

    def __init__(self, what: str) -> None:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TextColumn("{task.fields[done]:,} done"),
            TimeRemainingColumn(),
        )
        self._progress = Progress(
            *columns,
            console=console(stderr=True),
            transient=True,
            refresh_per_second=4,
            redirect_stdout=False,  # rich would take colours in what is printed meanwhile for its own
            redirect_stderr=False,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task(what, total=None, done=0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def total(self, size: int | None) -> None:
        """Set how many bytes there are."""
        self._progress.update(self._task, total=size)

    def read(self, size: int) -> None:
        """Add bytes that were read or written."""
        self._progress.advance(self._task, size)

    def done(self, number: int) -> None:
        """Set how many memories are done."""
        self._progress.update(self._task, done=number)
