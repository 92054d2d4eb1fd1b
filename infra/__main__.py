"""What `pulumi` runs: the program of the stack's target."""

from __future__ import annotations

import sys
from pathlib import Path

# `main: infra/` puts only this folder on the path; the packages `app` and `infra` are in the one above.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from infra.targets import run

run()
