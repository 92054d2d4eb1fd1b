"""Names what Alibaba Cloud Function Compute sets for a process: its port, and the names that show the platform.

Built-in modules only: `app.process.boot` uses it before the port is open. A function that sets a name with `FC_`
itself is refused, so these come from the platform alone.
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` takes 3 ms to import
if TYPE_CHECKING:
    from collections.abc import Mapping

PORTS = ("FC_CUSTOM_LISTEN_PORT", "FC_SERVER_PORT")  # the documented one first; older functions have the other
MARKS = ("FC_FUNCTION_NAME", "FC_INSTANCE_ID")
REQUEST_ID_HEADER = b"x-fc-request-id"


def port_of(texts: Mapping[str, str]) -> str:
    """Return the port that the platform gave, "" if it gave none."""
    return next((texts[name] for name in PORTS if texts.get(name)), "")


def is_on_platform(texts: Mapping[str, str]) -> bool:
    """Whether these variables are those of a function's instance."""
    return any(texts.get(name) for name in MARKS)
