"""Finds credentials in the project's files, by the patterns with which the app redacts memories.

`python -m ci.checks.secrets`. secrets.toml has the values that are none, as regular expressions with their reasons.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from app.memory.redaction import redact
from ci.checks.files import ROOT, project_files
from ci.errors import CiError, exit_code

ALLOWED = Path(__file__).with_name("secrets.toml")
_REDACTED = re.compile(r"\[redacted: ([a-z0-9-]+)\]")


@dataclass(frozen=True, order=True)
class Finding:
    """What looks like a credential. line: 0 for one that goes over several. value: never shown."""

    file: str
    line: int
    kind: str
    value: str = field(repr=False)


def main() -> int:
    """Check all files; print what was found."""
    check(findings(ROOT, project_files()), allowed())
    print("no credentials in the project's files")
    return 0


def findings(root: Path, files: Iterable[Path]) -> list[Finding]:
    """Return all findings in files below a folder."""
    return sorted(found for file in files for found in _in_file(file, file.relative_to(root).as_posix()))


def _in_file(file: Path, name: str) -> Iterator[Finding]:
    text = file.read_text(encoding="utf-8", errors="replace")
    if not redact(text).kinds:
        return
    rest = []
    for number, line in enumerate(text.splitlines(), 1):
        yield from (Finding(name, number, kind, value) for kind, value in _in_line(line))
        rest.append(redact(line).text)
    # What goes over several lines shows in the whole, once what single lines hold is out of it.
    for kind in redact("\n".join(rest)).kinds:
        yield Finding(name, 0, kind, "")


def _in_line(line: str) -> Iterator[tuple[str, str]]:
    """Yield kind and value of what is redacted in a line."""
    redacted = redact(line)
    if not redacted.kinds:
        return
    marks = list(_REDACTED.finditer(redacted.text))
    kept = _REDACTED.split(redacted.text)[::2]
    values = re.fullmatch("(.+?)".join(map(re.escape, kept)), line)
    for number, mark in enumerate(marks, 1):
        yield mark[1], values[number] if values else line


def allowed(path: Path = ALLOWED) -> list[re.Pattern[str]]:
    """Return the values that are no credentials."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["allowed"]
    return [re.compile(entry["value"]) for entry in entries if entry["why"]]


def check(found: Iterable[Finding], may: Iterable[re.Pattern[str]]) -> None:
    """Raises CiError with all findings that may not be there, and all permissions that nothing needs."""
    unused, problems = set(may), []
    for one in found:
        fitting = {pattern for pattern in may if one.line and pattern.fullmatch(one.value)}
        unused -= fitting
        if not fitting:
            problems.append(f"{one.file}:{one.line}: looks like a credential ({one.kind})")
    problems += sorted(f"secrets.toml: nothing is {pattern.pattern}; the entry can go" for pattern in unused)
    if problems:
        listed = "".join(f"\n  {problem}" for problem in problems)
        raise CiError(
            f"credentials in files:{listed}\nA real one: revoke it first, then remove it from the history."
            " A made-up one: write it so that it says so, or allow it in ci/checks/secrets.toml, with the reason"
        )


if __name__ == "__main__":
    sys.exit(exit_code(main))
