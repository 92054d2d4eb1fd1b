"""Measures when the TLS certificate that clients see expires, so that an alert fires when it is not renewed."""

from __future__ import annotations

import asyncio
import ssl
from datetime import datetime
from urllib.parse import urlsplit

from app import metrics
from app.errors import Unavailable
from app.measuring import METRICS
from app.runtime.jobs import Job, Jobs

EVERY_S = 3_600.0
_PATIENCE_S = 10.0


def certificate_jobs(public_url: str) -> Jobs:
    """Return the job that checks the certificate of PUBLIC_URL."""
    return Jobs([Job("certificate", EVERY_S, lambda: measure_expiry(public_url))])


async def measure_expiry(public_url: str) -> None:
    """Set the metric to when the certificate expires. Raises Unavailable when the server shows none."""
    ends = await certificate_end(public_url)
    METRICS.set(metrics.CERTIFICATE_EXPIRY, ends.timestamp())


async def certificate_end(url: str) -> datetime:
    """Return when the certificate of an https URL's server expires. Raises Unavailable."""
    from cryptography import x509

    parts = urlsplit(url)
    # We only read the date and send nothing, so an expired certificate must not end the connection.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(_PATIENCE_S):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or 443, ssl=context)
            certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            writer.close()
    except (OSError, TimeoutError) as error:
        raise Unavailable(
            f"{parts.hostname} shows no certificate ({error or 'no answer'}); check PUBLIC_URL and the proxy"
        ) from error
    return x509.load_der_x509_certificate(certificate).not_valid_after_utc
