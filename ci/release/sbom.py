"""The software bill of materials: every package of a lock with its hashes, in CycloneDX."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from ci.errors import CiError
from ci.release.identity import ROOT, Identity

_TIMEOUT_S = 120
_SPECIFICATION = "1.6"


def sbom(found: Identity, lock: Path = ROOT / "requirements" / "local.txt") -> dict[str, Any]:
    """Return the bill of a lock's packages; the same lock makes the same bill. Raises CiError."""
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", "--output-reproducible", "--validate"]
    done = subprocess.run(  # noqa: S603 - a fixed command
        [*command, "--spec-version", _SPECIFICATION, "--output-format", "JSON", str(lock)],
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
    )
    if done.returncode != 0:
        raise CiError(f"no bill of materials was made of {lock.name}: {done.stderr.strip()[-1000:]}")
    bill: dict[str, Any] = json.loads(done.stdout)
    root = f"pkg:pypi/claude-memory@{found.version}"
    bill["metadata"]["component"] = {
        "bom-ref": root,
        "type": "application",
        "name": "claude-memory",
        "version": found.version,
        "description": found.description,
        "licenses": [{"license": {"id": "MIT"}}],
        "purl": root,
        "externalReferences": [{"type": "vcs", "url": found.url}],
    }
    packages = sorted(component["bom-ref"] for component in bill["components"])
    bill["dependencies"] = [one for one in bill["dependencies"] if one["ref"] != root]
    bill["dependencies"].append({"ref": root, "dependsOn": packages})
    return bill
