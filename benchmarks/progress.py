"""Progress on stderr, so that a long measurement shows that it is running."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

T = TypeVar("T")


class Steps:
    """Shows how far each part of a benchmark is: a bar on a terminal, elsewhere one line when it begins."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet)

    def over(self, items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
        """Yield the items, counting them."""
        if not self._console.is_terminal:
            self._console.print(f"… {what}", highlight=False)
            yield from items
            return
        if total is None and isinstance(items, Sized):
            total = len(items)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True, refresh_per_second=2) as progress:
            task = progress.add_task(what, total=total)
            for item in items:
                yield item
                progress.advance(task)
