"""`python -m infra.render`."""

from __future__ import annotations

import signal
import sys

from infra.render.driver.cli import main


def _stop(*_: object) -> None:
    """End the command at the first Ctrl-C; a second one would cut off what it says at its end, with a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGINT, _stop)
    sys.exit(main())
