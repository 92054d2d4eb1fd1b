"""Log streams of a single resource; those of the workspace are in test_types.py."""

from __future__ import annotations

from typing import Any

from tests.infra.render.provider.cases import IMAGE
from tests.standins.render.server import Server
from tests.support.pulumi_engine import Engine

WEB = {"web": ("render:index:WebService", {"name": "web", **IMAGE})}


def program(stack: Engine, **more: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return a program with a stream of its service."""
    if not stack.resources:
        stack.up(WEB)
    resource = {"resourceId": stack.resources["web"].id, "setting": "drop", **more}
    return WEB | {"stream": ("render:index:LogStream", resource)}


def test_a_resources_stream_is_set_changed_and_removed(stack: Engine, render: Server) -> None:
    stack.up(program(stack))
    [shown] = render.state.streams.values()
    assert shown["setting"] == "drop"
    stack.refresh()
    assert ("same", "stream") in stack.steps

    stack.up(program(stack, setting="send", endpoint="logs.example.com:514"))
    [shown] = render.state.streams.values()
    assert (shown["setting"], shown["endpoint"]) == ("send", "logs.example.com:514")
    stack.up(WEB)

    assert render.state.streams == {}
    assert render.undocumented == []


def test_a_resources_stream_is_imported(stack: Engine) -> None:
    stack.up(program(stack))
    id_ = stack.resources.pop("stream").id

    stack.import_("stream", "render:index:LogStream", id_)
    stack.up(program(stack))

    assert ("same", "stream") in stack.steps
