"""Compiles modules for the function. Runs as a program, by a Python of the function's version, without our packages.

On stdin: a JSON list of [source, its path in the function, whether it is the app's own]. A .pyc takes the place of
each; one of the app must compile, and goes without most docstrings. The bytes depend on these and the version of
Python, and on nothing else.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import marshal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

UNCHECKED_HASH = (1).to_bytes(4, "little")  # the source is never looked at: PEP 552


def compiled(source: bytes, path: str, *, ours: bool = False) -> bytes:
    """Return the contents of a .pyc file. path: where the function will have the source. Raises SyntaxError.

    ours: whether the module is the app's own, see `undocumented`.
    """
    code = compile(undocumented(source) if ours else source, path, "exec", dont_inherit=True, optimize=0)
    # marshal writes an object that is referenced once without a mark, and how often a name is referenced depends on
    # what else this process has loaded. While all are held here, all are marked.
    held = list(parts_of(code))
    data = marshal.dumps(code)
    del held
    return importlib.util.MAGIC_NUMBER + UNCHECKED_HASH + importlib.util.source_hash(source) + data


def undocumented(source: bytes) -> ast.Module:
    """Return a module without its docstring and those of its functions: a tenth of what is compiled.

    Others are read when it runs. A class's becomes the description of a schema, and without it `dataclass` works out a
    signature, which slows a start. A decorator may describe its function by it, as those of FastAPI do.
    """
    module = ast.parse(source)
    for node in ast.walk(module):
        if not isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if ast.get_docstring(node, clean=False) is not None and not getattr(node, "decorator_list", ()):
            first = node.body.pop(0)
            node.body = node.body or [ast.copy_location(ast.Pass(), first)]
    return module


def parts_of(value: Any) -> Iterator[Any]:
    """Yield what a code object is made of, at any depth."""
    yield value
    if isinstance(value, CodeType):
        for name in dir(value):
            if name.startswith("co_") and name not in ("co_lines", "co_positions", "co_lnotab"):
                yield from parts_of(getattr(value, name))
    elif isinstance(value, tuple | frozenset):
        for part in value:
            yield from parts_of(part)


def main() -> None:
    """Compile what stdin lists."""
    for name, path, ours in json.load(sys.stdin):
        source = Path(name)
        try:
            data = compiled(source.read_bytes(), path, ours=ours)
        except (SyntaxError, ValueError) as error:
            if ours:
                sys.exit(f"{path}: {error}")
            continue  # packages carry files for other versions of Python
        source.with_suffix(".pyc").write_bytes(data)
        source.unlink()


if __name__ == "__main__":
    main()
