"""Compiles a folder of modules as the function will have them: without their sources.

So a code package is half as large, and an import asks the disk for one file where it asked for two. A traceback names
files and lines; the lines themselves are in the checkout. So are most docstrings of the app's own modules.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path, PurePosixPath

from infra.aliyun.bundle import bytecode
from infra.aliyun.bundle.errors import CompileFailed
from infra.aliyun.bundle.interpreters import Interpreter

_LIMIT_S = 300
_SMALL = ("-X", "no_debug_ranges")  # no columns, which only underline a part of a line in a traceback: a fifth less


def compile_folder(folder: Path, place: PurePosixPath, interpreter: Interpreter, *, ours: bool) -> None:
    """Replace every module below a folder by its .pyc. Raises CompileFailed.

    place: the folder's path in the function. ours: whether the modules are the app's, of which each must compile, and
    which go without docstrings; packages carry files for other Pythons, and may read their docstrings.
    """
    sources = sorted(folder.rglob("*.py"))
    listed = [[str(source), str(place / source.relative_to(folder).as_posix()), ours] for source in sources]
    environment = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
    try:
        done = subprocess.run(  # noqa: S603 - a Python that was found on PATH
            [interpreter.path, "-s", "-S", "-P", "-W", "ignore", *_SMALL, str(Path(bytecode.__file__))],
            input=json.dumps(listed),
            env=environment | {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CompileFailed(interpreter.version, f"no end after {_LIMIT_S} s") from None
    except OSError as error:
        raise CompileFailed(interpreter.version, f"{interpreter.path} does not run ({type(error).__name__})") from None
    if done.returncode:
        raise CompileFailed(interpreter.version, done.stderr)
