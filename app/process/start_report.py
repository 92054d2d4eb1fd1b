"""Reports why a start fails: Python, platform, port, search path, missing packages, import times, given settings.

`claude-memory doctor --start` prints it, and a start on Function Compute that fails at an import does by itself, into
the function's log. It must work when every package is missing, so it uses the standard library only, and imports the
server in a child process. Settings are reported by name, never by value, but for HOST and PORT.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app import __version__
from app.logs import mask
from app.process.start_imports import MODULES, PACKAGES, QDRANT_MODULES, QDRANT_PACKAGES, SIGN_IN_MODULES
from app.settings.function_compute import MARKS, PORTS, is_on_platform
from app.settings.table import TABLE
from app.terminal import printable

LAYERS = Path("/opt")  # where Function Compute unpacks layers
SLOWEST = 20
_IMPORT_LIMIT_S = 60.0
_MEGABYTE = 1_000_000
_FOUND = "found: "
# Imports each module, going on after one that fails, and prints why each failed.
_CHILD = f"""
import importlib, json, sys
failed = {{}}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except BaseException as error:
        failed[name] = f"{{type(error).__name__}}: {{error}}"
print({_FOUND!r} + json.dumps(failed))
"""


def examine(
    environment: Mapping[str, str] = os.environ,
    modules: Sequence[str] = MODULES,
    packages: Sequence[str] = tuple(PACKAGES),
) -> dict[str, Any]:
    """Return the report as JSON values. modules, packages: those that a start imports."""
    if environment.get("QDRANT_URL"):  # this start needs no embedded index
        modules = [name for name in modules if not name.startswith("app.index.")]
        modules += QDRANT_MODULES if modules else ()
        packages = [*packages, *QDRANT_PACKAGES]
    if environment.get("PUBLIC_URL") and modules:
        modules = [*modules, *SIGN_IN_MODULES]
    missing = [name for name in packages if not _is_there(name)]
    imports = _imports(modules)
    return {
        "ok": not missing and not imports["failed"],
        "version": __version__,
        "python": _python(),
        "platform": _platform(environment),
        "port": _port(environment),
        "search_path": [{"path": path or os.curdir, "exists": Path(path or os.curdir).exists()} for path in sys.path],
        "layers": sorted(child.name for child in LAYERS.iterdir()) if LAYERS.is_dir() else [],
        "missing": missing,
        "imports": imports,
        "settings": _settings(environment),
    }


def as_text(report: Mapping[str, Any]) -> str:
    """Return the report for people, one fact a line, so that it reads well in a function's log."""
    python, where, port, imports = report["python"], report["platform"], report["port"], report["imports"]
    function = where["function"]
    lines = [
        f"claude-memory {report['version']}: " + ("a start imports all it needs" if report["ok"] else "a start fails"),
        f"python: {python['version']}, {python['executable']}, in {python['directory']},"
        f" {'compiled' if python['compiled'] else 'NOT compiled: every start compiles the app anew'}",
        f"platform: {where['system']}, {where['c_library']}, {where['cpus']} CPUs, {where['memory_mb']} MB,"
        f" {where['free_disk_mb']} MB free in {where['temporary_folder']}, user {where['user']}",
        f"function: {function}" if function else "function: none; FC_FUNCTION_NAME and FC_INSTANCE_ID are not set",
        f"port: {port['port']} from {port['from']}, on {port['host']}{port['problem']}",
        *(f"search path: {one['path']}{'' if one['exists'] else ' DOES NOT EXIST'}" for one in report["search_path"]),
        f"layers: {LAYERS} has {', '.join(report['layers']) or 'nothing'}",
        f"settings given: {', '.join(report['settings']) or 'none'}",
        f"missing packages: {', '.join(report['missing']) or 'none'}",
        *(f"import fails: {name}: {why}" for name, why in imports["failed"].items()),
        f"imports: {imports['total_ms']:.0f} ms for {imports['modules']} modules; slowest, with all below them:",
        *(f"  {ms:7.1f} ms {name}" for name, ms in imports["slowest_ms"].items()),
    ]
    return mask("\n".join(lines))


def main(*, as_json: bool) -> int:
    """Print the report; return 1 when something is missing."""
    report = examine()
    try:
        print(printable(mask(json.dumps(report, indent=2)) if as_json else as_text(report)), flush=True)
    except BrokenPipeError:  # the reader of our output has closed it, as `head` does
        sys.stderr.close()
        return 1
    return 0 if report["ok"] else 1


def explain(error: BaseException) -> str | None:
    """Return the report when a start on Function Compute failed for this error, and it is one of an import."""
    if not (isinstance(error, ImportError) and is_on_platform(os.environ)):
        return None
    try:
        return as_text(examine())
    except OSError as reason:  # such as no folder for temporary files: the error itself matters more
        return f"no report of this start: {mask(str(reason))}"


def _is_there(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):  # half a package
        return False


def _python() -> dict[str, Any]:
    import app

    return {
        "version": platform.python_version(),
        "executable": sys.executable,
        "directory": str(Path.cwd()),
        "compiled": _is_compiled(Path(app.__file__)),
    }


def _is_compiled(module: Path) -> bool:
    """Whether a module needs no compiling: a bundle has compiled modules alone, without their sources."""
    return module.suffix == ".pyc" or Path(importlib.util.cache_from_source(str(module))).exists()


def _platform(environment: Mapping[str, str]) -> dict[str, Any]:
    folder = tempfile.gettempdir()
    return {
        "system": platform.platform(),
        "c_library": " ".join(platform.libc_ver()).strip() or "no glibc",
        "cpus": os.cpu_count(),
        "memory_mb": _memory_mb(),
        "temporary_folder": folder,
        "free_disk_mb": shutil.disk_usage(folder).free // _MEGABYTE,
        "user": os.getuid() if hasattr(os, "getuid") else None,
        "function": ", ".join(f"{name}={environment[name]}" for name in MARKS if environment.get(name)),
    }


def _memory_mb() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // _MEGABYTE
    except (AttributeError, ValueError, OSError):
        return None


def _port(environment: Mapping[str, str]) -> dict[str, Any]:
    name = next((name for name in ("PORT", *PORTS) if environment.get(name)), None)
    host = environment.get("HOST") or TABLE["HOST"][0]
    unreachable = is_on_platform(environment) and host.startswith(("127.", "localhost", "::1"))
    return {
        "port": environment[name] if name else TABLE["PORT"][0],
        "from": name or "the default",
        "host": host,
        "problem": ": the platform cannot reach it there; set HOST=0.0.0.0" if unreachable else "",
    }


def _settings(environment: Mapping[str, str]) -> list[str]:
    """Return the names of the given settings, and of the files for secret ones."""
    names = [name.upper() for name, value in environment.items() if value]
    return sorted(name for name in names if name in TABLE or name.removesuffix("_FILE") in TABLE)


def _imports(modules: Sequence[str]) -> dict[str, Any]:
    """Import the modules in a child process and return its times, slowest first, and what failed."""
    command = [sys.executable, "-X", "importtime", "-c", _CHILD, *modules]
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)  # noqa: PTH109 - a text
    try:
        done = subprocess.run(  # noqa: S603 - our own modules, no shell
            command,
            capture_output=True,
            text=True,
            errors="replace",
            env={**os.environ, "PYTHONPATH": path},
            timeout=_IMPORT_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return {"failed": {"all": str(error)}, "modules": 0, "total_ms": 0.0, "slowest_ms": {}}
    found = next((line for line in done.stdout.splitlines() if line.startswith(_FOUND)), None)
    failed = json.loads(found.removeprefix(_FOUND)) if found else {"all": _end(done.returncode, done.stderr)}
    return {"failed": failed, **_times(done.stderr)}


def _end(status: int, said: str) -> str:
    last = [line for line in said.splitlines() if line and not line.startswith("import time:")][-1:]
    return f"the process ended with {status}{''.join(f': {line[:300]}' for line in last)}"


def _times(said: str) -> dict[str, Any]:
    """Return what `-X importtime` said: the milliseconds of the slowest, with all that each imported first."""
    with_below: Counter[str] = Counter()
    total = count = 0
    for line in said.splitlines():
        own, _, rest = line.removeprefix("import time:").partition("|")
        below, _, name = rest.partition("|")
        if not line.startswith("import time:") or not own.strip().isdigit():  # the heading
            continue
        count += 1
        total += int(own)
        with_below[name.strip()] = max(with_below[name.strip()], int(below))
    slowest = {name: round(us / 1_000, 1) for name, us in with_below.most_common(SLOWEST)}
    return {"modules": count, "total_ms": round(total / 1_000, 1), "slowest_ms": slowest}
