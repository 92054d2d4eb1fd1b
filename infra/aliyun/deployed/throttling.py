"""Which failures of `pulumi` come from too many requests: the provider gives up, and another run goes on."""

from __future__ import annotations

import re

from app.backoff import Backoff

WAITS = Backoff(first_s=10.0, longest_s=120.0)
# What the provider does not retry by itself: it fails at once, and another run goes on where it stopped.
_THROTTLED = re.compile(r"ResourceThrottled|TooManyRequests|Throttling|StatusCode:? ?429|\b429\b.{0,40}Too Many", re.I)


def is_throttled(printed: str) -> bool:
    """Whether a run of `pulumi` that printed this failed by too many requests."""
    return _THROTTLED.search(printed) is not None
