"""Writes the job's identity token to a file, for providers that take no file of GitHub's (`python -m ci.github.oidc`).

The job needs `id-token: write`. The token's subject names the environment; only that subject should be trusted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import requests

from ci.errors import CiError, exit_code

_TIMEOUT_S = 30


def main() -> int:
    """Write the token for an audience to a file that only the job's user can read."""
    if len(sys.argv) != 3:
        raise CiError("takes an audience and a file, such as sts.aliyuncs.com and $RUNNER_TEMP/token")
    audience, file = sys.argv[1:]
    write_private(Path(file), identity_token(audience, os.environ))
    return 0


def identity_token(audience: str, environment: Mapping[str, str]) -> str:
    """Return a token of this job for an audience, hidden in the job's log. Raises CiError."""
    try:
        url, token = environment["ACTIONS_ID_TOKEN_REQUEST_URL"], environment["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]
    except KeyError:
        raise CiError("GitHub offers this job no identity token; give the job `id-token: write`") from None
    try:
        answer = requests.get(
            url, params={"audience": audience}, headers={"Authorization": f"Bearer {token}"}, timeout=_TIMEOUT_S
        )
        answer.raise_for_status()
        found = str(answer.json()["value"])
    except (requests.RequestException, KeyError, TypeError) as error:
        raise CiError(f"GitHub gave no identity token ({type(error).__name__}); run the job again") from None
    mask(found, environment)
    return found


def mask(secret: str, environment: Mapping[str, str]) -> None:
    """Let GitHub show `***` in place of a secret in the job's log. Outside of a job nothing is printed."""
    if environment.get("GITHUB_ACTIONS") == "true":
        escaped = secret.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        print(f"::add-mask::{escaped}", flush=True)


def write_private(path: Path, text: str) -> None:
    """Write a file that no other user can read, also in place of one that others could."""
    path.touch(mode=0o600)
    path.chmod(0o600)  # before anything secret is in it
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(exit_code(main))
