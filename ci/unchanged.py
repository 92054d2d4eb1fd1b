"""Fails when two plans differ (`python -m ci.unchanged before.json after.json`), and says where.

Only a dependency bot's pull requests are held to this: new versions of packages are no reason to deploy.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ci.errors import CiError, exit_code

_MOST = 50


def main() -> int:
    """Compare two files; return 1 when they differ."""
    if len(sys.argv) != 3:
        raise CiError("takes two files made by `./dev plan --all --json`")
    before, after = (_read(Path(file)) for file in sys.argv[1:])
    found = list(differences(before, after))
    for line in found[:_MOST]:
        print(line)
    if found:
        raise CiError(
            f"the plans differ in {len(found)} place(s); deploying this would change a stack."
            " Make the change in a pull request of your own, with its reason"
        )
    print("the plans are the same")
    return 0


def differences(before: Any, after: Any, place: str = "plan") -> Iterator[str]:
    """Yield the places where two plans differ; values stay out, they could be long."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            where = f"{place}.{key}"
            if key not in after:
                yield f"{where}: gone"
            elif key not in before:
                yield f"{where}: new"
            else:
                yield from differences(before[key], after[key], where)
    elif (named := _by_name(before)) is not None and (also := _by_name(after)) is not None:
        yield from differences(named, also, place)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, pair in enumerate(zip(before, after, strict=True)):
            yield from differences(*pair, f"{place}[{number}]")
    elif before != after:
        yield f"{place}: another value"


def _by_name(value: Any) -> dict[str, Any] | None:
    """Return resources by type and name: programs run side by side, so that their order differs. None for others."""
    if not isinstance(value, list) or not all(
        isinstance(one, dict) and {"type", "name"} <= one.keys() for one in value
    ):
        return None
    named = {f"{one['type']} {one['name']}": one for one in value}
    return named if len(named) == len(value) else None


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CiError(f"{path} is no plan ({error}); see why `./dev plan` failed") from None


if __name__ == "__main__":
    sys.exit(exit_code(main))
