"""A stand-in for a model on this machine: the app's own child process around an engine that does as texts say.

Run by path as `app/embedding/local/child.py` is. Beside the model's files it notes each start (`starts`), each text
(`texts`) and its environment (`environment`). The vector of a text is a one at the place of its length, and a question
counts one more.

- `CRASH`: the process is killed at this text; `CRASH ONCE`: only the first time
- `HANG`: it gets no vector
- `SPIN`: it computes without end; a second is what it may
- `LATE`: it takes a moment
- `ZERO`: it gets a vector of zeros
- weights that begin with `broken`: the model cannot be loaded
"""

import importlib.util
import json
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

CHILD = Path(__file__).parents[2] / "app" / "embedding" / "local" / "child.py"
DIMENSIONS = 8
LATE_S = 0.3


class Engine:
    """The functions of the engine's library."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.e5_load, self.e5_dim = partial(_load), partial(_dim)  # types are noted on them, as on ctypes' functions
        self.e5_embed = partial(self._embed)

    def _embed(self, _: object, text: bytes, is_query: int, vector: Any) -> int:
        words = text.decode()
        with (self._folder / "texts").open("a", encoding="utf-8") as file:
            file.write(json.dumps(words) + "\n")
        crashed = self._folder / "crashed"
        if words == "CRASH" or (words == "CRASH ONCE" and not crashed.exists()):
            crashed.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if words == "HANG":
            time.sleep(3_600)
        while words == "SPIN":
            pass
        if words == "LATE":
            time.sleep(LATE_S)
        for place in range(DIMENSIONS):
            vector[place] = float(words != "ZERO" and place == (len(words) + is_query) % DIMENSIONS)
        return 0


def _load(path: bytes) -> int:
    return 0 if Path(os.fsdecode(path)).read_bytes().startswith(b"broken") else 1


def _dim(_: object) -> int:
    return DIMENSIONS


def main() -> int:
    folder = Path.cwd()
    with (folder / "starts").open("a", encoding="utf-8") as file:
        file.write(f"{sys.argv[-1]} {os.getpid()}\n")
    (folder / "environment").write_text(json.dumps(dict(os.environ)), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("child", CHILD)
    assert spec is not None
    assert spec.loader is not None
    child: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(child)
    child.CPU_S = 1
    real = child.ctypes.CDLL
    child.ctypes.CDLL = lambda path: Engine(folder) if path else real(None)
    return int(child.main(*sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
