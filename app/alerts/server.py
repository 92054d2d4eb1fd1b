"""Runs the alert receiver: `claude-memory alerts`.

It shares only settings, logs and metrics with the memory server, imports no database driver, and stores its files in
the folder `alerts` of the data directory. On SIGINT or SIGTERM it finishes its open requests and leaves the queue to
the next start.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import uvicorn

from app import logs
from app.alerts.configuration import targets
from app.alerts.delivery import Delivery
from app.alerts.http import AccessCheck, create_app
from app.alerts.journal import Journal
from app.alerts.outbox import Outbox
from app.alerts.receiver import Receiver
from app.alerts.targets import http_client
from app.counted import counted
from app.datadir.lock import DataDirectoryLock
from app.errors import UnsafeBind
from app.http.uvicorn_server import Uvicorn, config
from app.measuring import METRICS
from app.metrics import ALERTS_DELIVERIES
from app.process.listening import BACKLOG, bind, cannot_listen, check_host
from app.process.signals import on_stop_signal
from app.settings.fields import Settings
from app.settings.given import given, with_defaults
from app.settings.loading import load_settings
from app.settings.rules import ALERTS
from app.settings.unread import unread_names

logger = logging.getLogger(__name__)

FOLDER = "alerts"
MEGABYTE = 1_000_000
STOP_S = 10  # for open requests; less than the 30 s platforms give a container


def run(flags: Mapping[str, Any]) -> int:
    """Receive alerts until a stop signal, and return the exit status. Raises MemoryServerError when it cannot start."""
    try:
        settings = load_settings(flags, ALERTS)
    except UnsafeBind:
        check_host(with_defaults(given(flags).texts)["ALERTS_HOST"])  # one that is none cannot be reached either
        raise
    logs.setup(settings)
    if line := unread_names():
        logger.warning("%s", line)
    host, port = settings.alerts_host.strip("[]"), settings.alerts_port
    try:
        listener = bind(host, port)
    except OSError as error:
        raise cannot_listen(host, port, error) from error
    with listener:
        url = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        with contextlib.suppress(OSError):  # the lock reports what is wrong
            settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = DataDirectoryLock(settings.data_dir / FOLDER)
        lock.acquire(url, "alerts")
        try:
            asyncio.run(_serve(settings, lock.directory, listener, url))
        finally:
            lock.release()
    return 0


async def _serve(settings: Settings, directory: Path, listener: socket.socket, url: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(http_client())
        outbox = stack.enter_context(contextlib.closing(await asyncio.to_thread(Outbox, directory)))
        deliveries = [
            Delivery(target, outbox, settings.alerts_give_up_hours * 3_600) for target in targets(settings, client)
        ]
        receiver = await asyncio.to_thread(_receiver, settings, directory, outbox, deliveries)
        app = create_app(receiver, deliveries, outbox, AccessCheck.of(settings))
        server = Uvicorn(config(app, timeout_graceful_shutdown=STOP_S))
        _take_signals(server)
        await stack.enter_async_context(_running(server, receiver, *deliveries))
        listener.listen(BACKLOG)
        sys.stdout.write(f"listening on {url}\n")
        sys.stdout.flush()
        names = ", ".join(delivery.name for delivery in deliveries)
        logger.info("alerts are forwarded to %s", names or "no one: no target is set, they are only logged")
        await server.serve(sockets=[listener])
    logger.info("stopped")


def _receiver(settings: Settings, directory: Path, outbox: Outbox, deliveries: list[Delivery]) -> Receiver:
    """Return the receiver with what the last run left: recent alerts, and the queue without removed targets."""
    names = [delivery.name for delivery in deliveries]
    for name, count in outbox.drop_others(names).items():
        METRICS.count(ALERTS_DELIVERIES, count, (name, "given_up"))
        logger.error(
            "%s waited for %s, which is no longer set; the log has the alerts", counted(count, "message"), name
        )

    def wake() -> None:
        for delivery in deliveries:
            delivery.wake()

    journal = Journal(directory, int(settings.alerts_log_megabytes * MEGABYTE), settings.alerts_log_files)
    return Receiver(journal, outbox, names, settings.alerts_remind_minutes * 60, wake)


@contextlib.asynccontextmanager
async def _running(server: uvicorn.Server, receiver: Receiver, *deliveries: Delivery) -> AsyncIterator[None]:
    """Run the receiver and the deliveries; when one fails, the server stops too."""
    runs = [receiver.run(), *(delivery.run() for delivery in deliveries)]
    tasks = [asyncio.create_task(run) for run in runs]
    for task in tasks:
        task.add_done_callback(lambda _: setattr(server, "should_exit", True))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result


def _take_signals(server: uvicorn.Server) -> None:
    def stop() -> None:
        logger.info("stopping")
        server.should_exit = True

    on_stop_signal(stop)
