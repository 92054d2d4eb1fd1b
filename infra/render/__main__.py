"""`python -m infra.render`."""

from __future__ import annotations

import sys

from infra.render.driver.cli import main

if __name__ == "__main__":
    sys.exit(main())
