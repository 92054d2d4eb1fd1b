"""Starts the embedded PostgreSQL in a thread while the app is imported."""

from __future__ import annotations

import threading

TYPE_CHECKING = False  # `typing` takes 3 ms to import
if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path
    from typing import Any

    from app.errors import StoreUnavailable

_LOOK_S = 0.1


class EarlyPostgres:
    """The embedded PostgreSQL, which starts in a thread while the rest is imported.

    started: done when it runs, or holds the error that made the start fail. On a full disk that takes until there is
    space; `failure` says so meanwhile.
    """

    def __init__(self, data_dir: Path) -> None:
        from concurrent.futures import Future

        self.data_dir = data_dir
        self.server: Any = None
        self.started: Future[None] = Future()
        self._thread = threading.Thread(target=self._start, name="postgres-start")
        self._thread.start()

    def _start(self) -> None:
        try:
            from app.store.embedded import EmbeddedPostgres

            self.server = EmbeddedPostgres(self.data_dir, on_event=self._log, waits_for_space=True)
            self.server.start()
            self.started.set_result(None)
        except BaseException as error:  # noqa: BLE001 - whoever waits for it gets any error
            self.started.set_exception(error)

    @property
    def connect_args(self) -> dict[str, Any]:
        """How to connect, once `started` is done."""
        return dict(self.server.connect_args)

    @property
    def failure(self) -> Exception | None:
        """Why the server no longer runs; None while it does."""
        server = self.server  # `stop` clears it, in another thread
        failure: Exception | None = server.failure if server is not None else None
        return failure

    def refusal(self, writes: bool) -> StoreUnavailable | None:
        """See EmbeddedPostgres."""
        server = self.server
        refusal: StoreUnavailable | None = server.refusal(writes) if server is not None else None
        return refusal

    def shortage(self) -> str | None:
        """See EmbeddedPostgres."""
        server = self.server
        shortage: str | None = server.shortage() if server is not None else None
        return shortage

    def _log(self, line: str) -> None:
        if self.started.done() or self.failure is not None:  # before, logging would cost its import
            import logging

            logging.getLogger("app.store.embedded").warning("%s", line)

    def stop(self) -> None:
        """Stop the server, even while it is starting; idempotent."""
        while self._thread.is_alive():
            if (starting := self.server) is not None and starting.failure is not None:  # it waits for space
                starting.stop()
            self._thread.join(_LOOK_S)
        server, self.server = self.server, None
        if server is not None:
            server.stop()
