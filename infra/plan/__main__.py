"""What `python -m infra.plan` runs."""

from __future__ import annotations

import sys

from infra.plan.command import main

if __name__ == "__main__":
    sys.exit(main())
