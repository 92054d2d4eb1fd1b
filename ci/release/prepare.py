"""Makes a checkout the release of a version: everything that names one is rewritten. Commits and pushes nothing."""

from __future__ import annotations

import datetime
import subprocess
from pathlib import Path

from packaging.version import InvalidVersion, Version

from ci.errors import CiError
from ci.release import changelog, server_json
from ci.release.identity import version_of

# Files that name the version to users, by these words before it.
MENTIONS = {"Pulumi.selfhost.yaml": ("claude-memory:",), "docs/selfhost.md": ("claude-memory:", "VERSION=")}
_TIMEOUT_S = 60


def prepare(root: Path, version: str, today: datetime.date) -> list[str]:
    """Rewrite a clean checkout for a version, and return the files. Raises CiError, and then nothing is changed."""
    old = version_of(root)
    _check_order(old, version)
    _check_clean(root)
    texts = {
        "CHANGELOG.md": changelog.released((root / "CHANGELOG.md").read_text(encoding="utf-8"), version, today),
        "app/__init__.py": (root / "app" / "__init__.py")
        .read_text(encoding="utf-8")
        .replace(f'"{old}"', f'"{version}"'),
        **{file: mentioning(root, file, old, version) for file in MENTIONS},
    }
    for file, text in texts.items():
        (root / file).write_text(text, encoding="utf-8")
    server_json.write(root)
    return sorted([*texts, server_json.FILE])


def mentioning(root: Path, file: str, old: str, version: str) -> str:
    """Return a file's text with another version. Raises CiError when it does not name the old one."""
    text = (root / file).read_text(encoding="utf-8")
    for word in MENTIONS[file]:
        if f"{word}{old}" not in text:
            raise CiError(f"{file} does not say {word}{old}; say it, or take it out of ci/release/prepare.py")
        text = text.replace(f"{word}{old}", f"{word}{version}")
    return text


def _check_order(old: str, version: str) -> None:
    try:
        wanted = Version(version)
    except InvalidVersion:
        wanted = None
    if wanted is None or str(wanted) != version or wanted.local or wanted.is_devrelease:
        raise CiError(f"got {version}, takes a version such as 1.2.3 or 1.2.3rc1")
    if wanted < Version(old):  # the same may be released, once: CHANGELOG.md knows
        raise CiError(f"{version} is older than {old}, the version of app/__init__.py")


def _check_clean(root: Path) -> None:
    done = subprocess.run(  # noqa: S603 - a fixed command
        ["git", "-C", str(root), "status", "--porcelain"],  # noqa: S607 - git is where the user has it
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
    )
    if done.returncode != 0:
        raise CiError(f"git does not know this checkout: {done.stderr.strip()}")
    if done.stdout:
        count = len(done.stdout.splitlines())
        raise CiError(f"{count} file(s) differ from the last commit; commit or remove them first")
