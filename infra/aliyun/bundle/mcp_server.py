"""Starts the memory in a function: `python mcp_server.py [COMMAND]`, the file that a bundle has beside `app/`.

Without a command it serves; the function for backups and maintenance has the command `jobs`.

Standard library only: it runs before any dependency can be imported, and its imports count towards the open port.
"""

from __future__ import annotations

import os
import sys

BUNDLED = "python"  # beside this file, when the dependencies are in the code package
# Of a layer otherwise. Not /opt/python, where other layers put packages: a .py of theirs hides our .pyc.
LAYER = "/opt/claude-memory"


def dependencies_folder(code: str) -> str:
    """Return where the dependencies are. code: the folder of this file."""
    bundled = os.path.join(code, BUNDLED)  # noqa: PTH118 - pathlib takes 5 ms to import, before the port is open
    return bundled if os.path.isdir(bundled) else LAYER  # noqa: PTH112 - the same


def main() -> int:
    """Run until stopped; return the exit status. A start that fails says what is there and what is missing."""
    code = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - the same
    # Before all other folders: the platform's own layers have other versions of some packages.
    sys.path[0:1] = [code, dependencies_folder(code)]
    try:
        from app.__main__ import main as run

        status = run(sys.argv[1:] or ["serve"])
    except ImportError as error:
        sys.stderr.write(f"mcp_server.py: {error}\n")
        status = 1
    if status == 1:  # 2 is wrong settings, which the server has explained
        diagnose()
    return status


def diagnose() -> None:
    """Print what `claude-memory doctor --start` prints. Needs the app itself, and none of its dependencies."""
    try:
        from app.__main__ import main as run

        run(["doctor", "--start"])
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the reason that was printed before matters more
        sys.stderr.write(f"mcp_server.py: no diagnosis by Python {sys.version.split()[0]}: {error}\n")


if __name__ == "__main__":
    sys.exit(main())
