"""What this machine has: the app's packages as installed or as locked, Python, the revision, the `.env`."""

from __future__ import annotations

import hashlib
import platform
import re
import subprocess
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from packaging.markers import Marker

from app import __version__
from infra.command_errors import CannotDo

REPOSITORY = Path(__file__).resolve().parents[3]
_LOCK, _DECLARED = Path("requirements/app.txt"), Path("requirements/app.in")
_SCHEMA = Path("app/store/schema")
_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;]+)(?: ; ([^\\\n]+))?", re.MULTILINE)
_NAME = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)", re.MULTILINE)
_GIT_TIMEOUT_S = 30.0
_DIGITS = 12  # of a schema file's digest, as the app's report has it


@dataclass(frozen=True)
class Here:
    """What runs on the machine at hand.

    installed: whether the packages are those of this environment, or those of the lock file for its Python.
    """

    version: str
    python: str
    packages: dict[str, str]
    installed: bool
    schema_files: dict[str, str]
    commit: str | None
    changed_files: int
    env_file: Path
    variables: dict[str, str] = field(repr=False)


def look(env_file: Path) -> Here:
    """Return what is here. Raises CannotDo for an `.env` that cannot be read."""
    packages, installed = _packages()
    commit, changed = _revision()
    return Here(
        version=__version__,
        python=platform.python_version(),
        packages=packages,
        installed=installed,
        schema_files=_schema_files(),
        commit=commit,
        changed_files=changed,
        env_file=env_file,
        variables=read_env(env_file),
    )


def read_env(path: Path) -> dict[str, str]:
    """Return what an `.env` sets; one that is not there sets nothing. Raises CannotDo."""
    from dotenv import dotenv_values

    if not path.exists():
        return {}
    try:
        found = dotenv_values(path, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotDo(f"{path} cannot be read ({type(error).__name__})") from None
    return {name: value for name, value in found.items() if value}


def declared() -> set[str]:
    """Return the names of the packages that the app asks for itself."""
    return {normalised(name) for name in _NAME.findall((REPOSITORY / _DECLARED).read_text(encoding="utf-8"))}


def normalised(name: str) -> str:
    """Return a package's name in the form that all spellings of it share."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(python: str) -> dict[str, str]:
    """Return the app's packages as locked for a version of Python on Linux, where the app is deployed."""
    environment = {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": python,
        "python_version": ".".join(python.split(".")[:2]),
        "sys_platform": "linux",
    }
    pinned = _PINNED.findall((REPOSITORY / _LOCK).read_text(encoding="utf-8"))
    return {
        normalised(name): version
        for name, version, marker in pinned
        if not marker or Marker(marker.strip()).evaluate(environment)
    }


def _packages() -> tuple[dict[str, str], bool]:
    """Return the app's packages: as installed, if all that it asks for are; as locked otherwise."""
    wanted = locked(platform.python_version())
    installed = {}
    for name in wanted:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    missing = {name for name in declared() - installed.keys() if name in wanted}
    return (wanted, False) if missing else (installed, True)


def _schema_files() -> dict[str, str]:
    """Return the begin of each schema file's SHA-256, as the report of the app has it."""
    return {
        path.name: hashlib.sha256(path.read_text(encoding="utf-8").encode()).hexdigest()[:_DIGITS]
        for path in sorted((REPOSITORY / _SCHEMA).glob("*.sql"))
    }


def _revision() -> tuple[str | None, int]:
    """Return the commit that is checked out and the number of changed files; None where git does not tell."""
    commit = _git("rev-parse", "HEAD")
    return (commit or None), len((_git("status", "--porcelain", "--untracked-files=no") or "").splitlines())


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            ["git", *arguments],  # noqa: S607 - whichever git the user has
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=_GIT_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
