from __future__ import annotations

import importlib.util
import json
import marshal
import subprocess
import sys
from pathlib import Path
from types import CodeType

import pytest

from infra.aliyun.bundle import bytecode

SOURCE = b'''"""Doc."""
import os, sys, json
NAMES = {"collections", "os", "path"}
def name(os, path="a text with spaces", *, sys=1.5, _x=(1, "path")):
    def inner():
        return os, path, b"bytes", 10**20, frozenset({"b", "a"})
    return inner in {"x", "collections", 3}
class Thing:
    collections = os.path
'''


def in_another_process(*before: str, seed: str) -> bytes:
    """Compile in a process that did other things before."""
    program = "; ".join(
        [
            *before,
            "import sys",
            "from infra.aliyun.bundle.bytecode import compiled",
            f"sys.stdout.buffer.write(compiled({SOURCE!r}, '/code/app/x.py'))",
        ]
    )
    environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(bytecode.__file__).parents[3])}
    return subprocess.run([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, check=True).stdout


def test_what_else_the_process_has_loaded_changes_nothing() -> None:
    first = in_another_process(seed="0")
    held = "kept = [sys.intern(n) for n in ('inner', 'Thing', 'NAMES')]"
    second = in_another_process("import sys, asyncio, email, collections", held, seed="42")

    assert first == second


def test_the_source_is_never_compared() -> None:
    data = bytecode.compiled(b"x = 1\n", "/code/app/x.py")

    assert data[:4] == importlib.util.MAGIC_NUMBER
    assert data[4:8] == b"\1\0\0\0", "PEP 552: a hash, and unchecked"
    assert data[8:16] == importlib.util.source_hash(b"x = 1\n")


def test_it_names_the_path_in_the_function() -> None:
    code = marshal.loads(bytecode.compiled(SOURCE, "/code/app/x.py")[16:])

    assert {one.co_filename for one in bytecode.parts_of(code) if isinstance(one, CodeType)} == {"/code/app/x.py"}


def test_it_runs_as_the_source_does() -> None:
    names: dict[str, object] = {}
    exec(marshal.loads(bytecode.compiled(SOURCE, "/code/app/x.py")[16:]), names)

    assert names["NAMES"] == {"collections", "os", "path"}
    assert callable(names["name"])


def run(*items: tuple[Path, bool]) -> subprocess.CompletedProcess[str]:
    listed = [[str(source), f"/code/{source.name}", required] for source, required in items]
    return subprocess.run(
        [sys.executable, bytecode.__file__], input=json.dumps(listed), capture_output=True, text=True, check=False
    )


def test_a_compiled_module_takes_the_place_of_its_source(tmp_path: Path) -> None:
    source = tmp_path / "a.py"
    source.write_bytes(SOURCE)

    assert run((source, True)).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.pyc"]


@pytest.mark.parametrize("required", [True, False])
def test_a_module_that_does_not_compile_stays_and_fails_only_if_it_must_compile(tmp_path: Path, required: bool) -> None:
    source = tmp_path / "a.py"
    source.write_text("print 'Python 2'\n")

    done = run((source, required))

    assert source.exists()
    assert done.returncode == int(required)
    assert ("/code/a.py" in done.stderr) is required
