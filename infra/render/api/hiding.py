"""Takes secrets out of what Render says, as a refusal may repeat what was sent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_SECRET_FIELDS = {"value", "content", "authToken", "token", "password", "datadogAPIKey"}
# Shorter values are also words or numbers of the message: only whole ones are taken out.
_SHORT = 4


def hidden(said: str, key: str, body: Any) -> str:
    """Return Render's words without the key and without any secret of the body that was sent."""
    for secret in sorted({key, *_secrets(body)}, key=len, reverse=True):
        pattern = re.escape(secret)
        said = re.sub(pattern if len(secret) >= _SHORT else rf"(?<!\w){pattern}(?!\w)", "***", said)
    return said


def _secrets(body: Any) -> Iterator[str]:
    if isinstance(body, list):
        for one in body:
            yield from _secrets(one)
    elif isinstance(body, dict):
        for name, value in body.items():
            if name in _SECRET_FIELDS and isinstance(value, str) and value:
                yield value
            else:
                yield from _secrets(value)
