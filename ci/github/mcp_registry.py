"""Publishes to the MCP registry as the repository's owner (`python -m ci.github.mcp_registry server.json`).

The registry trusts the job's identity token for the namespace io.github.OWNER; no password is kept.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from ci.errors import CiError, exit_code
from ci.github.oidc import identity_token, mask

URL = "https://registry.modelcontextprotocol.io"
_TIMEOUT_S = 60
_SIGNED_TOKEN = re.compile(r"eyJ[\w-]+\.[\w.-]+")


def main() -> int:
    """Publish the file that is named; print what was done."""
    if len(sys.argv) != 2:
        raise CiError("takes a file, such as server.json")
    server = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    publish(server, os.environ)
    print(f"published {server['name']} {server['version']}")
    return 0


def publish(server: Mapping[str, Any], environment: Mapping[str, str], url: str = URL) -> None:
    """Publish a version. Raises CiError when the registry refuses it."""
    token = identity_token(url, environment)
    answer = _post(f"{url}/v0/auth/github-oidc", {"oidc_token": token}, {}, token)
    try:
        session = str(answer.json()["registry_token"])
    except (requests.JSONDecodeError, KeyError, TypeError) as error:
        raise CiError(f"the MCP registry gave no session ({type(error).__name__}); run the job again") from None
    mask(session, environment)
    _post(f"{url}/v0/publish", server, {"Authorization": f"Bearer {session}"}, session)


def _post(url: str, body: Mapping[str, Any], headers: Mapping[str, str], token: str) -> requests.Response:
    """Return an answer that is no refusal. token: what was sent to be let in; a refusal is shown without it."""
    try:
        answer = requests.post(url, json=body, headers=headers, timeout=_TIMEOUT_S)
    except requests.RequestException as error:
        raise CiError(f"the MCP registry did not answer ({type(error).__name__}); run the job again") from None
    if not answer.ok:
        said = _SIGNED_TOKEN.sub("[token]", answer.text.replace(token, "[token]"))
        raise CiError(f"the MCP registry refused {url} with {answer.status_code}: {said[:1000]}")
    return answer


if __name__ == "__main__":
    sys.exit(exit_code(main))
