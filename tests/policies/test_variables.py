"""Variables of containers: by name, and whether their form hides them."""

from __future__ import annotations

from typing import Any

import pytest

from policies.rule import Options, Resource
from policies.unknown import UNKNOWN, NotKnown
from policies.variables import (
    CONTAINER,
    CRON,
    FUNCTION,
    GROUP,
    PRIVATE,
    WEB,
    command,
    files,
    runs_app,
    setting,
    variables,
)


def of(type_: str, secrets: frozenset[str] | None = frozenset(), **props: Any) -> Resource:
    return Resource(type=type_, name="it", stack="test", props=props, secrets=secrets, options=Options())


def test_a_container_has_its_variables_in_clear_and_its_files_hidden() -> None:
    uploads = [{"file": "/run/files/TOKEN", "content": "x"}]
    container = of(CONTAINER, envs=["A=1=2", UNKNOWN, "B_FILE=/run/files/B"], uploads=uploads)

    assert [(one.name, one.value, one.hidden) for one in variables(container)] == [
        ("A", "1=2", False),
        ("B_FILE", "/run/files/B", False),
    ]
    assert [one.setting for one in variables(container)] == ["A", "B"]
    assert [(one.name, one.hidden) for one in files(container)] == [("TOKEN", True)]


@pytest.mark.parametrize(
    ("value", "hidden"),
    [
        ("x", False),
        ({"value": "x"}, False),
        ({"value": "x", "writeOnly": True}, True),
        ({"fingerprint": "x", "writeOnly": True}, True),
        ({"value": "x", "writeOnly": UNKNOWN}, True),
        (UNKNOWN, True),
    ],
)
def test_on_render_a_value_is_hidden_by_its_form(value: object, hidden: bool) -> None:
    [variable] = variables(of(WEB, envVars={"A": value}))
    [file] = files(of(WEB, secretFiles={"a": value}))

    assert variable.hidden is file.hidden is hidden


def test_a_function_hides_all_or_none() -> None:
    secret = frozenset({"environmentVariables"})

    assert [one.hidden for one in variables(of(FUNCTION, secret, environmentVariables={"A": "1"}))] == [True]
    assert [one.hidden for one in variables(of(FUNCTION, environmentVariables={"A": "1"}))] == [False]


@pytest.mark.parametrize(
    ("resource", "runs", "with_command"),
    [
        (of(CONTAINER, command=["worker"]), True, "worker"),
        (of(CONTAINER, command=["postgres", "-c"]), False, "postgres"),
        (of(CONTAINER), False, ""),
        (of(WEB, runtime="docker"), True, ""),
        (of(WEB, runtime="image", envGroupIds=["g"]), True, ""),
        (of(CRON, runtime="image", dockerCommand="/opt/claude-memory/bin/claude-memory backup"), True, "backup"),
        (of(PRIVATE, runtime="image", dockerCommand="/bin/prometheus"), False, "/bin/prometheus"),
        (of(FUNCTION, customRuntimeConfig={"commands": ["python", "mcp_server.py", "jobs"]}), True, "jobs"),
        (of(GROUP), True, ""),
        (of("render:index:Postgres"), False, ""),
    ],
)
def test_containers_of_the_app_are_told_from_others(resource: Resource, runs: bool, with_command: str) -> None:
    assert runs_app(resource) is runs
    assert command(resource) == with_command


def test_a_setting_that_may_be_there_is_not_known() -> None:
    container = of(CONTAINER, envs=["AUTH=required", UNKNOWN])

    assert setting(container, "AUTH") == "required"
    with pytest.raises(NotKnown):
        setting(container, "HOST")
    assert setting(of(CONTAINER, envs=["AUTH=required"]), "HOST") is None
    with pytest.raises(NotKnown):
        setting(of(FUNCTION, environmentVariables=UNKNOWN), "AUTH")
    with pytest.raises(NotKnown):
        setting(of(GROUP, envVars={"AUTH": UNKNOWN}), "AUTH")
