"""docs/selfhost.md names keys, settings and volumes that exist, and shows a stack that is accepted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings.fields import Settings
from infra.config import NAMESPACE, checked
from infra.selfhost.command import build_parser
from infra.selfhost.config import SelfhostConfig
from infra.selfhost.containers import container_settings
from infra.selfhost.managed import MANAGED
from tests.support.stacks import LOG_ARCHIVE, selfhost_plan, selfhost_values

PAGE = (Path(__file__).parents[3] / "docs" / "selfhost.md").read_text(encoding="utf-8")
KEYS = {field.alias or name for name, field in SelfhostConfig.model_fields.items()}
SETTINGS = {name.upper() for name in Settings.model_fields}


def test_every_key_that_is_set_there_exists() -> None:
    named = set(re.findall(r"pulumi config [gs]et (?:--secret |--path )?([A-Za-z0-9_]+)", PAGE))
    looped = re.findall(r"for key in ([A-Za-z ]+);", PAGE)[0].split()

    assert {*named, *looped} - KEYS - SETTINGS == set()
    assert len(named) > 5


def test_no_command_line_holds_a_new_secret_which_the_list_of_processes_would_show() -> None:
    assert re.findall(r"config set --secret [^\n|`]*\$\(.*", PAGE) == []
    assert re.findall(r"openssl rand .*\| pulumi config set --secret", PAGE)


def test_the_stack_shown_for_two_hosts_is_accepted() -> None:
    given, _ = shown_stacks()

    options = checked(selfhost_values(**given), SelfhostConfig, MANAGED, container_settings).options
    assert len({options.hosts.data.docker, options.hosts.edge.docker}) == 2


def test_more_hosts_of_the_app_are_accepted_beside_it() -> None:
    given, more = shown_stacks()
    hosts = {**given["hosts"], **more["hosts"]}

    options = checked(
        selfhost_values(**{**given, **more, "hosts": hosts}), SelfhostConfig, MANAGED, container_settings
    ).options
    assert [host.docker for host in options.hosts.app] == [
        "ssh://deploy@one.example.org",
        "ssh://deploy@three.example.org",
    ]


def shown_stacks() -> list[dict[str, Any]]:
    """Return the keys of each stack, or part of one, that the page shows."""
    shown = [block for block in re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL) if NAMESPACE in block]
    return [
        {key.removeprefix(f"{NAMESPACE}:"): value for key, value in yaml.safe_load(block).items()} for block in shown
    ]


def our_commands() -> list[str]:
    """Return the arguments of each of our commands on the pages, without comments."""
    pages = PAGE + (Path(__file__).parents[3] / "docs" / "runbook.md").read_text(encoding="utf-8")
    return re.findall(r"python -m infra\.selfhost ([^#`\n]+)", pages)


@pytest.mark.parametrize("arguments", our_commands())
def test_a_command_of_ours_is_one_that_the_parser_takes(arguments: str) -> None:
    assert build_parser().parse_args(arguments.split()).run


def test_commands_of_ours_are_found() -> None:
    assert {line.split()[0] for line in our_commands()} >= {"status", "logs", "top", "images"}


def test_every_volume_that_destroy_keeps_is_named() -> None:
    kept = {
        one.inputs["name"].removeprefix("test-").replace("qdrant-1", "qdrant-N")
        for one in selfhost_plan(**LOG_ARCHIVE).resources
        if one.type == "docker:index/volume:Volume" and "name" in one.inputs
    }

    assert {name for name in kept if f"`selfhost-{name}`" not in PAGE} == set(), "docs/selfhost.md lists them"
