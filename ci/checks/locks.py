"""What the locks in requirements/ pin."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.markers import Marker
from packaging.utils import NormalizedName, canonicalize_name

from ci.checks.files import ROOT

_PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?: *; *(?P<marker>[^\\\n]+))?", re.M)


def locked(folder: Path = ROOT / "requirements", *, here: bool = False) -> dict[NormalizedName, set[str]]:
    """Return the versions of each package in all locks. here: only what this Python and platform get."""
    found: dict[NormalizedName, set[str]] = {}
    for path in sorted(folder.glob("*.txt")):
        for line in _PINNED.finditer(path.read_text(encoding="utf-8")):
            marker = line["marker"]
            if not here or marker is None or Marker(marker.strip()).evaluate():
                found.setdefault(canonicalize_name(line["name"]), set()).add(line["version"])
    return found
