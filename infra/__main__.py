"""What `pulumi` runs: reads the stack's target and runs that program."""

from __future__ import annotations

import sys
from pathlib import Path

# `main: infra/` puts this folder alone on the path; the packages `app` and `infra` stand one above.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from infra.targets import run

run()
