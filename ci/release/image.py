"""Prints the image's names as a job's outputs (`python3 -m ci.release.image --tag vX.Y.Z --repository OWNER/NAME`).

Standard library only: the job that pushes the image installs nothing.
"""

from __future__ import annotations

import argparse
import sys

from ci.errors import exit_code
from ci.release.identity import check_origin, identity


def main() -> int:
    """Print `name=value` lines."""
    parser = argparse.ArgumentParser(prog="python3 -m ci.release.image")
    parser.add_argument("--tag", required=True)
    parser.add_argument("--repository", required=True)
    args = parser.parse_args()
    found = identity()
    check_origin(found, args.tag, args.repository)
    print(f"image={found.image}\nversion={found.version}\nserver={found.server}")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
