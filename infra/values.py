"""What a value of a stack's configuration may be, where several targets have it: types that name their rule."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator, SecretStr

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")  # RFC 1123, 2.1
_LONGEST_NAME = 253


def _image(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9._:/-]*(@sha256:[0-9a-f]{64})?", value) or ":" not in value:
        raise ValueError("takes NAME:TAG, NAME@sha256:DIGEST or both: an image without a tag can change at any time")
    return value


def _password(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[A-Za-z0-9_.~-]{16,}", value.get_secret_value()):
        raise ValueError(
            "takes 16 or more letters, digits and _ . ~ -, which need no quoting anywhere;"
            " `openssl rand -hex 24` makes one"
        )
    return value


def _host_name(value: str) -> str:
    labels = value.split(".")
    if len(value) > _LONGEST_NAME or labels[-1].isdigit() or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError(
            "takes a host name such as memory.example.org: no https://, port, path or wildcard, and in its ASCII form"
        )
    return value.lower()


def _address(value: str) -> str:
    try:
        address = ip_address(value)
    except ValueError:
        raise ValueError("takes an IP address such as 10.77.0.2; a name cannot be listened on") from None
    if address.is_unspecified or address.is_multicast:
        raise ValueError("takes the address of one host in a private network: here everyone could reach the database")
    return str(address)


# Where a proxy can call from that no one on the internet is: this machine, and networks that no one routes.
PRIVATE_NETWORKS = ("127.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "::1", "fc00::/7")

Image = Annotated[str, AfterValidator(_image)]
HostName = Annotated[str, AfterValidator(_host_name)]
Address = Annotated[str, AfterValidator(_address)]
Password = Annotated[SecretStr, AfterValidator(_password)]
