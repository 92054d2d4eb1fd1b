"""Where the data directory is, as text. Standard library only, without pathlib, which takes 5 ms to import.

`app.process.boot` uses it before the port is open; all other code uses `app.datadir.folder`.
"""

from __future__ import annotations

import os
import sys

NAME = "claude-memory"


def data_directory_name(given: str | os.PathLike[str] | None) -> str:
    """Return the data directory, absolute and not created: `given`, or the platform's user data folder.

    The rule for Linux is that of platformdirs, whose import takes 5 to 10 ms.
    Raises RuntimeError when the directory is below the home of an unknown user.
    """
    if given is not None and os.fspath(given):
        return os.path.join(os.getcwd(), _expanded(os.fspath(given)))  # noqa: PTH109, PTH118
    if os.name == "posix" and os.geteuid() == 0:
        return f"/var/lib/{NAME}"
    if sys.platform.startswith("linux"):
        base = os.environ.get("XDG_DATA_HOME", "").strip() or "~/.local/share"
        return f"{_expanded(base)}/{NAME}"
    from platformdirs import user_data_dir

    return user_data_dir(NAME, appauthor=False)


def _expanded(path: str) -> str:
    expanded = os.path.expanduser(path)  # noqa: PTH111
    if expanded.startswith("~"):
        raise RuntimeError(f"{path}: there is no such home")
    return expanded
