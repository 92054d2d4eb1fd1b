"""Hardening that every container of a stack gets: limits, no privileges, a read-only root, bounded logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi_docker as docker

from infra.selfhost.config import Limit
from infra.selfhost.log_driver import Logging, log_arguments

NOBODY = "65534:65534"  # the user without rights, in images as on hosts


def hardening(limit: Limit, user: str, scratch: Mapping[str, int], logging: Logging) -> dict[str, Any]:
    """Return these arguments of a container.

    user: UID:GID, or a name that the image knows.
    scratch: sizes in MB of its in-memory file systems, by path.
    """
    # A tmpfs mounted over a folder of the image belongs to root unless uid and gid are given. Only the image knows the
    # number behind a name.
    uid, _, gid = user.partition(":")
    owner = f",uid={uid},gid={gid}" if gid else ""
    return {
        "user": user,
        "memory": limit.memory_mb,
        "memory_swap": limit.memory_mb,  # equal: no swap; unset, every preview would show a difference
        "cpus": str(limit.cpus),
        "capabilities": docker.ContainerCapabilitiesArgs(drops=["ALL"]),
        "security_opts": ["no-new-privileges:true"],
        "read_only": True,
        "tmpfs": {path: f"rw,nosuid,nodev,noexec,mode=1777{owner},size={size}m" for path, size in scratch.items()},
        **log_arguments(logging),
    }
