"""The provider as Pulumi starts it: this folder is named under plugins in Pulumi.yaml."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # Pulumi runs this folder, which puts it on the path, and not the folder that `infra` is in.
    sys.path[0] = str(Path(__file__).resolve().parents[3])

    from infra.render.provider.provider import VERSION, RenderProvider
    from infra.render.provider.server import serve

    serve(RenderProvider, VERSION, sys.argv[1:])
