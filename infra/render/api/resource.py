"""What the kinds of resources have in common: read, list, change, delete."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from infra.render.api.calls import Calls, Json, at


class Resource:
    """A kind of resource. Bodies and answers are those of the API."""

    folder: ClassVar[str]  # /FOLDER and /FOLDER/ID
    wrapper: ClassVar[str]  # the name under which a list holds each one

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def get(self, id_: str) -> Json:
        """Return one. Raises NotFound."""
        found: Json = self._calls.get(at(self.folder, id_))
        return found

    def all(self, **filters: Any) -> Iterator[Json]:
        """Yield all that fit the filters of the API, newest first."""
        return self._calls.items(at(self.folder), self.wrapper, **filters)

    def update(self, id_: str, body: Json) -> Json:
        """Set fields; those left out stay."""
        changed: Json = self._calls.patch(at(self.folder, id_), body)
        return changed

    def delete(self, id_: str) -> None:
        """Delete one. Raises NotFound if it was gone before."""
        self._calls.delete(at(self.folder, id_))

    def named(self, name: str, **filters: Any) -> list[Json]:
        """Return those of exactly this name, newest first."""
        return [one for one in self.all(name=name, **filters) if one["name"] == name]
