"""What things are called at Alibaba Cloud: by the stack, so that several stacks share an account."""

from __future__ import annotations

import re

from infra.config import NAMESPACE

HTTP_TRIGGER = "http"


def prefix(stack: str) -> str:
    """Return what the names of a stack's things begin with: small letters, digits and hyphens."""
    return f"{NAMESPACE}-{re.sub(r'[^a-z0-9]+', '-', stack.lower()).strip('-')}"


def server(stack: str) -> str:
    """Return the name of the function that clients reach."""
    return prefix(stack)


def jobs(stack: str) -> str:
    """Return the name of the function for maintenance and backups."""
    return f"{prefix(stack)}-jobs"


def unique(stack: str, account_id: str) -> str:
    """Return a name for what shares its names with everyone in the world: buckets and log projects."""
    return f"{prefix(stack)}-{account_id}"
