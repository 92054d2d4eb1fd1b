"""The lock of images: which digest each name and tag stands for. With an entry, a stack gets that very image.

A tag can be moved to another image; a digest cannot. `images lock` writes the file, and whoever runs it trusts what the
registry says at that moment. Without an entry an image is taken by its tag.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from infra.command_errors import CannotDo
from infra.errors import InfraError

FILE = Path(__file__).resolve().parents[1] / "images.lock"
_HEAD = """\
# Digests of images, by their names and tags; `python -m infra.selfhost images lock` writes this file.
"""
_ENTRY = re.compile(r"(?P<name>[a-z0-9][a-z0-9._:/-]*:[A-Za-z0-9._-]+)@(?P<digest>sha256:[0-9a-f]{64})")


class LockError(InfraError, CannotDo):
    """The lock has a line that is no entry."""


def read() -> dict[str, str]:
    """Return the digests by name and tag; none where there is no file. Raises LockError."""
    if not FILE.exists():
        return {}
    found = {}
    for number, line in enumerate(FILE.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        entry = _ENTRY.fullmatch(line.strip())
        if entry is None:
            raise LockError(f"{FILE.name}, line {number}: takes NAME:TAG@sha256:DIGEST; run `images lock` again")
        found[entry["name"]] = entry["digest"]
    return found


def write(digests: Mapping[str, str]) -> None:
    """Write the lock."""
    entries = "".join(f"{name}@{digest}\n" for name, digest in sorted(digests.items()))
    FILE.write_text(_HEAD + entries, encoding="utf-8")


def pinned(name: str, digests: Mapping[str, str]) -> str:
    """Return an image's name with its digest, if the lock has one and the name none of its own."""
    return f"{name}@{digests[name]}" if "@" not in name and name in digests else name
