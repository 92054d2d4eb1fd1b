"""What Pulumi runs as a policy pack: it serves the rules until the engine is done."""

from __future__ import annotations

import sys
from pathlib import Path

# Pulumi puts this folder first on the path. Its modules are found as `policies`, and hide none of a package's.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pulumi_policy import EnforcementLevel, PolicyPack

from policies.pack import NAME, policies

PolicyPack(NAME, policies(), enforcement_level=EnforcementLevel.MANDATORY)
