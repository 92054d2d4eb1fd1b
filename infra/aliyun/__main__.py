"""`python -m infra.aliyun`."""

from __future__ import annotations

import sys

from infra.aliyun.driver.cli import main

if __name__ == "__main__":
    sys.exit(main())
