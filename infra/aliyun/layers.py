"""Layers that Alibaba Cloud publishes, by the address each has in a region."""

from __future__ import annotations

import re

REGION = "{region}"  # in an address: the stack's region
MCP_RUNTIME = f"acs:fc:{REGION}:1730431480417716:layers/MCP-Runtime-V2/versions/1"
PYTHON_3_12 = f"acs:fc:{REGION}:official:layers/Python312/versions/1"
_ADDRESS = re.compile(
    r"acs:fc:(?P<region>\{region\}|[a-z0-9-]+):(?P<account>official|[0-9]+):layers/(?P<name>[\w-]+)/versions/[0-9]+"
)
_PYTHON = re.compile(r"Python(3)(\d+)")


def address(value: str) -> str:
    """Return an address of a layer; raise ValueError if it is none."""
    if not _ADDRESS.fullmatch(value):
        raise ValueError(f"takes acs:fc:{REGION}:ACCOUNT:layers/NAME/versions/NUMBER, as in {PYTHON_3_12}")
    return value


def in_region(value: str, region: str) -> str:
    """Return an address with the stack's region put in."""
    return value.replace(REGION, region)


def region_of(value: str) -> str | None:
    """Return the region that an address names, or None when it is the stack's own."""
    found = _ADDRESS.fullmatch(value)
    return None if found is None or found["region"] == REGION else found["region"]


def python_of(value: str) -> str | None:
    """Return the version of Python that an official layer brings, such as 3.12; None for another layer."""
    found = _ADDRESS.fullmatch(value)
    version = _PYTHON.fullmatch(found["name"]) if found is not None and found["account"] == "official" else None
    return f"{version[1]}.{version[2]}" if version is not None else None
