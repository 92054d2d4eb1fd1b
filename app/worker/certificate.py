"""Measures how long the TLS certificate that clients see is valid, so that an alert fires when it is not renewed."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app import metrics
from app.errors import Unavailable
from app.measuring import METRICS
from app.runtime.jobs import Job, Jobs

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

EVERY_S = 300.0
_PATIENCE_S = 10.0


def certificate_jobs(public_url: str, at: str | None = None) -> Jobs:
    """Return the job that checks the certificate of PUBLIC_URL. at: the https URL to ask, if it is another one."""
    return Jobs([Job(metrics.CERTIFICATE_TASK, EVERY_S, lambda: measure_validity(public_url, at))])


async def measure_validity(public_url: str, at: str | None = None) -> None:
    """Set the metrics of the certificate. Raises Unavailable when the server shows none."""
    certificate = await shown_certificate(public_url, at)
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    METRICS.set(metrics.CERTIFICATE_EXPIRY, ends.timestamp())
    METRICS.set(metrics.CERTIFICATE_LIFETIME, (ends - begins).total_seconds())


async def shown_certificate(url: str, at: str | None = None) -> Certificate:
    """Return the certificate that a server shows for the name in an https URL, also an expired one. Raises Unavailable.

    at: the https URL of the server, where the name does not lead to it.
    """
    from cryptography import x509

    name, parts = urlsplit(url).hostname, urlsplit(at or url)
    # We only read its dates and send nothing, so an expired certificate must not end the connection.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(_PATIENCE_S):
            _, writer = await asyncio.open_connection(
                parts.hostname, parts.port or 443, ssl=context, server_hostname=name
            )
            certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            writer.close()
    except (OSError, TimeoutError) as error:
        raise Unavailable(
            f"{parts.hostname} shows no certificate for {name} ({error or 'no answer'});"
            f" check {'CERTIFICATE_URL' if at else 'PUBLIC_URL'} and the proxy"
        ) from error
    return x509.load_der_x509_certificate(certificate)
