"""The wheel and the source distribution, and what PyPI and the MCP registry would say of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from packaging.metadata import InvalidMetadata, Metadata

from ci.errors import CiError
from ci.release.identity import ROOT, Identity

_PARTS = ("app", "requirements", "pyproject.toml", "README.md", "LICENSE")  # what they are made of
_TIMEOUT_S = 300


def build(out: Path, work: Path, root: Path = ROOT) -> list[Path]:
    """Build both into a folder, of a copy in another: the wheel from the source distribution. Raises CiError."""
    source = work / "source"
    for part in _PARTS:
        if (root / part).is_dir():
            shutil.copytree(root / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            source.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / part, source / part)
    command = [sys.executable, "-m", "uv", "build", "--quiet", "--offline", "--no-config", "--no-build-isolation"]
    done = subprocess.run(  # noqa: S603 - a fixed command
        [*command, "--python", sys.executable, "--out-dir", str(out), str(source)],
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        env=os.environ | {"SOURCE_DATE_EPOCH": _last_change(root)},
    )
    if done.returncode != 0:
        raise CiError(f"the distributions were not built: {done.stderr.strip()[-2000:]}")
    (out / ".gitignore").unlink(missing_ok=True)  # uv's
    return sorted(path for path in out.iterdir() if path.suffix in (".whl", ".gz"))


def _last_change(root: Path) -> str:
    """Return when the last commit was made, in seconds, so that the same commit makes the same files."""
    done = subprocess.run(  # noqa: S603 - a fixed command
        ["git", "-C", str(root), "log", "-1", "--format=%ct"],  # noqa: S607 - git is where the user has it
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
    )
    return done.stdout.strip() or "315532800"  # 1980, the first year of zip


def check(files: list[Path], found: Identity) -> None:
    """Check what an index checks before it takes them. Raises CiError."""
    if [path.name for path in files] != [
        f"claude_memory-{found.version}-py3-none-any.whl",
        f"claude_memory-{found.version}.tar.gz",
    ]:
        raise CiError(f"built {', '.join(path.name for path in files)}, which is not one wheel and one source of it")
    for path in files:
        try:
            metadata = Metadata.from_email(_metadata(path), validate=True)
        except (InvalidMetadata, ExceptionGroup) as error:
            raise CiError(f"PyPI would refuse {path.name}: {error}") from None
        if str(metadata.version) != found.version:
            raise CiError(f"{path.name} says it is version {metadata.version}")
        if metadata.description_content_type != "text/markdown" or not metadata.description:
            raise CiError(f"{path.name} does not bring README.md as its description")
        if f"mcp-name: {found.server}\n" not in metadata.description.replace(" -->", "\n"):
            raise CiError(
                f"README.md does not say `mcp-name: {found.server}`, by which the MCP registry knows the owner"
            )


def _metadata(path: Path) -> bytes:
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as content:
            [name] = [name for name in content.namelist() if name.endswith(".dist-info/METADATA")]
            return content.read(name)
    with tarfile.open(path) as content:
        [member] = [one for one in content.getmembers() if one.name.count("/") == 1 and one.name.endswith("/PKG-INFO")]
        stream = content.extractfile(member)
        return stream.read() if stream else b""
