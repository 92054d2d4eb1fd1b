"""The operator's page names only what there is: commands, settings, metrics, headings."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from app.cli import build_parser
from app.metrics import CATALOGUE
from app.settings.fields import Settings

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "runbook.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^ *```(?:sh|bash)\n(.*?)^ *```$", PAGE, re.MULTILINE | re.DOTALL)
PROSE = re.sub(r"^ *```.*?^ *```$", "", PAGE, flags=re.MULTILINE | re.DOTALL)
# What is no program of ours: those that an operator has, and functions of the page.
PROGRAMS = {
    "amtool",
    "at",
    "curl",
    "df",
    "docker",
    "export",
    "free",
    "journalctl",
    "last",
    "psql",
    "pulumi",
    "python",
    "services",
}
NAMES_OF_POSTGRES = {"claude_memory", "claude_memory_app"}


def lines() -> list[str]:
    """Return the lines of all blocks for a shell, those that go on joined."""
    functions = re.compile(r"^[\w-]+\(\) \{[^\n}]*\n.*?^\}", re.MULTILINE | re.DOTALL)
    return [
        line.strip()
        for block in BLOCKS
        for line in functions.sub("", block.replace("\\\n", " ")).splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]


def words(line: str) -> list[str]:
    """Return the words of a command without what is set before it and where its output goes."""
    line = re.sub(r"^[a-z]+=\$\((.*)\)$", r"\1", line)  # what a variable is set to
    found = shlex.split(re.split(r" >\S", line)[0])
    while found and re.fullmatch(r"[A-Za-z_]+=.*", found[0]):
        found.pop(0)
    return found


def our_commands() -> list[list[str]]:
    """Return the arguments of each of our commands, from blocks and from the text."""
    whole = [line for line in lines() if "()" not in line]
    whole += re.findall(r"`(claude-memory [^`]+)`", PROSE)
    return [words(line)[1:] for line in whole if words(line)[:1] == ["claude-memory"]]


@pytest.mark.parametrize("arguments", our_commands(), ids=" ".join)
def test_a_command_of_ours_is_one_that_the_parser_takes(arguments: list[str]) -> None:
    values = ["http://127.0.0.1/mcp" if word in ("URL", "$server", "$server/mcp") else word for word in arguments]

    assert build_parser().parse_args(values).run


def test_commands_are_found() -> None:
    assert len(our_commands()) > 40


def test_all_other_programs_are_known() -> None:
    others = {words(line)[0] for line in lines() if "()" not in line and words(line)} - {"claude-memory"}

    assert others - PROGRAMS == set()


def test_each_setting_is_one_of_the_app() -> None:
    named = set(re.findall(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`", PROSE))
    named |= {name for line in lines() for name in re.findall(r"(?:^|export |\s)([A-Z][A-Z_]*_[A-Z_]+)=", line)}

    named -= {"DOCKER_HOST"}  # of the command docker
    assert len(named) > 15
    assert {name.removesuffix("_FILE") for name in named} - {name.upper() for name in Settings.model_fields} == set()


def test_each_metric_is_in_the_catalogue() -> None:
    named = set(re.findall(r"\bclaude_memory\w*", PAGE)) - NAMES_OF_POSTGRES

    assert named
    assert named - {name for metric in CATALOGUE for name in metric.series} == set()


def test_each_link_within_the_page_leads_to_a_heading() -> None:
    headings = re.findall(r"^#+ (.+)$", PROSE, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}

    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) - anchors == set()
    assert len(headings) == len(set(headings))
