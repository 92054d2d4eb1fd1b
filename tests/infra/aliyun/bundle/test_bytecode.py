from __future__ import annotations

import importlib.util
import json
import marshal
import re
import subprocess
import sys
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from infra.aliyun.bundle import bytecode
from tests.support.serving import ROOT

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


DOCUMENTED = b'''"""Of the module."""
from __future__ import annotations
from functools import cache
def plain():
    """Of a function."""
async def waits():
    """Of a coroutine."""
    def inner():
        """Of one inside."""
        return "a text"
    assert inner() == "a text"
    return inner
@cache
def decorated():
    """Of a decorated one."""
class Thing:
    """Of a class."""
    def method(self) -> int:
        """Of a method."""
        return 1
'''


def documented(data: bytes) -> set[str]:
    """Return what docstrings of `DOCUMENTED` are in a .pyc."""
    parts = bytecode.parts_of(marshal.loads(data[16:]))
    return {part.removeprefix("Of ") for part in parts if isinstance(part, str) and part.startswith("Of ")}


def test_ours_go_without_the_docstrings_that_nothing_reads() -> None:
    assert documented(bytecode.compiled(DOCUMENTED, "/code/app/x.py", ours=True)) == {"a decorated one.", "a class."}


def test_the_docstrings_of_packages_stay() -> None:
    assert len(documented(bytecode.compiled(DOCUMENTED, "/code/python/x.py"))) == 7


def test_without_docstrings_a_module_runs_as_before_and_keeps_its_lines() -> None:
    names: dict[str, Any] = {}
    exec(marshal.loads(bytecode.compiled(DOCUMENTED, "/code/app/x.py", ours=True)[16:]), names)
    with pytest.raises(StopIteration) as ended:
        names["waits"]().send(None)

    inner = ended.value.value
    assert inner() == "a text"
    assert (inner.__code__.co_firstlineno, names["plain"]()) == (8, None)
    assert names["Thing"]().method() == 1


def test_asserts_stay() -> None:
    names: dict[str, Any] = {}
    exec(marshal.loads(bytecode.compiled(b"def no():\n    assert False\n", "/x.py", ours=True)[16:]), names)

    with pytest.raises(AssertionError):
        names["no"]()


def test_the_app_reads_no_docstrings_itself() -> None:
    """Of modules and functions it could not: a function's package has none."""
    reads = re.compile(r"\b__doc__\b|\b(?:get_?doc|cleandoc|getsource|pydoc|doctest)\b")

    assert [file for file in (ROOT / "app").rglob("*.py") if reads.search(file.read_text(encoding="utf-8"))] == []


def run(*items: tuple[Path, bool]) -> subprocess.CompletedProcess[str]:
    listed = [[str(source), f"/code/{source.name}", ours] for source, ours in items]
    return subprocess.run(
        [sys.executable, bytecode.__file__], input=json.dumps(listed), capture_output=True, text=True, check=False
    )


def test_a_compiled_module_takes_the_place_of_its_source(tmp_path: Path) -> None:
    source = tmp_path / "a.py"
    source.write_bytes(SOURCE)

    assert run((source, True)).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.pyc"]


@pytest.mark.parametrize("ours", [True, False])
def test_a_module_that_does_not_compile_stays_and_fails_only_if_it_is_ours(tmp_path: Path, ours: bool) -> None:
    source = tmp_path / "a.py"
    source.write_text("print 'Python 2'\n")

    done = run((source, ours))

    assert source.exists()
    assert done.returncode == int(ours)
    assert ("/code/a.py" in done.stderr) is ours
