"""The policies as the real Pulumi CLI runs them: a pack of its own, with the Python that runs the tests."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.support.serving import ROOT


def policy_pack(folder: Path) -> Path:
    """Make a pack in a folder that runs the repository's, and return it."""
    python = {"name": "python", "options": {"toolchain": "pip", "virtualenv": sys.prefix}}
    folder.mkdir()
    (folder / "PulumiPolicy.yaml").write_text(json.dumps({"runtime": python}), encoding="utf-8")
    pack = ROOT / "policies" / "__main__.py"
    (folder / "__main__.py").write_text(
        f"import runpy\nrunpy.run_path({str(pack)!r}, run_name='__main__')\n", encoding="utf-8"
    )
    return folder
