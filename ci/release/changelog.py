"""The sections of CHANGELOG.md."""

from __future__ import annotations

import datetime
import re

from ci.errors import CiError

UNRELEASED = "## Unreleased"
_SECTION = re.compile(r"^## (?P<title>.+)$", re.M)


def released(text: str, version: str, date: datetime.date) -> str:
    """Return a changelog whose unreleased changes are those of a version. Raises CiError."""
    if f"\n## {version} (" in text:
        raise CiError(f"CHANGELOG.md has a section {version} already; a version is released once")
    if not section(text, "Unreleased").strip():
        raise CiError("CHANGELOG.md has nothing under Unreleased; say what is new for users")
    return text.replace(f"{UNRELEASED}\n", f"{UNRELEASED}\n\n## {version} ({date.isoformat()})\n", 1)


def section(text: str, version: str) -> str:
    """Return what a changelog says of a version. Raises CiError."""
    found = list(_SECTION.finditer(text))
    for one, following in zip(found, [*found[1:], None], strict=True):
        if one["title"].partition(" (")[0] == version:
            return text[one.end() : following.start() if following else None].strip() + "\n"
    raise CiError(f"CHANGELOG.md has no section {version}; run `./dev release {version}`")
