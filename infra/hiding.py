"""Takes secrets out of what others wrote, such as log lines, and what would act on a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Shorter ones are words of any log.
_SHORTEST = 6
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b.|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def without_controls(text: str) -> str:
    """Return a text without what would act on a terminal, colours included."""
    return _CONTROLS.sub("", text)


class Hider:
    """Knows the secrets of a stack."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted({one for one in secrets if len(one) >= _SHORTEST}, key=len, reverse=True)

    def clean(self, text: str) -> str:
        """Return a text without the secrets and without control characters."""
        text = without_controls(text)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def __repr__(self) -> str:
        return f"Hider({len(self._secrets)} secrets)"
