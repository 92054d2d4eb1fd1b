"""Checks the container's server: `python -m app.process.healthcheck URL` exits with 0 when it answers 200.

Standard library only: it runs every few seconds.
"""

from __future__ import annotations

import http.client
import sys
from urllib.parse import urlsplit

_PATIENCE_S = 2.5  # less than the 3 s Docker waits


def main(url: str) -> int:
    """Ask once; print the problem, which Docker stores with the container's state."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=_PATIENCE_S)
    try:
        connection.request("GET", parts.path or "/")
        answer = connection.getresponse()
        body = answer.read(2_000)
    except (OSError, http.client.HTTPException) as error:
        print(f"{url} does not answer: {error}")
        return 1
    finally:
        connection.close()
    if answer.status != 200:
        print(f"{url} answered {answer.status}: {body.decode(errors='replace')}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
