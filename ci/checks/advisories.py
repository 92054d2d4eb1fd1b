"""Holds the locks against a local copy of security advisories, without a network (`python -m ci.checks.advisories`).

The copy is a folder of OSV files, JSON or YAML: ADVISORIES names it, or it is `.advisories` in the checkout.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ci.checks.files import ROOT
from ci.checks.locks import locked
from ci.errors import CiError, exit_code

SOURCE = "https://github.com/pypa/advisory-database"
IGNORED = Path(__file__).with_name("advisories.toml")
_NAME = re.compile(r"""(?:^[ -]*|")name"?: *["']?([A-Za-z0-9._-]+)""", re.M)


def main() -> int:
    """Check all locks, if there is a copy; print what was done."""
    folder = Path(os.environ.get("ADVISORIES", ROOT / ".advisories"))
    if not folder.is_dir():
        print(f"not audited: there is no copy of advisories; git clone --depth 1 {SOURCE} {folder.name}")
        return 0
    packages = {str(name): versions for name, versions in locked().items()}
    found = sorted(set(matches(folder, packages)))
    ignored = ignored_today(datetime.datetime.now(datetime.UTC).date())
    problems = [line for advisory, line in found if advisory not in ignored]
    if problems:
        raise CiError(
            "known problems of packages:"
            + "".join(f"\n  {problem}" for problem in problems)
            + "\nUpdate with `./dev lock --upgrade`; or ignore one in ci/checks/advisories.toml, with the reason"
        )
    print(f"{len(packages)} packages, none with a known problem")
    return 0


def matches(folder: Path, packages: Mapping[str, set[str]]) -> Iterator[tuple[str, str]]:
    """Yield (advisory, sentence) for each locked version that an advisory is about. Raises CiError."""
    read = 0
    for path in folder.rglob("*"):
        if path.suffix not in (".json", ".yaml", ".yml") or ".git" in path.parts:
            continue
        text = path.read_text(encoding="utf-8")
        names = {canonicalize_name(name) for name in _NAME.findall(text)}
        read += 1
        if names & packages.keys():  # reading YAML is slow, and few are about our packages
            yield from _in_advisory(_loaded(path, text), packages)
    if not read:
        raise CiError(f"{folder} holds no advisories; it takes OSV files, such as those of {SOURCE}")


def _loaded(path: Path, text: str) -> dict[str, Any]:
    try:
        content = json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader=yaml.CSafeLoader)
    except (ValueError, yaml.YAMLError) as error:
        raise CiError(f"{path} is no OSV file ({error})") from None
    return content if isinstance(content, dict) else {}


def _in_advisory(advisory: Mapping[str, Any], packages: Mapping[str, set[str]]) -> Iterator[tuple[str, str]]:
    if advisory.get("withdrawn"):
        return
    for affected in advisory.get("affected", []):
        package = affected.get("package", {})
        name = canonicalize_name(package.get("name", ""))
        if package.get("ecosystem") != "PyPI":
            continue
        for version in packages.get(name, set()):
            if is_affected(version, affected):
                about = advisory.get("summary") or advisory.get("details", "").strip().partition("\n")[0]
                yield advisory["id"], f"{name} {version}: {advisory['id']}, {about[:150]}"


def is_affected(version: str, affected: Mapping[str, Any]) -> bool:
    """Whether an entry of an advisory is about a version, by its list or by its ranges."""
    if version in affected.get("versions", []):
        return True
    ranges = [one for one in affected.get("ranges", []) if one.get("type") == "ECOSYSTEM"]
    return any(_in_range(Version(version), one.get("events", [])) for one in ranges)


def _in_range(version: Version, events: list[Mapping[str, str]]) -> bool:
    """Whether the last event before a version is the introduction of the problem."""
    inside = False
    for kind, at in sorted(((kind, at) for event in events for kind, at in event.items()), key=_place):
        point = _version(at)
        if kind == "introduced" and version >= point:
            inside = True
        elif (kind == "fixed" and version >= point) or (kind == "last_affected" and version > point):
            inside = False
    return inside


def _place(event: tuple[str, str]) -> tuple[Version, bool]:
    """Return what orders events: a fix in the same version comes after the introduction."""
    return _version(event[1]), event[0] != "introduced"


def _version(text: str) -> Version:
    """Return a version of an advisory; one that is none counts as the first."""
    try:
        return Version(text)
    except InvalidVersion:
        return Version("0")


def ignored_today(today: datetime.date, path: Path = IGNORED) -> set[str]:
    """Return the advisories that are ignored for now."""
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("ignored", [])
    return {entry["id"] for entry in entries if entry["until"] >= today and entry["why"]}


if __name__ == "__main__":
    sys.exit(exit_code(main))
