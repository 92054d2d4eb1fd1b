"""Starts the embedded PostgreSQL in a thread while the app is imported."""

from __future__ import annotations

import threading

TYPE_CHECKING = False  # `typing` takes 3 ms to import
if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path
    from typing import Any


class EarlyPostgres:
    """The embedded PostgreSQL, which starts in a thread while the rest is imported.

    started: done when it runs, or holds the error that made the start fail.
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

            self.server = EmbeddedPostgres(self.data_dir, on_event=self._log)
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

    def _log(self, line: str) -> None:
        if self.started.done():  # before that `started` reports errors, and logging would cost its import
            import logging

            logging.getLogger("app.store.embedded").warning("%s", line)

    def stop(self) -> None:
        """Stop the server, even while it is starting; idempotent."""
        self._thread.join()
        server, self.server = self.server, None
        if server is not None:
            server.stop()
