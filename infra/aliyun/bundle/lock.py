"""The app's lock as the function's Python reads it.

pip evaluates environment markers for the Python that runs it, whatever it is told to install for. So they are
evaluated here, for the function, and pip is given a lock without any.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.requirements import InvalidRequirement, Requirement

from infra.aliyun.bundle.errors import LockUnreadable

LOCK = "requirements/app.txt"
_HASH = re.compile(r"\s--hash=(\S+)")


def environment_of(python: str) -> dict[str, str]:
    """Return what markers are evaluated against. python: a version such as 3.12."""
    return {
        "implementation_name": "cpython",
        "implementation_version": f"{python}.0",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
    }


def lock_for(text: str, python: str) -> str:
    """Return the lock with the packages of a function, without markers. Raises LockUnreadable."""
    environment = environment_of(python)
    lines = []
    for line in _joined(text):
        hashes = sorted(_HASH.findall(line))
        try:
            requirement = Requirement(_HASH.sub("", line).strip())
        except InvalidRequirement:
            raise LockUnreadable(line) from None
        if not hashes or not str(requirement.specifier).startswith("=="):
            raise LockUnreadable(line)
        if requirement.marker is None or requirement.marker.evaluate(environment):
            pinned = f"{requirement.name}{requirement.specifier}"
            lines.append(" \\\n    ".join([pinned, *(f"--hash={one}" for one in hashes)]))
    return "\n".join(lines) + "\n"


def pins_of(lock: str) -> str:
    """Return the names and versions of a lock: what a function has, for people and scanners.

    The hashes, which only an installation reads, do not compress: 48 KB of them are a twentieth of a code package.
    """
    return "".join(f"{_HASH.sub('', line).strip()}\n" for line in _joined(lock))


def _joined(text: str) -> Iterator[str]:
    """Yield the lock's requirements, each on one line, without comments."""
    without_comments = re.sub(r"(?m)^\s*#.*\n", "", text.replace("\r\n", "\n"))
    for line in without_comments.replace("\\\n", " ").splitlines():
        if line.strip():
            yield line
