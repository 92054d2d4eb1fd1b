"""What holds every container of a stack tight: limits, no privileges, a read-only root, logs that do not grow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi_docker as docker

from infra.selfhost.config import Limit


def held(limit: Limit, user: str, scratch: Mapping[str, int]) -> dict[str, Any]:
    """Return these arguments of a container.

    user: whom it runs as, UID:GID or a name of the image's.
    scratch: sizes in MB of its file systems in memory, by path.
    """
    # Mounted over a folder of the image, a tmpfs belongs to root unless uid and gid are given. A name's number is known
    # to the image alone.
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
        "log_driver": "json-file",
        "log_opts": {"max-size": "10m", "max-file": "3"},
    }
