"""Runs many command lines in one process, each after a line with its number: `python -m tests.support.typing_all`.

Reads `[[arguments, stdin], …]` as JSON from the file that it is given; its own stdout and stderr may be a terminal.
"""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

from app.cli import run

MARK = "=== command"


def main(file: str) -> None:
    """Run them all."""
    for number, (arguments, given) in enumerate(json.loads(Path(file).read_text(encoding="utf-8"))):
        sys.stdin = io.StringIO(given)
        os.write(1, f"{MARK} {number}\n".encode())
        status = run(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(1, f"\n{MARK} ended {status}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1])
