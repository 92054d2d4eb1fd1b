"""Regular expressions that are compiled at their first use: together they take 40 ms, which a start has no use for."""

from __future__ import annotations

import re
from typing import Any, cast


class _Late:
    """Stands for a pattern; gets the pattern's own methods once one is called."""

    def __init__(self, source: str, flags: int) -> None:
        self._source, self._flags = source, flags

    def __getattr__(self, name: str) -> Any:
        compiled = re.compile(self._source, self._flags)
        for method in ("match", "fullmatch", "search", "findall", "finditer", "split", "sub"):
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)


def late(source: str, flags: int = 0) -> re.Pattern[str]:
    """Return a pattern that is compiled at its first use. A source that is wrong shows only then."""
    return cast(re.Pattern[str], _Late(source, flags))
