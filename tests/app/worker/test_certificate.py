"""The certificate clients see: how long it is valid is read, also when it is over."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import metrics
from app.errors import Unavailable
from app.measuring import METRICS
from app.worker.certificate import measure_validity, shown_certificate
from tests.support.certificates import make_certificate


@pytest.mark.parametrize("days", [pytest.param(30, id="valid"), pytest.param(-3, id="over")])
async def test_end_and_lifetime_of_the_shown_certificate_are_noted(tmp_path: Path, days: int) -> None:
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(make_certificate(tmp_path, ends))
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"

        assert (await shown_certificate(url)).not_valid_after_utc == ends
        await measure_validity(url)

    assert METRICS.by_label(metrics.CERTIFICATE_EXPIRY)[()] == ends.timestamp()
    assert METRICS.by_label(metrics.CERTIFICATE_LIFETIME)[()] == timedelta(days=90).total_seconds()


async def test_the_name_is_asked_for_at_another_address_where_it_does_not_lead_there(tmp_path: Path) -> None:
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(make_certificate(tmp_path, ends))
    asked: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        proxy = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await measure_validity("https://memory.invalid", proxy)

    assert asked == ["memory.invalid"]
    assert METRICS.by_label(metrics.CERTIFICATE_EXPIRY)[()] == ends.timestamp()


async def test_a_server_without_tls_is_told_as_unavailable() -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        with pytest.raises(Unavailable, match="shows no certificate"):
            await shown_certificate(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
