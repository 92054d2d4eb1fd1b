"""The provider as Pulumi starts it: this folder is named under plugins in Pulumi.yaml."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # Pulumi runs this folder, which puts it on the path, and not the folder that `infra` is in.
    sys.path[0] = str(Path(__file__).resolve().parents[3])

    from pulumi.provider.experimental import server

    from infra.aliyun.provider.provider import VERSION, ProvisionProvider

    server.main(sys.argv[1:], VERSION, ProvisionProvider())
