"""The Pythons of this machine: one of the function's version, which compiles for it, and one that runs pip."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.aliyun.bundle.errors import PipMissing, PythonMissing

_ANSWER_S = 20
_VERSION = "import platform; print(platform.python_implementation(), platform.python_version())"


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that runs. version: all three parts, such as 3.12.1."""

    path: str
    version: str


def find_python(python: str) -> Interpreter:
    """Return a CPython of a version such as 3.12. Raises PythonMissing."""
    tried = []
    for path in _candidates(python):
        answer = _output([path, "-I", "-c", _VERSION])
        implementation, _, version = answer.partition(" ")
        if implementation == "CPython" and version.startswith(f"{python}."):
            return Interpreter(path, version)
        tried.append(f"{path}: {version or 'does not run'}")
    raise PythonMissing(python, tried)


def find_pip(others: list[str]) -> list[str]:
    """Return the command that runs pip: with this Python, or one of the others. Raises PipMissing."""
    tried = list(dict.fromkeys([sys.executable, *others]))
    for path in tried:
        if _output([path, "-I", "-m", "pip", "--version"]):
            return [path, "-I", "-m", "pip"]
    raise PipMissing(tried)


def _candidates(python: str) -> Iterator[str]:
    """Yield this Python, then the file of that name in every folder of PATH: the first may be a shim that fails."""
    yield sys.executable
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        file = Path(folder or os.curdir) / f"python{python}"
        if os.access(file, os.X_OK) and not file.is_dir():
            yield str(file)


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - a Python that was found on PATH
            command, capture_output=True, text=True, timeout=_ANSWER_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
