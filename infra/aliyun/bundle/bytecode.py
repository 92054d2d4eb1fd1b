"""Compiles modules for the function. Runs as a program, by a Python of the function's version, without our packages.

On stdin: a JSON list of [source, its path in the function, whether it must compile]. A .pyc takes the place of each.
The bytes depend on the source, that path and the version of Python, and on nothing else.
"""

from __future__ import annotations

import importlib.util
import json
import marshal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

UNCHECKED_HASH = (1).to_bytes(4, "little")  # the source is never looked at: PEP 552


def compiled(source: bytes, path: str) -> bytes:
    """Return the contents of a .pyc file. path: where the function will have the source. Raises SyntaxError."""
    code = compile(source, path, "exec", dont_inherit=True, optimize=0)
    # marshal writes an object that is referenced once without a mark, and how often a name is referenced depends on
    # what else this process has loaded. While all are held here, all are marked.
    held = list(parts_of(code))
    data = marshal.dumps(code)
    del held
    return importlib.util.MAGIC_NUMBER + UNCHECKED_HASH + importlib.util.source_hash(source) + data


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
    for name, path, required in json.load(sys.stdin):
        source = Path(name)
        try:
            data = compiled(source.read_bytes(), path)
        except (SyntaxError, ValueError) as error:
            if required:
                sys.exit(f"{path}: {error}")
            continue  # packages carry files for other versions of Python
        source.with_suffix(".pyc").write_bytes(data)
        source.unlink()


if __name__ == "__main__":
    main()
