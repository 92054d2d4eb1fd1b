"""A server that says what it has imported once it is ready, and stops. Run it with the arguments of `serve`."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from app.process import boot
from app.process.begun import Boot

STEPS = {"ready", "HTTP API answers"}


def run(begun: Boot) -> int:
    """Serve until all steps of the start are done."""
    from app.serve import server

    done: set[str] = set()

    class Loaded(server._Server):
        def _step(self, step: str) -> None:
            super()._step(step)
            done.add(step)
            if done >= STEPS:
                files = {name: getattr(module, "__file__", None) or "" for name, module in sys.modules.items()}
                print(json.dumps(files), flush=True)
                os.kill(os.getpid(), signal.SIGTERM)

    server_module: Any = server
    server_module._Server = Loaded
    return server.run(begun)


if __name__ == "__main__":
    flags = boot.read_flags(sys.argv[1:])
    assert flags is not None
    sys.exit(boot.serve(flags, run))
