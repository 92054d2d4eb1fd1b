"""Log lines as they are written, over Render's WebSocket: `GET /logs/subscribe`."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from infra.render.api.access import Access
from infra.render.api.errors import RenderError
from infra.render.api.observed import LogLine, line_of

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

OPEN_TIMEOUT_S = 10.0
# A quiet socket that does not answer a ping for as long is broken.
PING_S = 20.0

# The library logs headers, and with them the key, at the level DEBUG.
_SILENT = logging.Logger("render log socket", logging.CRITICAL + 1)


class SocketFailed(RenderError):
    """The socket cannot be opened, or broke off. refused: Render said no, so trying again changes nothing."""

    def __init__(self, said: str, *, refused: bool = False) -> None:
        super().__init__(f"the log socket {said}")
        self.refused = refused


class OpenSubscription:
    """A socket that is open."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    def next(self, timeout_s: float) -> LogLine | None:
        """Return the next line, or None if none comes in time. Raises SocketFailed."""
        from websockets.exceptions import ConnectionClosed

        try:
            return line_of(json.loads(self._socket.recv(timeout=timeout_s)))
        except TimeoutError:
            return None
        except ConnectionClosed:
            raise SocketFailed("broke off") from None
        except (ValueError, KeyError, TypeError):
            raise SocketFailed("sent something that is no log line") from None


class Subscriptions:
    """Opens sockets."""

    def __init__(self, access: Access) -> None:
        self._url = "ws" + access.url.removeprefix("http")
        self._headers = {"Authorization": f"Bearer {access.key}"}

    @contextmanager
    def open(self, owner_id: str, resources: Sequence[str], **filters: Any) -> Iterator[OpenSubscription]:
        """Open one for resources of one region. Filters as for Logs. Raises SocketFailed.

        The causes are left out of the errors: those of the library hold the request, and the key with it.
        """
        from websockets.exceptions import InvalidStatus, WebSocketException
        from websockets.sync.client import connect

        asked = urlencode({"ownerId": owner_id, "resource": list(resources), **filters}, doseq=True)
        try:
            socket = connect(
                f"{self._url}/logs/subscribe?{asked}",
                additional_headers=self._headers,
                open_timeout=OPEN_TIMEOUT_S,
                ping_interval=PING_S,
                ping_timeout=PING_S,
                close_timeout=1.0,
                logger=_SILENT,
                legacy=True,  # connects now: what comes in its place also connects again, by rules of its own
            )
        except InvalidStatus as error:
            status = error.response.status_code
            refused = 400 <= status < 500 and status != 429
            raise SocketFailed(f"was refused with {status}", refused=refused) from None
        except (OSError, WebSocketException, ImportError) as error:
            raise SocketFailed(f"cannot be opened ({type(error).__name__})") from None
        try:
            yield OpenSubscription(socket)
        finally:
            socket.close()

    def __repr__(self) -> str:
        return "Subscriptions()"
