"""Installs the app's dependencies for the function, whatever machine this is."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from infra.aliyun.bundle.errors import InstallFailed

# Debian 12, which the runtime `custom.debian12` is made of, has glibc 2.36; a wheel may ask for less. The newest that
# fits is taken. 2.5 is the oldest that wheels name.
GLIBC = range(36, 4, -1)
_LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_LIMIT_S = 900
# Each would install elsewhere, or other files than those locked.
_NOT_FOR_PIP = {
    f"PIP_{name}" for name in ("USER", "TARGET", "PREFIX", "ROOT", "NO_BINARY", "REQUIREMENT", "CONSTRAINT")
}


def platforms() -> list[str]:
    """Return the names of the platforms whose wheels run in the function, the best first."""
    found = []
    for minor in GLIBC:
        found.append(f"manylinux_2_{minor}_x86_64")
        if minor in _LEGACY:
            found.append(f"{_LEGACY[minor]}_x86_64")
    return found


def install(lock: str, python: str, target: Path, pip: Sequence[str]) -> None:
    """Install a lock into a new folder, with pip's own settings for where packages come from. Raises InstallFailed.

    lock: its text, without markers. python: a version such as 3.12. pip: the command that runs it.
    """
    lock_file = target.with_name(f"{target.name}.txt")
    lock_file.write_text(lock, encoding="utf-8")
    abi = f"cp{python.replace('.', '')}"
    command = [*pip, "--no-input", "--disable-pip-version-check", "install", "--quiet", "--progress-bar=off"]
    command += ["--target", str(target), "--no-deps", "--require-hashes", "--only-binary=:all:", "--no-compile"]
    command += ["--implementation=cp", f"--python-version={python}", "--root-user-action=ignore"]
    # Without it `pip install` compares what a package asks for with the Python that runs pip. The lock chose for ours.
    command.append("--ignore-requires-python")
    command += [f"--abi={one}" for one in (abi, "abi3", "none")]
    command += [f"--platform={one}" for one in platforms()]
    environment = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_PIP}
    try:
        done = subprocess.run(  # noqa: S603 - pip, by its Python
            [*command, "--requirement", str(lock_file)],
            env=environment | {"LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise InstallFailed(f"no end after {_LIMIT_S} s") from None
    except OSError as error:
        raise InstallFailed(f"{pip[0]} does not run ({type(error).__name__})") from None
    finally:
        lock_file.unlink()
    if done.returncode:
        raise InstallFailed(done.stdout)
