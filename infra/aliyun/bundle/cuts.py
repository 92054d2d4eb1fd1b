"""What of the installed dependencies stays out of a bundle, and why nothing in the function misses it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cut:
    """Files that stay out. pattern: of a path below the folder of packages; `*` goes across folders."""

    pattern: str
    why: str


CUTS = (
    Cut("bin/*", "commands; the function is started with `python mcp_server.py`"),
    Cut("*/__pycache__/*", "compiled for the Python that installed; ours are made after this"),
    Cut("*/tests/*", "tests"),
    Cut("*/conftest.py", "tests"),
    Cut("*.pyi", "type stubs, which only checkers read"),
    Cut("*/py.typed", "the same"),
    Cut("py.typed", "the same"),
    Cut("*.pyx", "Cython sources of extensions, which are there compiled"),
    Cut("*.pxd", "the same"),
    Cut("*.pxi", "the same"),
    Cut("*.c", "C sources of extensions"),
    Cut("*.h", "headers, with which others are compiled"),
    Cut("*.a", "libraries, with which others are linked"),
    Cut("*.proto", "sources of protobuf modules, which are there generated"),
    Cut("numpy/f2py/*", "translates Fortran; numpy imports it when it is asked for by name, and nothing here does"),
    Cut("numpy/_core/include/*", "headers and what belongs to them"),
    Cut("numpy/_core/lib/*", "what extensions of others are linked with"),
    Cut("numpy/random/_examples/*", "examples"),
    Cut("cffi/*", "makes bindings; cryptography has its own compiled and imports `_cffi_backend` alone"),
    Cut("pycparser/*", "reads C for cffi, which is not there either"),
    Cut("mcp/cli/*", "the SDK's own command"),
    Cut("pygments/*", "colours source text; of rich only tracebacks and syntax import it, and we print neither"),
    Cut("markdown_it/*", "reads Markdown; of rich only its Markdown imports it, which we do not print"),
    Cut("mdurl/*", "addresses in Markdown, for markdown_it"),
)

# importlib.metadata finds a version and entry points in these two. pydantic and OpenTelemetry look up entry points
# when they are imported; httpx2, httpcore2 and others their versions.
METADATA = ("METADATA", "entry_points.txt")
_METADATA_WHY = "licences, checksums and notes of installers: importlib.metadata needs METADATA and entry_points.txt"


def reason(path: str) -> str | None:
    """Return why a file stays out, or None when it belongs to the bundle. path: below the folder of packages."""
    folder, _, rest = path.partition("/")
    if folder.endswith(".dist-info"):
        return None if rest in METADATA else _METADATA_WHY
    return next((cut.why for cut in CUTS if fnmatchcase(path, cut.pattern)), None)


def cut(folder: Path) -> int:
    """Remove what stays out from a folder of installed packages; return how many bytes that were."""
    removed = 0
    for file in list(_files(folder)):
        if reason(file.relative_to(folder).as_posix()):
            removed += file.stat().st_size
            file.unlink()
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            shutil.rmtree(path)
    return removed


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())
