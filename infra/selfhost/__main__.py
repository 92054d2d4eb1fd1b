"""`python -m infra.selfhost`."""

from __future__ import annotations

import sys

from infra.selfhost.command import main

if __name__ == "__main__":
    sys.exit(main())
