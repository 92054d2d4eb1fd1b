"""Where the logs of containers go: to files of the host, or with Docker's logging drivers to a server elsewhere.

The memory must not depend on that server. So drivers never block a container, and an address that could keep one from
starting is refused: Docker connects to TCP, and looks up a name, before it starts a container, and fails with either.
Docker keeps the last lines on the host as well, which `docker logs` shows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import model_validator

from infra.config import TargetConfig
from infra.selfhost.labels import SERVICE, STACK

FILES: Final = "json-file"
LOKI: Final = "loki"
_SIZE, _NUMBER = "10m", "3"  # of the files on the host
_LABELS = f"{STACK},{SERVICE}"
# Without these the driver keeps a container from being stopped while Loki is away (its documentation, known issues).
_LOKI_GIVES_UP = {"loki-timeout": "1s", "loki-retries": "2", "loki-max-backoff": "800ms", "keep-file": "true"}


class Logging(TargetConfig):
    """driver: one of Docker's. address: of the server, for all but json-file."""

    driver: Literal["json-file", "syslog", "gelf", "loki"] = FILES
    address: str | None = None

    @model_validator(mode="after")
    def _address_fits(self) -> Self:
        if self.driver == FILES:
            if self.address is not None:
                raise ValueError(f"address: goes with another driver than {FILES}")
        elif self.driver == LOKI:
            _check_url(self.address)
        else:
            _check_datagram(self.driver, self.address)
        return self


def _check_url(address: str | None) -> None:
    parts = urlsplit(address or "")
    if parts.scheme not in ("http", "https") or not parts.hostname or not parts.path.strip("/"):
        raise ValueError("address: takes the URL that Loki takes lines at, such as https://HOST/loki/api/v1/push")
    if parts.username or parts.password:
        raise ValueError(
            "address: `docker inspect` would show its password; let Loki, or a proxy, know the host instead"
        )


def _check_datagram(driver: str, address: str | None) -> None:
    match = re.fullmatch(r"udp://(\[[0-9a-fA-F:]+\]|[0-9.]+):(\d{1,5})", address or "")
    if match is None or not _is_address(match[1].strip("[]")) or not 0 < int(match[2]) < 65_536:
        raise ValueError(
            f"address: {driver} takes udp://ADDRESS:PORT with an IP address; with TCP, or a name to look up, no"
            " container starts while that server, or DNS, is away. A relay at udp://127.0.0.1:PORT can do both"
        )


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


ON_HOSTS = Logging()


def log_arguments(logging: Logging) -> dict[str, Any]:
    """Return the arguments of a container."""
    return {"log_driver": logging.driver, "log_opts": _options(logging)}


def _options(logging: Logging) -> Mapping[str, str]:
    files = {"max-size": _SIZE, "max-file": _NUMBER}
    if logging.driver == FILES:
        return files
    address = str(logging.address)
    sent = {"mode": "non-blocking", "max-buffer-size": "4m", "labels": _LABELS}
    kept = {f"cache-{name}": value for name, value in files.items()}
    if logging.driver == LOKI:
        return {**sent, **files, **_LOKI_GIVES_UP, "loki-url": address}
    if logging.driver == "gelf":
        return {**sent, **kept, "gelf-address": address}
    tag = "/".join(f'{{{{index .ContainerLabels "{label}"}}}}' for label in (STACK, SERVICE))
    return {**sent, **kept, "syslog-address": address, "syslog-format": "rfc5424micro", "tag": tag}
