"""`python -m infra.render`."""

from __future__ import annotations

import signal
import sys

from infra.render.driver.cli import main

if __name__ == "__main__":
    status = main()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C would show a traceback at the very end
    sys.exit(status)
